// A shop in a hybrid house: its web front runs on Kubernetes, what is in stock is told by servers of one's own. Both use one database,
// the front logs in to the domain, and names lead to all of them. One graph over five systems: README.md has its picture.

import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";
import { ServiceAccount } from "./account";
import { AppDatabase } from "./database";
import { Entrance } from "./entrance";
import { ServerNames } from "./names";
import { StockServer } from "./server";
import * as systems from "./systems";
import { WebFront } from "./web";

const config = new pulumi.Config();
const greeting = config.get("greeting") ?? "Welcome to the shop";
const { zone } = systems;

const account = new ServiceAccount(
  "account",
  { base: systems.domainBase, domain: systems.domain, login: "svc-shop" },
  { providers: [systems.domainController] },
);

const database = new AppDatabase(
  "database",
  { ...systems.database, database: "shop", connections: config.getNumber("databaseConnections") ?? 50 },
  { providers: [systems.databaseServer] },
);

const inventory = host.inventory(config.get("inventory") ?? "inventory.yml");
const servers = Object.fromEntries(
  inventory.group("stock").map((machine) => [
    machine.name,
    new StockServer(machine.name, {
      machine,
      greeting,
      databaseUrl: database.url,
      client: account.principal,
    }),
  ]),
);

const names = new ServerNames("names", { zone, servers }, { providers: [systems.nameServer] });

const web = new WebFront("shop", {
  image: config.get("image") ?? "nginx:1.27",
  replicas: config.getNumber("replicas") ?? 2,
  database,
  account,
  stockServers: names.endpoints,
  greeting,
});

const entrance = new Entrance("entrance", { zone, host: "shop", web }, { providers: [systems.nameServer] });

export const url = entrance.url;
export const address = web.address;
export const stockServers = names.endpoints;
export const databaseUrl = database.url;
