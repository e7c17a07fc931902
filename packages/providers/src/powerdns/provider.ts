/** The `powerdns` provider: zones and records over the HTTP API of PowerDNS. */
import { createRequire } from "node:module";
import { toFailure } from "@orch/core/model/failure";
import type { LoadContext } from "@orch/core/provider/contract";
import { z } from "zod";
import { createProvider, defineProvider, defineResource } from "../direct/index.js";
import {
  checkRecordSet,
  conflict,
  givenId,
  idOf,
  inputsOf,
  outputsOf,
  parseId,
  predictRecordSet,
  type RecordSet,
  recordSetInputs,
  recordSetOf,
  recordSetOutputs,
  sameData,
  setText,
  what,
  zoneScope,
} from "../dns/record-set.js";
import { managed, type PowerDns, powerDns } from "./api.js";
import { zone } from "./zone.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

const asRead = (set: RecordSet | undefined) =>
  set && { id: idOf(set), inputs: inputsOf(set), outputs: outputsOf(set) };
const same = (a: RecordSet, b: RecordSet | undefined): boolean =>
  b !== undefined && sameData(a, b) && a.ttl === b.ttl;

const recordSet = defineResource<PowerDns>()({
  type: "powerdns:index:RecordSet",
  importId: "`ZONE/NAME/TYPE`, such as `example.com/www/A`; `@` is the zone's own name",
  description: "All records of one name and type in a zone. Listed within a scope `zone`.",
  inputs: recordSetInputs,
  outputs: recordSetOutputs,
  replaceOn: ["zone", "name", "type"],
  stables: ["zone", "name", "type", "fqdn"],
  idOf: ({ zone, name, type }) => idOf(recordSetOf({ zone, name, type, ttl: 0, records: [] })),
  check: ({ inputs }) => checkRecordSet(inputs),
  predict: ({ inputs }) => predictRecordSet(inputs),

  async create({ inputs, session: api, signal }) {
    const set = recordSetOf(inputs);
    const found = (await api.recordSets(set.zone, signal, set))(set);
    if (!same(set, found)) {
      if (found !== undefined) throw conflict("created", set, "no such records", setText(found));
      await api.replaceSet(set, signal);
    }
    return { id: idOf(set), outputs: outputsOf(set) };
  },

  async read({ id: text, session: api, signal }) {
    const id = givenId(text);
    return asRead((await api.recordSets(id.zone, signal, id))(id));
  },

  async readMany({ reads, session: api, signal }) {
    const ids = reads.map(({ id }) => parseId(id));
    const zones = new Map<string, number>();
    for (const id of ids) if (id) zones.set(id.zone, (zones.get(id.zone) ?? 0) + 1);
    const zonesRead = new Map(
      [...zones].map(([zone, count]) => {
        const only = count === 1 ? ids.find((id) => id?.zone === zone) : undefined;
        const sets = api.recordSets(zone, signal, only);
        // Each of its records fails with it, below.
        sets.catch(() => undefined);
        return [zone, sets] as const;
      }),
    );
    return Promise.all(
      reads.map(async ({ id: text }, i) => {
        try {
          const id = ids[i] ?? givenId(text);
          return asRead((await zonesRead.get(id.zone))?.(id));
        } catch (error) {
          return { failure: toFailure(error) };
        }
      }),
    );
  },

  async *list({ scope, session: api, signal }) {
    const { zone } = zoneScope(scope);
    const found = await api.zone(zone, signal);
    for (const set of managed(zone, found?.rrsets ?? []))
      yield { id: idOf(set), title: `${what(set)} ${setText(set)}` };
  },

  async update({ inputs, oldInputs, session: api, signal }) {
    const set = recordSetOf(inputs);
    const found = (await api.recordSets(set.zone, signal, set))(set);
    if (!same(set, found)) {
      unchanged("changed", recordSetOf(oldInputs), found);
      await api.replaceSet(set, signal);
    }
    return { outputs: outputsOf(set) };
  },

  async delete({ inputs, session: api, signal }) {
    const set = recordSetOf(inputs);
    if ((await api.zone(set.zone, signal)) === undefined) return;
    const found = (await api.recordSets(set.zone, signal, set))(set);
    if (found === undefined) return;
    unchanged("deleted", set, found);
    await api.deleteSet(set, signal);
  },
});

/** Is it still what orch knows? The API has no conditional writes: between this look and the write there is a moment left. */
function unchanged(wanted: string, before: RecordSet, found: RecordSet | undefined): void {
  if (found === undefined || !sameData(before, found))
    throw conflict(wanted, before, setText(before), setText(found));
}

const powerdns = defineProvider({
  name: "powerdns",
  version,
  description: "Zones and records of PowerDNS, over its HTTP API.",
  config: z.strictObject({
    url: z
      .url({ protocol: /^https?$/, error: "an address such as http://dns1.example.com:8081" })
      .describe("Where the API is: scheme, host and port."),
    apiKey: z.string().min(1).meta({ secret: true }).describe("`api-key` in PowerDNS's configuration."),
    serverId: z
      .string()
      .min(1)
      .default("localhost")
      .describe("Which server behind the API. Default localhost."),
    ca: z
      .string()
      .optional()
      .describe("PEM of the authority that signed the server's certificate, if it is not a public one."),
  }),
  open: ({ url, apiKey, serverId, ca }) =>
    powerDns({ url, apiKey, server: serverId, ...(ca === undefined ? {} : { ca }) }),
  close: (api) => api.close(),
  resources: [zone, recordSet],
});

export const create = (context: LoadContext) => createProvider(powerdns, context);
