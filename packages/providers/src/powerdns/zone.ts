/** Zones, with their settings and the name servers at their top. */
import { fail } from "@orch/core/model/failure";
import { isArray, type PropertyMap, type Value } from "@orch/core/model/value";
import type { CheckFailure } from "@orch/core/provider/contract";
import { z } from "zod";
import { describe } from "../direct/check.js";
import { defineResource } from "../direct/index.js";
import { canonicalName, Malformed } from "../dns/names.js";
import { addressBytes, zoneText } from "../dns/rdata.js";
import { zoneForPeople } from "../dns/record-set.js";
import { type ApiZone, managed, type PowerDns } from "./api.js";

const settings = {
  kind: z
    .enum(["Native", "Master", "Slave"])
    .default("Native")
    .describe(
      "How it gets to other servers: by the database (Native, the default), by transfers from here (Master), or from `masters` to here (Slave).",
    ),
  masters: z
    .array(z.string())
    .default([])
    .describe("Where a Slave transfers from: addresses, with `:port` if it is not 53."),
  account: z.string().default("").describe("Who it belongs to; PowerDNS only keeps it."),
  dnssec: z.boolean().default(false).describe("Sign it; PowerDNS makes the keys. Default false."),
  soaEdit: z
    .string()
    .default("")
    .describe("How the serial is shown to secondaries (SOA-EDIT). Default: as it is."),
  soaEditApi: z
    .enum(["DEFAULT", "INCREASE", "EPOCH", "SOA-EDIT", "SOA-EDIT-INCREASE", "OFF", ""])
    .default("DEFAULT")
    .describe("How the serial grows with changes over the API. Default DEFAULT: the date and a number."),
  apiRectify: z.boolean().default(false).describe("Put DNSSEC's order right after each change over the API."),
};

const zoneInputs = z.strictObject({
  name: z.string().min(1).describe("Its name, such as `example.com`."),
  nameservers: z
    .array(z.string())
    .optional()
    .describe("The NS of its own name. Absent: left alone, and none in a new zone."),
  ...settings,
  purge: z
    .boolean()
    .default(false)
    .describe("Delete it with the records in it. Default false: a zone that has records is not deleted."),
});
const zoneOutputs = z.strictObject({
  name: z.string().describe("Its name, in small letters and without a dot at its end."),
  kind: z.string().describe("Native, Master or Slave."),
  nameservers: z.array(z.string()).describe("The NS of its own name, in order."),
  masters: z.array(z.string()).describe("Where a Slave transfers from."),
  account: z.string().describe("Who it belongs to."),
  dnssec: z.boolean().describe("Is it signed?"),
  soaEdit: z.string().describe("SOA-EDIT."),
  soaEditApi: z.string().describe("How the serial grows."),
  apiRectify: z.boolean().describe("Is DNSSEC's order put right after each change?"),
});
type Inputs = z.output<typeof zoneInputs>;
type Outputs = z.output<typeof zoneOutputs>;

const TTL = 3600;

/** Each text through `canonical`; what it refuses is a failure at its path. Unknowns and secrets stay. */
function canonicalTexts(
  value: Value | undefined,
  path: string,
  canonical: (text: string) => string,
  failures: CheckFailure[],
): Value | undefined {
  if (isArray(value))
    return value.map((each, i) => canonicalTexts(each, `${path}[${i}]`, canonical, failures) ?? each);
  if (typeof value !== "string") return value;
  try {
    return canonical(value);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    const [expected, found] = [error.expected, describe(value)];
    failures.push({ path, message: `${path} must be ${expected}, not ${found}`, expected, found });
    return value;
  }
}

/** `192.0.2.1` or `[2001:db8::1]:5300`. */
function masterText(text: string): string {
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(text) ?? [];
  const address = bracketed ?? plain ?? text;
  if (addressBytes(address) === undefined || Number(port ?? 53) > 65_535)
    throw new Malformed("an address, such as 192.0.2.1, 192.0.2.1:5300 or [2001:db8::1]:5300");
  return text;
}

function checkZone(inputs: PropertyMap): { inputs: PropertyMap; failures: CheckFailure[] } {
  const failures: CheckFailure[] = [];
  const name = (text: string): string => zoneForPeople(canonicalName(text));
  const nameservers = canonicalTexts(
    inputs.nameservers,
    "nameservers",
    (text) => zoneText("NS", text),
    failures,
  );
  const masters = canonicalTexts(inputs.masters, "masters", masterText, failures);
  const inOrder = (value: Value | undefined): Value | undefined =>
    isArray(value) && value.every((each) => typeof each === "string") ? [...value].sort() : value;
  if (inputs.kind === "Slave" && isArray(masters) && masters.length === 0)
    failures.push({
      path: "masters",
      message: "masters is missing: a Slave transfers from them",
      expected: "at least one address",
      found: "none",
    });
  if (inputs.kind === "Slave" && inputs.nameservers !== undefined)
    failures.push({
      path: "nameservers",
      message: "nameservers can't be given for a Slave: its records come from its masters",
      expected: "none",
      found: describe(inputs.nameservers),
    });
  const canonical = {
    ...inputs,
    name: canonicalTexts(inputs.name, "name", name, failures),
    ...(nameservers === undefined ? {} : { nameservers: inOrder(nameservers) }),
    ...(masters === undefined ? {} : { masters: inOrder(masters) }),
  };
  return { inputs: canonical as PropertyMap, failures };
}

const apiSettings = (inputs: Inputs): object => ({
  kind: inputs.kind,
  masters: inputs.masters,
  account: inputs.account,
  dnssec: inputs.dnssec,
  soa_edit: inputs.soaEdit,
  soa_edit_api: inputs.soaEditApi,
  api_rectify: inputs.apiRectify,
});

