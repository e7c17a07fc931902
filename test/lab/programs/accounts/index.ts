import * as rest from "@orch/providers/rest";
import * as scim from "@orch/providers/scim";
import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";

const config = new pulumi.Config();

const chat = new scim.Provider("chat", {
  url: config.require("scimUrl"),
  auth: { type: "bearer", token: config.requireSecret("scimToken") },
});
const ann = new scim.User(
  "ann",
  {
    userName: "ann@example.com",
    externalId: "4711",
    title: config.get("title") ?? "Engineer",
    emails: [{ value: "ann@example.com", type: "work", primary: true }],
    entitlements: [{ value: "licence-e3" }],
    enterprise: { department: "Operations" },
    password: config.requireSecret("password"),
    onDelete: "deactivate",
  },
  { provider: chat },
);
const ops = new scim.Group("ops", { displayName: "Operations" }, { provider: chat });
new scim.GroupMember("ann-in-ops", { groupId: ops.id, memberId: ann.id }, { provider: chat });

/** https://doc.powerdns.com/authoritative/http-api/zone.html */
const Zone = rest.define({
  name: "Zone",
  schema: z.strictObject({
    name: z.string().regex(/\.$/, "a name that ends with a dot"),
    kind: z.enum(["Native", "Master", "Slave"]).default("Native"),
    account: z.string().optional(),
    nameservers: z.array(z.string()).optional(),
  }),
  outputs: z.object({ serial: z.number() }),
  path: "/zones",
  id: { is: "{name}" },
  update: { method: "PUT", format: "changed" },
  list: { whole: true },
  writeOnly: ["nameservers"],
  replaceOn: ["name"],
});
/** https://doc.powerdns.com/authoritative/http-api/tsigkey.html */
const TsigKey = rest.define({
  name: "TsigKey",
  schema: z.strictObject({
    name: z.string().min(1),
    algorithm: z.enum(["hmac-sha256", "hmac-sha512"]).default("hmac-sha256"),
    key: z.string().meta({ secret: true }),
  }),
  path: "/tsigkeys",
  id: { is: "{name}." },
  update: { method: "PUT" },
  list: {},
});
const dns = new rest.Provider("dns", {
  url: pulumi.interpolate`${config.require("pdnsUrl")}/api/v1/servers/localhost`,
  auth: { type: "header", name: "X-API-Key", value: config.requireSecret("pdnsKey") },
  resources: [Zone, TsigKey],
});
const zone = new Zone(
  "zone",
  {
    name: "accounts.example.",
    // What SCIM gave, for the people who look at the zone.
    account: pulumi.interpolate`${ops.displayName}`,
    nameservers: ["ns1.example."],
  },
  { provider: dns },
);
new TsigKey("transfer", { name: "transfer", key: config.requireSecret("tsig") }, { provider: dns });

export const annId = ann.id;
export const serial = zone.result.serial;
