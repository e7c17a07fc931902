/** A record set as programs give it, for every provider of DNS: its properties, their one canonical form, its id. */
import { fail, OrchError } from "@orch/core/model/failure";
import {
  isArray,
  isUnknown,
  type PropertyMap,
  Secret,
  some,
  type Unknown,
  type Value,
} from "@orch/core/model/value";
import type { CheckFailure } from "@orch/core/provider/contract";
import { z } from "zod";
import { describe } from "../direct/check.js";
import type { Checked } from "../direct/define.js";
import { absoluteName, canonicalName, Malformed, relativeName } from "./names.js";
import { exampleOf, isRecordType, plainText, type RecordType, recordTypes, zoneText } from "./rdata.js";

export const recordSetInputs = z.strictObject({
  zone: z.string().min(1).describe("The zone that holds it, such as `example.com`."),
  name: z
    .string()
    .describe(
      "Its name within the zone; `@` is the zone's own. A name that ends in the zone's name is taken as whole, and so is one with a dot at its end.",
    ),
  type: z.enum(recordTypes).describe("Its type."),
  ttl: z
    .int()
    .min(0)
    .max(2_147_483_647)
    .default(3600)
    .describe("Seconds that others may keep it. Default 3600."),
  records: z
    .array(z.string())
    .min(1)
    .describe(
      "One text per record, as in zone files (`10 mail.example.com.`); their order does not count. Names in them are whole names. A TXT is its content, or " +
        "quoted strings as in zone files; longer ones are cut into strings of 255 bytes.",
    ),
});

export const recordSetOutputs = z.strictObject({
  zone: z.string().describe("The zone, in small letters and without a dot at its end."),
  name: z.string().describe("The name within the zone, or `@`."),
  type: z.string().describe("The type."),
  ttl: z.number().describe("Seconds that others may keep it."),
  records: z.array(z.string()).describe("The records, in order."),
  fqdn: z.string().describe("The whole name, with a dot at its end: what records of other sets point to."),
});

export type RecordSetInputs = z.output<typeof recordSetInputs>;

/** Names are canonical and whole, data as in zone files, in order: what can be compared and sent. */
export interface RecordSet {
  readonly zone: string;
  readonly name: string;
  readonly type: RecordType;
  readonly ttl: number;
  readonly data: readonly string[];
}

export function recordSetOf({ zone, name, type, ttl, records }: RecordSetInputs): RecordSet {
  const canonicalZone = canonicalName(zone);
  const data = records.map((record) => zoneText(type, record)).sort();
  return { zone: canonicalZone, name: absoluteName(name, canonicalZone), type, ttl, data };
}

export const sameData = (a: RecordSet, b: RecordSet): boolean =>
  a.data.length === b.data.length && a.data.every((each, i) => each === b.data[i]);

/** Everything but the id: `zone` without a dot at its end, as people write it. */
export const inputsOf = (set: RecordSet): RecordSetInputs => ({
  zone: zoneForPeople(set.zone),
  name: relativeName(set.name, set.zone),
  type: set.type,
  ttl: set.ttl,
  records: set.data.map((each) => plainText(set.type, each)).sort(),
});
export const outputsOf = (set: RecordSet): z.input<typeof recordSetOutputs> => ({
  ...inputsOf(set),
  fqdn: set.name,
});

export const zoneForPeople = (zone: string): string => (zone === "." ? "." : zone.slice(0, -1));

/** In one line, for failures. */
export const setText = (set: RecordSet | undefined): string =>
  set === undefined ? "no such records" : `TTL ${set.ttl}: ${set.data.join(", ")}`;

export interface RecordSetId {
  readonly zone: string;
  readonly name: string;
  readonly type: RecordType;
}

const escapeSlash = (text: string): string => text.replaceAll("/", "\\047");

/** `example.com/www/A`; a slash within a name (RFC 2317) is `\047`. */
export const idOf = ({ zone, name, type }: RecordSetId): string =>
  [zoneForPeople(zone), relativeName(name, zone)].map(escapeSlash).concat(type).join("/");

/** Undefined when it is no id. Takes names as people write them: an import's id comes from a person. */
export function parseId(id: string): RecordSetId | undefined {
  const [zone, name, type, ...more] = id.split("/");
  if (zone === undefined || name === undefined || type === undefined || more.length > 0) return undefined;
  const upper = type.toUpperCase();
  if (!isRecordType(upper)) return undefined;
  try {
    const canonicalZone = canonicalName(zone);
    return { zone: canonicalZone, name: absoluteName(name, canonicalZone), type: upper };
  } catch (error) {
    if (error instanceof Malformed) return undefined;
    throw error;
  }
}

/** The content of a value that may be secret. */
const inside = (value: Value | undefined): Value | undefined =>
  value instanceof Secret ? value.value : value;
const like = (given: Value | undefined, value: Value): Value =>
  given instanceof Secret ? new Secret(value) : value;

/**
 * Canonical names and records, in order, so that what is meant the same is the same; and what is no name or no record, by its path. Parts that are
 * unknown are left for later.
 */
