/**
 * Entries of LDAP directories, for programs:
 *
 * ```ts
 * import * as ldap from "@orch/providers/ldap";
 *
 * const directory = new ldap.Provider("directory", { url: "ldaps://ldap.example.com", bindDn: "cn=orch,dc=example,dc=com", password });
 * const people = new ldap.Entry("people", { dn: "ou=people,dc=example,dc=com", objectClasses: ["organizationalUnit"] }, { provider: directory });
 * new ldap.Entry("ann", {
 *   dn: pulumi.interpolate`uid=ann,${people.dn}`,
 *   objectClasses: ["inetOrgPerson"],
 *   attributes: { cn: "Ann Lee", sn: "Lee", mail: ["ann@example.com"] },
 * }, { provider: directory });
 * ```
 *
 * This module imports nothing but the SDK and text functions, so that programs load fast; the provider runs inside orch.
 */
import * as pulumi from "@pulumi/pulumi";
import { withVersion } from "../direct/program.js";

export { escapeDn } from "./dn.js";

/** How a directory is reached. */
export interface ConnectionArgs {
  /** The server: ldaps://host[:port], or ldap://host[:port] with StartTLS. */
  url: pulumi.Input<string>;
  /** Encrypt an ldap:// connection before logging in. False sends passwords in the clear. Default true. */
  startTls?: pulumi.Input<boolean>;
  /**
   * Who logs in: a distinguished name; Active Directory also takes user@domain and DOMAIN\user. Absent: the client certificate
   * (SASL EXTERNAL), or nobody.
   */
  bindDn?: pulumi.Input<string>;
  /** Password of `bindDn`. Always kept as a secret. */
  password?: pulumi.Input<string>;
  /** The authority that signed the server's certificate: PEM text or a file. Default: those that Node.js knows. */
  ca?: pulumi.Input<string>;
  /** The name in the server's certificate, where it is not the address's. */
  serverName?: pulumi.Input<string>;
  /** PEM text or a file. */
  clientCertificate?: pulumi.Input<string>;
  /** Key of `clientCertificate`: PEM text or a file. Always kept as a secret. */
  clientKey?: pulumi.Input<string>;
  /** Seconds for connecting and logging in. Default 10. */
  connectTimeout?: pulumi.Input<number>;
  /** Seconds for one request. Default 60. */
  requestTimeout?: pulumi.Input<number>;
}

/** What logs in is a secret, whether or not the program said so. */
export function connectionInputs(args: ConnectionArgs): pulumi.Inputs {
  const secret = (value: pulumi.Input<string> | undefined) =>
    value === undefined ? undefined : pulumi.secret(value);
  return { ...args, password: secret(args.password), clientKey: secret(args.clientKey) };
}

/** One login to one directory. */
export class Provider extends pulumi.ProviderResource {
  constructor(name: string, args: ConnectionArgs, options?: pulumi.ResourceOptions) {
    super("ldap", name, connectionInputs(args), withVersion(options));
  }
}

/** A text, or bytes. */
export type AttributeValue = pulumi.Input<string> | { base64: pulumi.Input<string> };

export interface EntryArgs {
  /** Its distinguished name. Another one renames or moves the entry, with all below it. `escapeDn` escapes a value in it. */
  dn: pulumi.Input<string>;
  /** Its object classes. Others that the server adds are left alone. */
  objectClasses: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Its attributes by name: a text, `{ base64 }`, or a list of these, whose order does not count. What is not named is left alone;
   * what is no longer named is removed.
   */
  attributes?: pulumi.Input<Record<string, AttributeValue | pulumi.Input<AttributeValue[]>>>;
  /**
   * Attributes such as userPassword, written when the entry is made and when they change here, and never read back. Always kept as a
   * secret.
   */
  writeOnly?: pulumi.Input<Record<string, pulumi.Input<string> | pulumi.Input<pulumi.Input<string>[]>>>;
}

/** Any entry of a directory. Its id is the entry's UUID. The option `import` takes the UUID or the distinguished name. */
export class Entry extends pulumi.CustomResource {
  declare readonly dn: pulumi.Output<string>;
  declare readonly objectClasses: pulumi.Output<string[]>;
  declare readonly attributes: pulumi.Output<Record<string, unknown>>;
  /** `entryUUID`, in Active Directory `objectGUID`: stays when the entry is renamed. */
  declare readonly uuid: pulumi.Output<string | undefined>;

  /** An entry that somebody else manages; `id` is its UUID or its distinguished name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Entry {
    return new Entry(name, {} as never, { ...options, id });
  }
  constructor(name: string, args: EntryArgs, options?: pulumi.CustomResourceOptions) {
    const { writeOnly, ...rest } = args;
    const inputs = { ...rest, ...(writeOnly === undefined ? {} : { writeOnly: pulumi.secret(writeOnly) }) };
    const outputs = { dn: undefined, objectClasses: undefined, attributes: undefined, uuid: undefined };
    super("ldap:index:Entry", name, { ...outputs, ...inputs }, withVersion(options));
  }
}

export interface MembershipArgs {
  /** The group's distinguished name. Another one is another membership. */
  group: pulumi.Input<string>;
  /** What the group lists: a distinguished name, for posixGroup a user's name. Another one is another membership. */
  member: pulumi.Input<string>;
  /** Where the group keeps it: member, uniqueMember, memberUid. Default member. */
  attribute?: pulumi.Input<string>;
}

/** One member of one group; other members are left alone. For a whole list use the attribute of an Entry. */
export class Membership extends pulumi.CustomResource {
  declare readonly group: pulumi.Output<string>;
  declare readonly member: pulumi.Output<string>;
  declare readonly attribute: pulumi.Output<string>;

  constructor(name: string, args: MembershipArgs, options?: pulumi.CustomResourceOptions) {
    super("ldap:index:Membership", name, { attribute: undefined, ...args }, withVersion(options));
  }
}
