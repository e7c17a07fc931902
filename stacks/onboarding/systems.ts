/** The systems, and what people share in them: units, groups, applications, roles of the database. */
import * as ad from "@orch/providers/activedirectory";
import * as host from "@orch/providers/host";
import * as postgres from "@orch/providers/postgres";
import * as rest from "@orch/providers/rest";
import * as scim from "@orch/providers/scim";
import type * as pulumi from "@pulumi/pulumi";
import { Asset } from "./assets.js";
import { groupsOf, type Policy } from "./policy.js";

export interface Systems {
  readonly domain: ad.Provider;
  readonly suite: scim.Provider;
  readonly inventory: rest.Provider;
  readonly database: postgres.Provider;
  readonly files: host.Provider;
  readonly units: ReadonlyMap<string, ad.OrganizationalUnit>;
  readonly computers: ad.OrganizationalUnit;
  readonly groups: ReadonlyMap<string, ad.Group>;
  readonly applications: ReadonlyMap<string, scim.Group>;
  readonly databaseRoles: ReadonlyMap<string, postgres.Role>;
  /** Folders on the file server: of homes, of letters to those who come, of what leavers left. */
  readonly homes: string;
  readonly welcomes: pulumi.Output<string>;
  readonly archives: pulumi.Output<string>;
}

const byName = <T>(names: Iterable<string>, make: (name: string) => T): ReadonlyMap<string, T> =>
  new Map([...new Set(names)].sort().map((name) => [name, make(name)]));

/** What the configuration names, and everything that the policy names. */
export function connect(config: pulumi.Config, policy: Policy): Systems {
  const domain = new ad.Provider("domain", {
    url: config.require("directoryUrl"),
    ca: config.get("directoryCa"),
    bindDn: config.require("directoryUser"),
    password: config.requireSecret("directoryPassword"),
  });
  const suite = new scim.Provider("suite", {
    url: config.require("suiteUrl"),
    auth: { type: "bearer", token: config.requireSecret("suiteToken") },
  });
  const inventory = new rest.Provider("inventory", {
    url: config.require("inventoryUrl"),
    auth: { type: "bearer", token: config.requireSecret("inventoryToken") },
    resources: [Asset],
  });
  const database = new postgres.Provider("database", { url: config.requireSecret("databaseUrl") });
  const files = new host.Provider("files", {
    connection: {
      type: "ssh",
      host: config.require("filesHost"),
      port: config.getNumber("filesPort") ?? 22,
      user: config.get("filesUser") ?? "root",
      privateKey: config.requireSecret("filesKey"),
      hostKey: config.require("filesHostKey"),
    },
  });

  const roles = Object.values(policy.roles);
  const grants = [policy.everybody, ...roles];
  const base = config.require("directoryBase");
  const inDomain = { provider: domain };
  const unit = (name: string, ou: pulumi.Input<string> = base) =>
    new ad.OrganizationalUnit(`unit-${name}`, { name, ou }, inDomain);
  const groupsUnit = unit("Groups");
  const folder = config.get("filesFolder") ?? "/srv";
  const welcomes = new host.Directory(
    "welcomes",
    { path: `${folder}/welcome`, mode: "0750" },
    { provider: files },
  );
  const archives = new host.Directory(
    "archives",
    { path: `${folder}/archive`, mode: "0700" },
    // Archives of leavers outlive the stack.
    { provider: files, retainOnDelete: true },
  );
  return {
    domain,
    suite,
    inventory,
    database,
    files,
    units: byName(
      [...Object.values(policy.departments).map((department) => department.unit), policy.leavers.unit],
      (name) => unit(name),
    ),
    computers: unit("Computers"),
    groups: byName(
      groupsOf(policy),
      (name) =>
        new ad.Group(
          `group-${name}`,
          { name, ou: groupsUnit.dn, sAMAccountName: name, description: "Members follow from roles" },
          inDomain,
        ),
    ),
    applications: byName(
      grants.flatMap(({ applications }) => applications),
      (name) => new scim.Group(`app-${name}`, { displayName: name }, { provider: suite }),
    ),
    databaseRoles: byName(
      roles.flatMap((role) => role.database),
      (name) => new postgres.Role(`db-${name}`, { name }, { provider: database }),
    ),
    homes: `${folder}/home`,
    welcomes: welcomes.path,
    archives: archives.path,
  };
}

/** One of a map that holds all that the policy names. */
export function of<T>(all: ReadonlyMap<string, T>, name: string): T {
  const found = all.get(name);
  if (found === undefined) throw new Error(`nothing was made for ${name}`);
  return found;
}
