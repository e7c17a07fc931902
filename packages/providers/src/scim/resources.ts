/**
 * Users and groups of services that speak SCIM 2.0, for programs:
 *
 * ```ts
 * import * as scim from "@orch/providers/scim";
 *
 * const chat = new scim.Provider("chat", { url: "https://chat.example.com/scim/v2", auth: { type: "bearer", token } });
 * const ann = new scim.User("ann", { userName: "ann@example.com", name: { givenName: "Ann" } }, { provider: chat });
 * new scim.GroupMember("ann-in-ops", { groupId: ops.id, memberId: ann.id }, { provider: chat });
 * ```
 *
 * This module imports nothing but the SDK, so that programs load fast; the provider runs inside orch.
 */
import * as pulumi from "@pulumi/pulumi";
import { type Auth, nothing, protectLogin, type Tls, withVersion } from "../direct/http/program.js";

export type { Auth, Tls } from "../direct/http/program.js";

export interface ProviderArgs {
  /** The base of the service's endpoints; /Users and /Groups are put behind it. */
  url: pulumi.Input<string>;
  auth?: pulumi.Input<Auth>;
  tls?: pulumi.Input<Tls>;
  /** Requests at the same time. Default 16; less while the service throttles. */
  concurrency?: pulumi.Input<number>;
  /** Resources per page of a list. Default 100. */
  pageSize?: pulumi.Input<number>;
  /** What requests are called. Default application/scim+json. */
  contentType?: pulumi.Input<"application/scim+json" | "application/json">;
  /** Whether the service takes PATCH. Default: as its ServiceProviderConfig says, and so for the next two. */
  patch?: pulumi.Input<boolean>;
  /** Whether it filters lists. */
  filter?: pulumi.Input<boolean>;
  /** Whether it heeds If-Match. */
  etag?: pulumi.Input<boolean>;
  /** How a member is removed: by a filter in the path (RFC 7644), or by `value` beside it. Default filter. */
  memberRemoval?: pulumi.Input<"filter" | "value">;
  /** Properties that the service takes and does not give back: they show no drift. */
  notReturned?: pulumi.Input<pulumi.Input<string>[]>;
}

/** A service as a provider: pass it to resources as `{ provider }`. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: ProviderArgs, options?: pulumi.ResourceOptions) {
    super("scim", name, protectLogin(args), withVersion(options));
  }
}

/** One value of an attribute that may have several. */
export interface MultiValue {
  value: pulumi.Input<string>;
  /** `work`, `home`, or a word of the service's. */
  type?: pulumi.Input<string>;
  /** For people. */
  display?: pulumi.Input<string>;
  /** The preferred one; at most one is. */
  primary?: pulumi.Input<boolean>;
}
export interface Address {
  formatted?: pulumi.Input<string>;
  streetAddress?: pulumi.Input<string>;
  locality?: pulumi.Input<string>;
  region?: pulumi.Input<string>;
  postalCode?: pulumi.Input<string>;
  /** ISO 3166-1 alpha-2. */
  country?: pulumi.Input<string>;
  type?: pulumi.Input<string>;
  primary?: pulumi.Input<boolean>;
}
export interface Name {
  formatted?: pulumi.Input<string>;
  familyName?: pulumi.Input<string>;
  givenName?: pulumi.Input<string>;
  middleName?: pulumi.Input<string>;
  honorificPrefix?: pulumi.Input<string>;
  honorificSuffix?: pulumi.Input<string>;
}
/** The enterprise extension (RFC 7643, 4.3). */
export interface Enterprise {
  employeeNumber?: pulumi.Input<string>;
  costCenter?: pulumi.Input<string>;
  organization?: pulumi.Input<string>;
  division?: pulumi.Input<string>;
  department?: pulumi.Input<string>;
  /** The manager's id. */
  manager?: pulumi.Input<{ value: pulumi.Input<string> }>;
}
/** Attributes of other schemas, by the schema's URN. */
export type Extensions = Record<string, pulumi.Input<Record<string, pulumi.Input<unknown>>>>;

type List<T> = pulumi.Input<pulumi.Input<T>[]>;

