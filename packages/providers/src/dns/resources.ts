/**
 * Records on DNS servers that take dynamic updates (RFC 2136), for programs:
 *
 * ```ts
 * import * as dns from "@orch/providers/dns";
 *
 * const primary = new dns.Provider("primary", { server: "ns1.example.com", keyName: "orch", keySecret: config.requireSecret("key") });
 * new dns.RecordSet("www", { zone: "example.com", name: "www", type: "A", ttl: 300, records: ["192.0.2.1"] }, { provider: primary });
 * ```
 *
 * This module imports nothing but the SDK, so that programs load fast; the provider runs inside orch.
 */
import * as pulumi from "@pulumi/pulumi";
import { isOfType, withVersion } from "../direct/program.js";

export interface ProviderArgs {
  /** Name or address of the zone's primary server: the one that takes updates. */
  server: pulumi.Input<string>;
  /** Default 53. */
  port?: pulumi.Input<number>;
  /** Name of the TSIG key. Without one nothing is signed. */
  keyName?: pulumi.Input<string>;
  /** Default hmac-sha256. */
  keyAlgorithm?: pulumi.Input<"hmac-sha256" | "hmac-sha512" | "hmac-sha384" | "hmac-sha224" | "hmac-sha1">;
  /** The key, in base64. Always kept as a secret. */
  keySecret?: pulumi.Input<string>;
  /** Look up over TCP only. Updates and transfers always use TCP. */
  tcp?: pulumi.Input<boolean>;
  /** Seconds to wait for each answer. Default 5. */
  timeout?: pulumi.Input<number>;
}

/** A DNS server: pass it to resources as `{ provider }`. */
export class Provider extends pulumi.ProviderResource {
  static override isInstance(value: unknown): value is Provider {
    return isOfType(value, "pulumi:providers:dns");
  }
  constructor(name: string, args: ProviderArgs, options?: pulumi.ResourceOptions) {
    const keySecret = args.keySecret === undefined ? undefined : pulumi.secret(args.keySecret);
    super("dns", name, { ...args, keySecret }, withVersion(options));
  }
}

export type RecordType =
  | "A"
  | "AAAA"
  | "CAA"
  | "CNAME"
  | "DNAME"
  | "DS"
  | "MX"
  | "NAPTR"
  | "NS"
  | "PTR"
  | "SRV"
  | "SSHFP"
  | "TLSA"
  | "TXT";

export interface RecordSetArgs {
  /** The zone that holds it, such as `example.com`. */
  zone: pulumi.Input<string>;
  /** Its name within the zone; `@` is the zone's own. A name that ends in the zone's name is taken as whole, and so is one with a dot at its end. */
  name: pulumi.Input<string>;
  /** Its type. */
  type: pulumi.Input<RecordType>;
  /** Seconds that others may keep it. Default 3600. */
  ttl?: pulumi.Input<number>;
  /**
   * One text per record, as in zone files (`10 mail.example.com.`); their order does not count. Names in them are whole names. A TXT is its content,
   * or quoted strings as in zone files; longer ones are cut into strings of 255 bytes.
   */
  records: pulumi.Input<pulumi.Input<string>[]>;
}

/** All records of one name and type in a zone. Its id is `ZONE/NAME/TYPE`: `import: "example.com/www/A"`. */
export class RecordSet extends pulumi.CustomResource {
  /** In small letters and without a dot at its end. */
  declare readonly zone: pulumi.Output<string>;
  /** Within the zone, or `@`. */
  declare readonly name: pulumi.Output<string>;
  declare readonly type: pulumi.Output<RecordType>;
  declare readonly ttl: pulumi.Output<number>;
  declare readonly records: pulumi.Output<string[]>;
  /** The whole name, with a dot at its end: what records of other sets point to. */
  declare readonly fqdn: pulumi.Output<string>;

  /** Records that somebody else manages; `id` is `ZONE/NAME/TYPE`. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): RecordSet {
    return new RecordSet(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is RecordSet {
    return isOfType(value, "dns:index:RecordSet");
  }
  constructor(name: string, args: RecordSetArgs, options?: pulumi.CustomResourceOptions) {
    const outputs = ["zone", "name", "type", "ttl", "records", "fqdn"];
    const nothing = Object.fromEntries(outputs.map((output) => [output, undefined]));
    super(
      "dns:index:RecordSet",
      name,
      { ...nothing, ...(options?.id === undefined ? args : {}) },
      withVersion(options),
    );
  }
}

/** The name under which the PTR of an address stands, such as `1.2.0.192.in-addr.arpa.`. */
export function reverse(
  args: { address: string },
  options?: pulumi.InvokeOptions,
): Promise<{ readonly name: string }> {
  return pulumi.runtime.invoke("dns:index:reverse", args, withVersion(options));
}
export function reverseOutput(
  args: { address: pulumi.Input<string> },
  options?: pulumi.InvokeOutputOptions,
): pulumi.Output<{ readonly name: string }> {
  return pulumi.runtime.invokeOutput("dns:index:reverse", args, withVersion(options));
}