export function checkRecordSet(inputs: PropertyMap): Required<Checked> {
  const failures: CheckFailure[] = [];
  /** `work` on a text; undefined where there is none to know yet, or it is wrong. */
  const attempt = (
    value: Value | undefined,
    path: string,
    work: (text: string) => string,
    example?: string,
  ): string | undefined => {
    const text = inside(value);
    if (typeof text !== "string") return undefined;
    try {
      return work(text);
    } catch (error) {
      if (!(error instanceof Malformed)) throw error;
      const expected = example === undefined ? error.expected : `${error.expected}, as in ${example}`;
      const found = describe(value);
      failures.push({ path, message: `${path} must have ${expected}, not ${found}`, expected, found });
      return undefined;
    }
  };

  const zone = attempt(inputs.zone, "zone", canonicalName);
  const name = zone && attempt(inputs.name, "name", (text) => absoluteName(text, zone));
  const type = inside(inputs.type) as RecordType | Unknown;
  const records =
    typeof type === "string" ? checkRecords(inputs.records, type, attempt, failures) : undefined;

  if (type === "CNAME" && zone !== undefined && name === zone)
    failures.push({
      path: "name",
      message:
        "name can't be the zone's own for a CNAME: a zone has its SOA and NS there, and a CNAME suffers nothing beside it",
      expected: "a name below the zone's",
      found: describe(inputs.name),
    });
  return {
    inputs: {
      ...inputs,
      ...(zone === undefined ? {} : { zone: like(inputs.zone, zoneForPeople(zone)) }),
      ...(zone === undefined || name === undefined || name === ""
        ? {}
        : { name: like(inputs.name, relativeName(name, zone)) }),
      ...(records === undefined ? {} : { records }),
    },
    failures,
  };
}

function checkRecords(
  given: Value | undefined,
  type: RecordType,
  attempt: (
    v: Value | undefined,
    path: string,
    work: (text: string) => string,
    example: string,
  ) => string | undefined,
  failures: CheckFailure[],
): Value | undefined {
  const list = inside(given);
  if (!isArray(list)) return undefined;
  const seen = new Map<string, number>();
  const canonical = list.map((record, i): Value => {
    const path = `records[${i}]`;
    const text = attempt(record, path, (text) => plainText(type, text), exampleOf(type));
    if (text === undefined) return record;
    const twin = seen.get(text);
    if (twin !== undefined)
      failures.push({
        path,
        message: `${path} is the same record as records[${twin}]`,
        expected: "each record once",
        found: describe(record),
      });
    seen.set(text, i);
    return like(record, text);
  });
  if ((type === "CNAME" || type === "DNAME") && list.length > 1)
    failures.push({
      path: "records",
      message: `records must be one for a ${type}, not ${list.length}`,
      expected: "one record",
      found: describe(given),
    });
  // Where something is not known yet, so is the order.
  if (some(canonical, isUnknown)) return like(given, canonical);
  const text = (record: Value): string => String(inside(record));
  return like(
    given,
    [...canonical].sort((a, b) => (text(a) < text(b) ? -1 : 1)),
  );
}

/** Outputs that the inputs tell beforehand. */
export function predictRecordSet(inputs: PropertyMap): PropertyMap {
  const zone = inside(inputs.zone);
  const name = inside(inputs.name);
  const known = typeof zone === "string" && typeof name === "string";
  return { ...inputs, ...(known ? { fqdn: absoluteName(name, canonicalName(zone)) } : {}) };
}

/** For messages. */
export const what = ({ name, type }: RecordSetId): string => `${name} ${type}`;

/** The id of a read or an import. Throws `invalid-property`. */
export const givenId = (id: string): RecordSetId =>
  parseId(id) ??
  fail({
    reason: "invalid-property",
    message: `${JSON.stringify(id)} is not the id of a record set.`,
    expected: "ZONE/NAME/TYPE, such as example.com/www/A, with @ for the zone's own name",
    found: id,
  });

/** Somebody else made or changed it: both values, and ways out. */
export function conflict(wanted: string, set: RecordSet, expected: string, found: string): OrchError {
  return new OrchError({
    reason: "conflict",
    message: `${what(set)} is not as orch knows it, and was left alone: it can't be ${wanted}.`,
    path: "records",
    expected,
    found,
    next:
      wanted === "created"
        ? [`Give the resource the option \`import: "${idOf(set)}"\`, or remove the records that are there.`]
        : ["Look at it with `orch plan --refresh`, and apply that plan."],
  });
}

/** What `list` is asked for. Throws `invalid-property`. */
export function zoneScope(scope: Readonly<Record<string, unknown>>): { readonly zone: string } {
  const { zone } = scope;
  try {
    if (typeof zone === "string") return { zone: canonicalName(zone) };
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
  }
  return fail({
    reason: "invalid-property",
    message: "Records are listed by zone.",
    path: "zone",
    expected: "a zone, such as example.com",
    found: typeof zone === "string" ? zone : "nothing",
  });
}
