/**
 * Zones and records of PowerDNS, for programs:
 *
 * ```ts
 * import * as powerdns from "@orch/providers/powerdns";
 *
 * const server = new powerdns.Provider("dns1", { url: "http://dns1.example.com:8081", apiKey: config.requireSecret("apiKey") });
 * const zone = new powerdns.Zone("example", { name: "example.com", nameservers: ["ns1.example.com", "ns2.example.net"] }, { provider: server });
 * new powerdns.RecordSet("www", { zone: zone.name, name: "www", type: "A", records: ["192.0.2.1"] }, { provider: server });
 * ```
 *
 * This module imports nothing but the SDK, so that programs load fast; the provider runs inside orch.
 */
import * as pulumi from "@pulumi/pulumi";
import { isOfType, nothing, withVersion } from "../direct/program.js";
import type { RecordSetArgs, RecordType } from "../dns/resources.js";

export type { RecordSetArgs, RecordType } from "../dns/resources.js";

export interface ProviderArgs {
  /** Where the API is: `http://dns1.example.com:8081`. */
  url: pulumi.Input<string>;
  /** `api-key` in PowerDNS's configuration. Always kept as a secret. */
  apiKey: pulumi.Input<string>;
  /** Which server behind the API. Default localhost. */
  serverId?: pulumi.Input<string>;
  /** PEM of the authority that signed the server's certificate, if it is not a public one. */
  ca?: pulumi.Input<string>;
}

/** A PowerDNS: pass it to resources as `{ provider }`. */
export class Provider extends pulumi.ProviderResource {
  static override isInstance(value: unknown): value is Provider {
    return isOfType(value, "pulumi:providers:powerdns");
  }
  constructor(name: string, args: ProviderArgs, options?: pulumi.ResourceOptions) {
    super("powerdns", name, { ...args, apiKey: pulumi.secret(args.apiKey) }, withVersion(options));
  }
}

export interface ZoneArgs {
  /** Its name, such as `example.com`. */
  name: pulumi.Input<string>;
  /** The NS of its own name. Absent: left alone, and none in a new zone. */
  nameservers?: pulumi.Input<pulumi.Input<string>[]>;
  /** How it gets to other servers: by the database (Native, the default), by transfers from here (Master), or from `masters` to here (Slave). */
  kind?: pulumi.Input<"Native" | "Master" | "Slave">;
  /** Where a Slave transfers from: addresses, with `:port` if it is not 53. */
  masters?: pulumi.Input<pulumi.Input<string>[]>;
  /** Who it belongs to; PowerDNS only keeps it. */
  account?: pulumi.Input<string>;
  /** Sign it; PowerDNS makes the keys. Default false. */
  dnssec?: pulumi.Input<boolean>;
  /** How the serial is shown to secondaries (SOA-EDIT). Default: as it is. */
  soaEdit?: pulumi.Input<string>;
  /** How the serial grows with changes over the API. Default DEFAULT: the date and a number. */
  soaEditApi?: pulumi.Input<"DEFAULT" | "INCREASE" | "EPOCH" | "SOA-EDIT" | "SOA-EDIT-INCREASE" | "OFF" | "">;
  /** Put DNSSEC's order right after each change over the API. Default false. */
  apiRectify?: pulumi.Input<boolean>;
  /** Delete it with the records in it. Default false: a zone that has records is not deleted. */
  purge?: pulumi.Input<boolean>;
}

const zoneOutputs = [
  "name",
  "kind",
  "nameservers",
  "masters",
  "account",
  "dnssec",
  "soaEdit",
  "soaEditApi",
  "apiRectify",
];

/** A zone: its settings and the name servers at its top. Its id is its name: `import: "example.com"`. */
export class Zone extends pulumi.CustomResource {
  /** In small letters and without a dot at its end. */
  declare readonly name: pulumi.Output<string>;
  declare readonly kind: pulumi.Output<"Native" | "Master" | "Slave">;
  /** In order. */
  declare readonly nameservers: pulumi.Output<string[]>;
  declare readonly masters: pulumi.Output<string[]>;
  declare readonly account: pulumi.Output<string>;
  declare readonly dnssec: pulumi.Output<boolean>;
  declare readonly soaEdit: pulumi.Output<string>;
  declare readonly soaEditApi: pulumi.Output<string>;
  declare readonly apiRectify: pulumi.Output<boolean>;

  /** A zone that somebody else manages; `id` is its name. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Zone {
    return new Zone(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Zone {
    return isOfType(value, "powerdns:index:Zone");
  }
  constructor(name: string, args: ZoneArgs, options?: pulumi.CustomResourceOptions) {
    const inputs = options?.id === undefined ? args : {};
    super("powerdns:index:Zone", name, { ...nothing(zoneOutputs), ...inputs }, withVersion(options));
  }
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
    return isOfType(value, "powerdns:index:RecordSet");
  }
  constructor(name: string, args: RecordSetArgs, options?: pulumi.CustomResourceOptions) {
    const inputs = options?.id === undefined ? args : {};
    super(
      "powerdns:index:RecordSet",
      name,
      { ...nothing(["zone", "name", "type", "ttl", "records", "fqdn"]), ...inputs },
      withVersion(options),
    );
  }
}
