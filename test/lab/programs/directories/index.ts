import * as ad from "@orch/providers/activedirectory";
import * as ldap from "@orch/providers/ldap";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const people = ["ann", "bob", "eve"];

const directory = new ldap.Provider("directory", {
  url: config.require("ldapUrl"),
  ca: config.require("ldapCa"),
  bindDn: config.require("ldapUser"),
  password: config.requireSecret("ldapPassword"),
});
const staff = new ldap.Entry(
  "staff",
  { dn: config.require("ldapBase"), objectClasses: ["organizationalUnit"] },
  { provider: directory },
);
const entries = people.map(
  (uid) =>
    new ldap.Entry(
      uid,
      {
        dn: pulumi.interpolate`uid=${uid},${staff.dn}`,
        objectClasses: ["inetOrgPerson"],
        attributes: { cn: uid, sn: uid, title: config.get("title") ?? "Engineer" },
        writeOnly: { userPassword: config.requireSecret("first") },
      },
      { provider: directory },
    ),
);

const domain = new ad.Provider("domain", {
  url: config.require("adUrl"),
  ca: config.require("adCa"),
  bindDn: config.require("adUser"),
  password: config.requireSecret("adPassword"),
});
const inDomain = { provider: domain };
const unit = new ad.OrganizationalUnit("unit", { name: "Staff", ou: config.require("adBase") }, inDomain);
const group = new ad.Group(
  "engineers",
  { name: "Engineers", ou: unit.dn, sAMAccountName: "engineers" },
  inDomain,
);
const users = people.map((name) => {
  const user = new ad.User(
    `ad-${name}`,
    {
      name,
      ou: unit.dn,
      sAMAccountName: `lab-${name}`,
      title: config.get("title") ?? "Engineer",
      password: config.requireSecret("first"),
    },
    inDomain,
  );
  new ad.Membership(name, { group: group.id, member: user.id }, inDomain);
  return user;
});

export const names = pulumi.all([...entries, ...users].map(({ dn }) => dn));