/** An attribute that is not given is left as it is at the service. */
export interface UserArgs {
  /** What the user logs in with; unique within the service. */
  userName: pulumi.Input<string>;
  /** The user's id in the system that the accounts come from. An account that exists is found by it. */
  externalId?: pulumi.Input<string>;
  /** Whether the account may be used. Default true. */
  active?: pulumi.Input<boolean>;
  displayName?: pulumi.Input<string>;
  nickName?: pulumi.Input<string>;
  profileUrl?: pulumi.Input<string>;
  title?: pulumi.Input<string>;
  userType?: pulumi.Input<string>;
  preferredLanguage?: pulumi.Input<string>;
  locale?: pulumi.Input<string>;
  timezone?: pulumi.Input<string>;
  name?: pulumi.Input<Name>;
  emails?: List<MultiValue>;
  phoneNumbers?: List<MultiValue>;
  ims?: List<MultiValue>;
  photos?: List<MultiValue>;
  addresses?: List<Address>;
  /** Licences, features: what the user is entitled to. Which values there are, the service says. */
  entitlements?: List<MultiValue>;
  roles?: List<MultiValue>;
  x509Certificates?: List<MultiValue>;
  enterprise?: pulumi.Input<Enterprise>;
  extensions?: pulumi.Input<Extensions>;
  /** Set when the user is made and when it changes; never read back. Always kept as a secret. */
  password?: pulumi.Input<string>;
  /** What deleting the resource does to the account: removes it, or only sets `active` to false. Default delete. */
  onDelete?: pulumi.Input<"delete" | "deactivate">;
}

const userOutputs = [
  ...["userName", "externalId", "active", "displayName", "nickName", "profileUrl", "title", "userType"],
  ...["preferredLanguage", "locale", "timezone", "name", "emails", "phoneNumbers", "ims", "photos"],
  ...["addresses", "entitlements", "roles", "x509Certificates", "enterprise", "extensions", "location"],
];

/** A user. Its id is the service's: `import: "2819c223-7f76-453a-919d-413861904646"`. */
export class User extends pulumi.CustomResource {
  declare readonly userName: pulumi.Output<string>;
  declare readonly externalId: pulumi.Output<string | undefined>;
  declare readonly active: pulumi.Output<boolean | undefined>;
  declare readonly displayName: pulumi.Output<string | undefined>;
  declare readonly emails: pulumi.Output<pulumi.Unwrap<MultiValue>[] | undefined>;
  declare readonly entitlements: pulumi.Output<pulumi.Unwrap<MultiValue>[] | undefined>;
  declare readonly roles: pulumi.Output<pulumi.Unwrap<MultiValue>[] | undefined>;
  declare readonly enterprise: pulumi.Output<pulumi.Unwrap<Enterprise> | undefined>;
  /** The user's address at the service. */
  declare readonly location: pulumi.Output<string>;

  /** A user that somebody else manages. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): User {
    return new User(name, undefined as never, { ...options, id });
  }
  constructor(name: string, args: UserArgs, options?: pulumi.CustomResourceOptions) {
    const password = args?.password === undefined ? {} : { password: pulumi.secret(args.password) };
    const inputs = options?.id === undefined ? { ...args, ...password } : {};
    super("scim:index:User", name, { ...nothing(userOutputs), ...inputs }, withVersion(options));
  }
}

export interface GroupArgs {
  displayName: pulumi.Input<string>;
  /** The group's id in the system that it comes from. A group that exists is found by it. */
  externalId?: pulumi.Input<string>;
  /** All members. Without it, members are none of this resource's business: give them with `GroupMember`. */
  members?: List<{ value: pulumi.Input<string>; type?: pulumi.Input<"User" | "Group"> }>;
  extensions?: pulumi.Input<Extensions>;
}

/** A group. Its id is the service's. */
export class Group extends pulumi.CustomResource {
  declare readonly displayName: pulumi.Output<string>;
  declare readonly externalId: pulumi.Output<string | undefined>;
  declare readonly members: pulumi.Output<{ value: string; type?: "User" | "Group" }[] | undefined>;
  /** The group's address at the service. */
  declare readonly location: pulumi.Output<string>;

  /** A group that somebody else manages. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Group {
    return new Group(name, undefined as never, { ...options, id });
  }
  constructor(name: string, args: GroupArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = ["displayName", "externalId", "members", "extensions", "location"];
    const inputs = options?.id === undefined ? args : {};
    super("scim:index:Group", name, { ...nothing(outputs), ...inputs }, withVersion(options));
  }
}

export interface GroupMemberArgs {
  /** The group's id. Another one is another membership, and so with the member. */
  groupId: pulumi.Input<string>;
  /** The id of the user or group that is in it. */
  memberId: pulumi.Input<string>;
  /** What the member is; needed by some services. */
  type?: pulumi.Input<"User" | "Group">;
}

/** One member of a group whose other members are not this stack's business. Its id is `<group's id>/<member's id>`. */
export class GroupMember extends pulumi.CustomResource {
  declare readonly groupId: pulumi.Output<string>;
  declare readonly memberId: pulumi.Output<string>;

  constructor(name: string, args: GroupMemberArgs, options?: pulumi.CustomResourceOptions) {
    super(
      "scim:index:GroupMember",
      name,
      { ...nothing(["groupId", "memberId"]), ...args },
      withVersion(options),
    );
  }
}
