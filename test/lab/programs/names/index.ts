import * as dns from "@orch/providers/dns";
import * as postgres from "@orch/providers/postgres";
import * as powerdns from "@orch/providers/powerdns";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const address = config.get("address") ?? "192.0.2.10";

const bind = new dns.Provider("bind", {
  server: "127.0.0.1",
  port: config.requireNumber("dnsPort"),
  keyName: "orch",
  keySecret: config.requireSecret("dnsKey"),
});
const onBind = { provider: bind };
const zone = "example.test";
const hosts = Array.from(
  { length: 20 },
  (_, i) =>
    new dns.RecordSet(
      `host${i}`,
      { zone, name: `host${i}`, type: "A", records: [`192.0.2.${100 + i}`] },
      onBind,
    ),
);
const www = new dns.RecordSet("www", { zone, name: "www", type: "A", ttl: 300, records: [address] }, onBind);
new dns.RecordSet("shop", { zone, name: "Shop", type: "CNAME", records: [www.fqdn] }, onBind);
const reverse = dns.reverseOutput({ address }, onBind);
new dns.RecordSet(
  "ptr",
  { zone: "2.0.192.in-addr.arpa", name: reverse.name, type: "PTR", records: [www.fqdn] },
  onBind,
);

const pdns = {
  provider: new powerdns.Provider("pdns", {
    url: config.require("pdnsUrl"),
    apiKey: config.requireSecret("pdnsKey"),
  }),
};
const inside = new powerdns.Zone("inside", { name: "inside.test", nameservers: ["ns1.example.test"] }, pdns);
new powerdns.RecordSet("db", { zone: inside.name, name: "db", type: "A", records: ["127.0.0.1"] }, pdns);

const server = { provider: new postgres.Provider("db1", { url: config.requireSecret("postgresUrl") }) };
const owner = new postgres.Role(
  "owner",
  { name: "shop", login: true, password: config.requireSecret("password") },
  server,
);
const reader = new postgres.Role("reader", { name: "Shop reader" }, server);
const shop = new postgres.Database("shop", { name: "shop", owner: owner.name }, server);
const app = new postgres.Schema("app", { database: shop.name, name: "app", owner: owner.name }, server);
new postgres.Extension("trgm", { database: shop.name, name: "pg_trgm", schema: app.name }, server);
new postgres.Grant(
  "use",
  { role: reader.name, database: shop.name, on: "schema", schema: app.name, privileges: ["USAGE"] },
  server,
);
new postgres.DefaultPrivileges(
  "read",
  {
    owner: owner.name,
    role: reader.name,
    database: shop.name,
    on: "table",
    schema: app.name,
    privileges: ["SELECT"],
  },
  server,
);

export const names = pulumi.all(hosts.map((host) => host.fqdn));
export const alias = www.fqdn;
