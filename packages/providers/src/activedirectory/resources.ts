/**
 * Users, groups, units and computers of an Active Directory domain, for programs:
 *
 * ```ts
 * import * as ad from "@orch/providers/activedirectory";
 *
 * const domain = new ad.Provider("domain", { url: "ldaps://dc1.example.com", bindDn: "orch@example.com", password });
 * const staff = new ad.OrganizationalUnit("staff", { name: "Staff", ou: "DC=example,DC=com" }, { provider: domain });
 * const ann = new ad.User("ann", { name: "Ann Lee", ou: staff.dn, sAMAccountName: "ann", password: first }, { provider: domain });
 * const admins = new ad.Group("admins", { name: "Web admins", ou: staff.dn, sAMAccountName: "web-admins" }, { provider: domain });
 * new ad.Membership("ann-admin", { group: admins.id, member: ann.id }, { provider: domain });
 * ```
 *
 * This module imports nothing but the SDK, so that programs load fast; the provider runs inside orch.
 */
import * as pulumi from "@pulumi/pulumi";
import { withVersion } from "../direct/program.js";
import { type AttributeValue, type ConnectionArgs, connectionInputs } from "../ldap/resources.js";

export { escapeDn } from "../ldap/dn.js";
export type { AttributeValue, ConnectionArgs } from "../ldap/resources.js";

/** One login to one domain. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: ConnectionArgs, options?: pulumi.ResourceOptions) {
    super("activedirectory", name, connectionInputs(args), withVersion(options));
  }
}

/** Inputs with the password as a secret, and the outputs that programs may read. */
function propertiesOf(args: object | undefined, outputs: readonly string[]): pulumi.Inputs {
  const { password, ...rest } = (args ?? {}) as { password?: pulumi.Input<string> };
  return {
    ...Object.fromEntries(outputs.map((output) => [output, undefined])),
    ...rest,
    ...(password === undefined ? {} : { password: pulumi.secret(password) }),
  };
}
const common = ["name", "ou", "attributes", "dn", "guid", "sid", "description", "managedBy"];

/** What every object of the domain has. */
export interface ObjectArgs {
  /** Its name in the tree. Another one renames it. */
  name: pulumi.Input<string>;
  /** The unit or container that it stands in, by its distinguished name. Another one moves it. */
  ou: pulumi.Input<string>;
  /** What it is for. */
  description?: pulumi.Input<string>;
  /** Other attributes by name: a text, `{ base64 }`, or a list of these. What is not named is left alone. */
  attributes?: pulumi.Input<Record<string, AttributeValue | pulumi.Input<AttributeValue[]>>>;
}

/** An object of the domain; its id is its objectGUID, which stays when it is renamed or moved. */
abstract class DomainObject extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly ou: pulumi.Output<string>;
  declare readonly description: pulumi.Output<string | undefined>;
  /** Its distinguished name. */
  declare readonly dn: pulumi.Output<string>;
  /** Its objectGUID. */
  declare readonly guid: pulumi.Output<string>;
  /** Its security identifier. */
  declare readonly sid: pulumi.Output<string | undefined>;
}

export interface UserArgs extends ObjectArgs {
  /** The name to log in with (at most 20 characters). */
  sAMAccountName: pulumi.Input<string>;
  /** The name to log in with in the form of a mail address. */
  userPrincipalName?: pulumi.Input<string>;
  givenName?: pulumi.Input<string>;
  surname?: pulumi.Input<string>;
  /** The name that is shown. */
  displayName?: pulumi.Input<string>;
  mail?: pulumi.Input<string>;
  /** Position. */
  title?: pulumi.Input<string>;
  department?: pulumi.Input<string>;
  company?: pulumi.Input<string>;
  telephoneNumber?: pulumi.Input<string>;
  /** Distinguished name of the user's manager. */
  manager?: pulumi.Input<string>;
  /** May the user log in? Default true. */
  enabled?: pulumi.Input<boolean>;
  /** Default false: the domain's policy decides. */
  passwordNeverExpires?: pulumi.Input<boolean>;
  /**
   * Set when the user is made and when it changes here; never read back, so that the user may change it. Needs TLS. Always kept as a
   * secret.
   */
  password?: pulumi.Input<string>;
  /** Whenever `password` is set here, the user must change it at the next logon. Default false. */
  changePasswordAtLogon?: pulumi.Input<boolean>;
  /** When the account ends, such as 2027-01-31T00:00:00Z. Default: never. */
  accountExpires?: pulumi.Input<string>;
}

export class User extends DomainObject {
  declare readonly sAMAccountName: pulumi.Output<string>;
  declare readonly userPrincipalName: pulumi.Output<string | undefined>;
  declare readonly mail: pulumi.Output<string | undefined>;
  declare readonly enabled: pulumi.Output<boolean>;

