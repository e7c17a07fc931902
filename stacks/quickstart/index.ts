// A shop in small, across two worlds: files and a service on this machine, and objects behind the service's HTTP API.
// Each feeds the other: the settings file starts the service, the service's address makes the items, their ids go into a page.

import { join } from "node:path";
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";
import { Item } from "./item";
import { Shop } from "./shop";

const config = new pulumi.Config();
const folder = config.get("folder") ?? join(__dirname, "run");

const shop = new Shop("shop", {
  folder,
  port: config.getNumber("port") ?? 8787,
  token: config.requireSecret("token"),
});

const prices = { tea: 4.5, bread: 3.2, honey: 7 };
const items = Object.entries(prices).map(
  ([title, price]) => new Item(title, { api: shop.url, token: config.requireSecret("token"), title, price }),
);

const machine = host.factsOutput({});

const page = new host.File(
  "page",
  {
    path: join(folder, "index.html"),
    template: [
      "<h1>{{ greeting }}</h1>",
      "<p>Served by {{ hostname }}.</p>",
      "<ul>",
      "{%- for item in items %}",
      '  <li id="{{ item.id }}">{{ item.title }}: {{ item.price }}</li>',
      "{%- endfor %}",
      "</ul>",
      "",
    ].join("\n"),
    variables: {
      greeting: config.get("greeting") ?? "Hello from orch",
      hostname: machine.hostname,
      items: items.map(({ id, title, price }) => ({ id, title, price })),
    },
    mode: "0644",
  },
  { dependsOn: shop },
);

export const url = shop.url;
export const pagePath = page.path;
export const itemIds = Object.fromEntries(items.map((item, i) => [Object.keys(prices)[i], item.id]));
export const token = config.requireSecret("token");