function outputsOf(zone: ApiZone): Outputs {
  const name = canonicalName(zone.name);
  const own = managed(name, zone.rrsets ?? []).find((set) => set.type === "NS" && set.name === name);
  return {
    name: zoneForPeople(name),
    // Newer servers take the new words and give either.
    kind: ({ Primary: "Master", Secondary: "Slave" } as Record<string, string>)[zone.kind] ?? zone.kind,
    nameservers: [...(own?.data ?? [])],
    masters: [...zone.masters].sort(),
    account: zone.account,
    dnssec: zone.dnssec,
    soaEdit: zone.soa_edit,
    soaEditApi: zone.soa_edit_api,
    apiRectify: zone.api_rectify,
  };
}

/** What is there, as inputs; what orch was not told to manage stays out, except on an import. */
function readInputs(outputs: Outputs, given: Partial<Inputs>): Partial<z.input<typeof zoneInputs>> {
  const { nameservers, ...rest } = outputs;
  const isImport = Object.keys(given).length === 0;
  const theirs =
    given.nameservers !== undefined || (isImport && outputs.kind !== "Slave" && nameservers.length > 0);
  return { ...given, ...rest, ...(theirs ? { nameservers } : {}) } as Partial<z.input<typeof zoneInputs>>;
}

/** The settings that are there and differ, for people: `kind: Master`. */
const differing = (wanted: Inputs, found: Outputs): readonly (keyof Outputs)[] =>
  (Object.keys(found) as (keyof Outputs)[]).filter((key) => {
    const value = wanted[key];
    return value !== undefined && JSON.stringify(value) !== JSON.stringify(found[key]);
  });

export const zone = defineResource<PowerDns>()({
  type: "powerdns:index:Zone",
  importId: "its name",
  description: "A zone: its settings and the name servers at its top. All zones are listed.",
  inputs: zoneInputs,
  outputs: zoneOutputs,
  replaceOn: ["name"],
  stables: ["name"],
  idOf: ({ name }) => zoneForPeople(canonicalName(name)),
  check: ({ inputs }) => checkZone(inputs),
  predict: ({ inputs }) => {
    const { purge: _, ...outputs } = inputs;
    return outputs;
  },

  async create({ inputs, session: api, signal }) {
    const name = canonicalName(inputs.name);
    const made = await api.createZone(
      { name, ...apiSettings(inputs), nameservers: inputs.nameservers ?? [] },
      signal,
    );
    const found = outputsOf((await api.zone(name, signal)) ?? gone(name));
    const different = differing(inputs, found);
    // Ours from a try whose end nobody saw, or somebody else's.
    if (!made && different.length > 0) {
      const [path = "name"] = different;
      fail({
        reason: "conflict",
        message: `There is a zone ${name} already, and it is not as this one should be.`,
        path,
        expected: different.map((key) => `${key}: ${JSON.stringify(inputs[key])}`).join(", "),
        found: different.map((key) => `${key}: ${JSON.stringify(found[key])}`).join(", "),
        next: [`Give the resource the option \`import: "${found.name}"\`, or remove the zone that is there.`],
      });
    }
    return { id: found.name, outputs: found };
  },

  async read({ id, inputs, session: api, signal }) {
    const found = await api.zone(givenZone(id), signal);
    if (found === undefined) return undefined;
    const outputs = outputsOf(found);
    return { id: outputs.name, inputs: readInputs(outputs, inputs), outputs };
  },

  async *list({ session: api, signal }) {
    for (const name of await api.zones(signal)) yield { id: zoneForPeople(canonicalName(name)), title: name };
  },

  async update({ id, inputs, oldInputs, session: api, signal }) {
    const name = givenZone(id);
    await api.updateZone(name, apiSettings(inputs), signal);
    const { nameservers } = inputs;
    if (nameservers !== undefined && JSON.stringify(nameservers) !== JSON.stringify(oldInputs.nameservers)) {
      const own = { zone: name, name, type: "NS" } as const;
      if (nameservers.length === 0) await api.deleteSet(own, signal);
      else await api.replaceSet({ ...own, ttl: TTL, data: nameservers }, signal);
    }
    return { outputs: outputsOf((await api.zone(name, signal)) ?? gone(name)) };
  },

  async delete({ id, inputs, session: api, signal }) {
    const name = givenZone(id);
    if (!inputs.purge) {
      const found = await api.zone(name, signal);
      const others =
        found?.kind === "Slave"
          ? []
          : managed(name, found?.rrsets ?? []).filter((set) => set.type !== "NS" || set.name !== name);
      if (others.length > 0)
        fail({
          reason: "conflict",
          message: `The zone ${name} has records that would go with it, and was left alone.`,
          path: "purge",
          expected: "no records but its own SOA and NS",
          found: `${others.length}, among them ${others
            .slice(0, 3)
            .map((set) => `${set.name} ${set.type}`)
            .join(", ")}`,
          next: ["Remove the records first, or set `purge: true`, apply, and then remove the zone."],
        });
    }
    await api.deleteZone(name, signal);
  },
});

const gone = (name: string): never =>
  fail({
    reason: "conflict",
    message: `The zone ${name} was deleted by somebody else a moment ago.`,
    expected: `the zone ${name}`,
    found: "none",
    next: ["Plan again."],
  });

function givenZone(id: string): string {
  try {
    return canonicalName(id);
  } catch (error) {
    if (!(error instanceof Malformed)) throw error;
    return fail({
      reason: "invalid-property",
      message: `${JSON.stringify(id)} is not the id of a zone.`,
      expected: "the zone's name, such as example.com",
      found: id,
    });
  }
}
