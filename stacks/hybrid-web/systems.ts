// Where the systems are and who logs in. Kubernetes is found by KUBECONFIG, the servers by the inventory.
import * as ad from "@orch/providers/activedirectory";
import * as dns from "@orch/providers/dns";
import * as postgres from "@orch/providers/postgres";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();

export const database = {
  host: config.require("databaseHost"),
  port: config.getNumber("databasePort") ?? 5432,
};
export const databaseServer = new postgres.Provider("database-server", {
  ...database,
  user: config.get("databaseAdmin") ?? "postgres",
  password: config.requireSecret("databaseAdminPassword"),
  sslMode: config.get<"disable" | "verify-full">("databaseTls") ?? "verify-full",
});

export const zone = config.require("zone");
export const nameServer = new dns.Provider("name-server", {
  server: config.require("dnsServer"),
  port: config.getNumber("dnsPort"),
  keyName: config.get("dnsKeyName") ?? "orch",
  keySecret: config.requireSecret("dnsKey"),
});

export const domain = config.require("domain");
export const domainBase = domain
  .split(".")
  .map((part) => `DC=${part}`)
  .join(",");
export const domainController = new ad.Provider("domain-controller", {
  url: config.require("directoryUrl"),
  ca: config.get("directoryCa"),
  bindDn: config.get("directoryAdmin") ?? `Administrator@${domain}`,
  password: config.requireSecret("directoryAdminPassword"),
});