  /** A user that somebody else manages; `id` is the GUID or the distinguished name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): User {
    return new User(name, undefined as never, { ...options, id });
  }
  constructor(name: string, args: UserArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = [...common, "sAMAccountName", "userPrincipalName", "mail", "enabled"];
    super("activedirectory:index:User", name, propertiesOf(args, outputs), withVersion(options));
  }
}

export interface GroupArgs extends ObjectArgs {
  /** Its name before Windows 2000; unique in the domain. */
  sAMAccountName: pulumi.Input<string>;
  /** Where it may be used and who may be in it. Default global. */
  scope?: pulumi.Input<"global" | "domainLocal" | "universal">;
  /** For permissions, or for mail only. Default security. */
  category?: pulumi.Input<"security" | "distribution">;
  mail?: pulumi.Input<string>;
  /** Distinguished name of who looks after it. */
  managedBy?: pulumi.Input<string>;
}

export class Group extends DomainObject {
  declare readonly sAMAccountName: pulumi.Output<string>;
  declare readonly scope: pulumi.Output<string>;
  declare readonly category: pulumi.Output<string>;

  /** A group that somebody else manages; `id` is the GUID or the distinguished name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Group {
    return new Group(name, undefined as never, { ...options, id });
  }
  constructor(name: string, args: GroupArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = [...common, "sAMAccountName", "scope", "category"];
    super("activedirectory:index:Group", name, propertiesOf(args, outputs), withVersion(options));
  }
}

export interface OrganizationalUnitArgs extends ObjectArgs {
  /** Distinguished name of who looks after it. */
  managedBy?: pulumi.Input<string>;
}

/** An organizational unit. Deleting one with anything in it fails and names what is in it. */
export class OrganizationalUnit extends DomainObject {
  /** A unit that somebody else manages; `id` is the GUID or the distinguished name. */
  static get(
    name: string,
    id: pulumi.Input<pulumi.ID>,
    options?: pulumi.CustomResourceOptions,
  ): OrganizationalUnit {
    return new OrganizationalUnit(name, undefined as never, { ...options, id });
  }
  constructor(name: string, args: OrganizationalUnitArgs, options?: pulumi.CustomResourceOptions) {
    super("activedirectory:index:OrganizationalUnit", name, propertiesOf(args, common), withVersion(options));
  }
}

export interface ComputerArgs extends ObjectArgs {
  /** The computer's name and a $, such as WEB1$. */
  sAMAccountName: pulumi.Input<string>;
  /** The computer's full name in DNS. */
  dNSHostName?: pulumi.Input<string>;
  /** Where it stands. */
  location?: pulumi.Input<string>;
  /** Distinguished name of who looks after it. */
  managedBy?: pulumi.Input<string>;
  /** Default true. */
  enabled?: pulumi.Input<boolean>;
  /**
   * The account's first password, for a join without an administrator; never read back, as the computer changes it. Needs TLS. Always
   * kept as a secret.
   */
  password?: pulumi.Input<string>;
}

/** A computer's account, made before the computer joins. */
export class Computer extends DomainObject {
  declare readonly sAMAccountName: pulumi.Output<string>;
  declare readonly dNSHostName: pulumi.Output<string | undefined>;
  declare readonly enabled: pulumi.Output<boolean>;

  /** A computer that somebody else manages; `id` is the GUID or the distinguished name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Computer {
    return new Computer(name, undefined as never, { ...options, id });
  }
  constructor(name: string, args: ComputerArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = [...common, "sAMAccountName", "dNSHostName", "enabled"];
    super("activedirectory:index:Computer", name, propertiesOf(args, outputs), withVersion(options));
  }
}

export interface MembershipArgs {
  /** The group: its id (GUID), or its distinguished name. Another one is another membership. */
  group: pulumi.Input<string>;
  /** Who is in it: the id (GUID) or distinguished name of a user, computer or group. Another one is another membership. */
  member: pulumi.Input<string>;
}

/** One member of one group; other members are left alone. Give ids, and renames change nothing. */
export class Membership extends pulumi.CustomResource {
  declare readonly group: pulumi.Output<string>;
  declare readonly member: pulumi.Output<string>;

  constructor(name: string, args: MembershipArgs, options?: pulumi.CustomResourceOptions) {
    super("activedirectory:index:Membership", name, { ...args }, withVersion(options));
  }
}

export interface GroupMembersArgs {
  /** The group: its id (GUID), or its distinguished name. Another one is another list. */
  group: pulumi.Input<string>;
  /** All who are in it (GUIDs or distinguished names), in any order. Whoever else is in it is removed. */
  members: pulumi.Input<pulumi.Input<string>[]>;
}

/** All members of a group; whoever else is in it is removed. */
export class GroupMembers extends pulumi.CustomResource {
  declare readonly group: pulumi.Output<string>;
  declare readonly members: pulumi.Output<string[]>;

  constructor(name: string, args: GroupMembersArgs, options?: pulumi.CustomResourceOptions) {
    super("activedirectory:index:GroupMembers", name, { ...args }, withVersion(options));
  }
}
