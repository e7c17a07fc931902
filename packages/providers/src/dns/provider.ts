/** The `dns` provider: records of any server that takes dynamic updates (RFC 2136), signed with TSIG (RFC 8945). */
import { createRequire } from "node:module";
import { fail, OrchError, toFailure } from "@orch/core/model/failure";
import type { LoadContext } from "@orch/core/provider/contract";
import { z } from "zod";
import { createProvider, defineInvoke, defineProvider, defineResource } from "../direct/index.js";
import { change, type DnsClient, dnsClient, must, type UpdateOutcome } from "./client.js";
import type { ResourceRecord } from "./message.js";
import { reverseName } from "./names.js";
import { addressBytes } from "./rdata.js";
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
} from "./record-set.js";
import { allSets, readSet } from "./sets.js";
import { algorithms } from "./tsig.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

/** From so many in one zone on, a transfer is the shorter way. */
const TRANSFER_FROM = 4;

/** A CNAME may have nothing beside it, and nothing may stand beside a CNAME: a server drops such an update without a word (RFC 2136 3.4.2.2). */
const free = ({ name, type }: RecordSet): ResourceRecord[] =>
  type === "CNAME"
    ? [must.notBeUsed(name)]
    : [
        must.notExist(name, type),
        must.notExist(name, "CNAME"),
        // Likewise a DS where nothing is delegated.
        ...(type === "DS" ? [must.exist(name, "NS")] : []),
      ];

/** What stands in the way of a creation. */
async function inTheWay(client: DnsClient, set: RecordSet, signal: AbortSignal): Promise<string> {
  const others =
    set.type === "CNAME"
      ? (await client.query(set.name, "ANY", signal)).answers
      : (await client.query(set.name, "CNAME", signal)).answers;
  const here = others.filter(({ name }) => name === set.name);
  return here.map(({ type, data = "" }) => `${type} ${data}`).join(", ") || "records of another type";
}

const recordSet = defineResource<DnsClient>()({
  type: "dns:index:RecordSet",
  importId: "`ZONE/NAME/TYPE`, such as `example.com/www/A`; `@` is the zone's own name",
  description: "All records of one name and type in a zone. Listed within a scope `zone`.",
  inputs: recordSetInputs,
  outputs: recordSetOutputs,
  replaceOn: ["zone", "name", "type"],
  stables: ["zone", "name", "type", "fqdn"],
  idOf: ({ zone, name, type }) => idOf(recordSetOf({ zone, name, type, ttl: 0, records: [] })),
  check: ({ inputs }) => checkRecordSet(inputs),
  predict: ({ inputs }) => predictRecordSet(inputs),

  async create({ inputs, session: client, signal }) {
    const set = recordSetOf(inputs);
    const outcome = await client.update(
      {
        zone: set.zone,
        prerequisites: free(set),
        changes: change.add(set.name, set.type, set.ttl, set.data),
        doing: `add ${what(set)}`,
      },
      signal,
    );
    if (outcome === "NXRRSET")
      fail({
        reason: "conflict",
        message: `${set.name} is not delegated, and a server keeps no DS of such a name.`,
        path: "name",
        expected: `NS records of ${set.name}`,
        found: "no NS records",
        next: ["Make them first, and let the DS depend on them (`dependsOn`)."],
      });
    if (outcome !== "done") {
      const found = await readSet(client, set, signal);
      // Made by a try of ours whose end nobody saw.
      const own = found !== undefined && sameData(found, set) && found.ttl === set.ttl;
      if (!own)
        throw conflict(
          "created",
          set,
          "no such records",
          found ? setText(found) : await inTheWay(client, set, signal),
        );
    }
    return { id: idOf(set), outputs: outputsOf(set) };
  },

  async read({ id, session: client, signal }) {
    const found = await readSet(client, givenId(id), signal);
    return found && { id: idOf(found), inputs: inputsOf(found), outputs: outputsOf(found) };
  },

  async readMany({ reads, session: client, signal, log }) {
    const ids = reads.map(({ id }) => parseId(id));
    const zones = new Map<string, number>();
    for (const id of ids) if (id) zones.set(id.zone, (zones.get(id.zone) ?? 0) + 1);
    const whole = new Map<string, Awaited<ReturnType<typeof allSets>>>();
    for (const [zone, count] of zones) {
      if (count < TRANSFER_FROM) continue;
      try {
        whole.set(zone, await allSets(client, zone, signal));
      } catch (error) {
        if (!(error instanceof OrchError) || error.failure.reason !== "permission-denied") throw error;
        log("info", `${error.failure.message} Its ${count} record sets are looked up one by one.`);
      }
    }
    return Promise.all(
      reads.map(async ({ id: text }, i) => {
        try {
          const id = ids[i] ?? givenId(text);
          const transferred = whole.get(id.zone);
          const found = transferred ? transferred.get(id) : await readSet(client, id, signal);
          return found && { id: idOf(found), inputs: inputsOf(found), outputs: outputsOf(found) };
        } catch (error) {
          return { failure: toFailure(error) };
        }
      }),
    );
  },

  async *list({ scope, session: client, signal }) {
    const { zone } = zoneScope(scope);
    for (const set of (await allSets(client, zone, signal)).all())
      yield { id: idOf(set), title: `${what(set)} ${setText(set)}` };
  },

  async update({ inputs, oldInputs, session: client, signal }) {
    const set = recordSetOf(inputs);
    const before = recordSetOf(oldInputs);
    // A zone's own NS can't be removed all at once, not even to be replaced in the same update (RFC 2136 3.4.2.4): new ones first.
    const changes =
      set.type === "NS" && set.name === set.zone
        ? [
            ...change.add(set.name, set.type, set.ttl, set.data),
            ...change.remove(
              set.name,
              set.type,
              before.data.filter((each) => !set.data.includes(each)),
            ),
          ]
        : [change.removeSet(set.name, set.type), ...change.add(set.name, set.type, set.ttl, set.data)];
    await changed("changed", before, set, client, signal, (prerequisites) =>
      client.update({ zone: set.zone, prerequisites, changes, doing: `change ${what(set)}` }, signal),
    );
    return { outputs: outputsOf(set) };
  },

  async delete({ inputs, session: client, signal }) {
    const set = recordSetOf(inputs);
    if (set.type === "NS" && set.name === set.zone)
      fail({
        reason: "unsupported",
        message: `The NS records of a zone's own name can't be deleted: the server keeps them (RFC 2136 3.4.2.3).`,
        expected: "a zone with name servers",
        found: setText(set),
        next: ["Give the resource the option `retainOnDelete: true`, apply, and then remove it."],
      });
    await changed("deleted", set, undefined, client, signal, (prerequisites) =>
      client.update(
        {
          zone: set.zone,
          prerequisites,
          changes: [change.removeSet(set.name, set.type)],
          doing: `delete ${what(set)}`,
        },
        signal,
      ),
    );
  },
});

/** Does the update only if the records are still `before`; done as well if they are `after` already. */
async function changed(
  wanted: "changed" | "deleted",
  before: RecordSet,
  after: RecordSet | undefined,
  client: DnsClient,
  signal: AbortSignal,
  send: (prerequisites: ResourceRecord[]) => Promise<UpdateOutcome>,
): Promise<void> {
  if ((await send(must.be(before.name, before.type, before.data))) === "done") return;
  const found = await readSet(client, before, signal);
  const done =
    after === undefined ? found === undefined : found && sameData(found, after) && found.ttl === after.ttl;
  if (!done) throw conflict(wanted, before, setText(before), setText(found));
}

const reverse = defineInvoke<DnsClient>()({
  token: "dns:index:reverse",
  description: "The name under which the PTR of an address stands.",
  args: z.strictObject({ address: z.string().describe("An IPv4 or IPv6 address.") }),
  result: z.strictObject({
    name: z.string().describe("Below in-addr.arpa or ip6.arpa, with a dot at its end."),
  }),
  async invoke({ args: { address } }) {
    const bytes = addressBytes(address);
    if (bytes === undefined)
      return fail({
        reason: "invoke-failed",
        message: `dns.reverse: ${JSON.stringify(address)} is no address.`,
        path: "address",
        expected: "an IPv4 or IPv6 address",
        found: address,
      });
    return { name: reverseName(bytes) };
  },
});

const dns = defineProvider({
  name: "dns",
  version,
  description:
    "Records of DNS servers that take dynamic updates (RFC 2136): BIND, Knot, PowerDNS, Windows and others.",
  config: z
    .strictObject({
      server: z
        .string()
        .min(1)
        .describe("Name or address of the zone's primary server: the one that takes updates."),
      port: z.int().min(1).max(65535).default(53).describe("Default 53."),
      keyName: z.string().min(1).optional().describe("Name of the TSIG key. Without one nothing is signed."),
      keyAlgorithm: z.enum(algorithms).default("hmac-sha256").describe("Default hmac-sha256."),
      keySecret: z
        .string()
        .regex(/^[A-Za-z0-9+/\s]+={0,2}$/, "base64, as in the server's key file")
        .optional()
        .meta({ secret: true })
        .describe("The key, in base64."),
      tcp: z
        .boolean()
        .default(false)
        .describe("Look up over TCP only. Updates and transfers always use TCP."),
      timeout: z.number().positive().default(5).describe("Seconds to wait for each answer. Default 5."),
    })
    .refine(({ keyName, keySecret }) => (keyName === undefined) === (keySecret === undefined), {
      path: ["keySecret"],
      message: "given together with keyName",
    }),
  open: ({ server, port, keyName, keyAlgorithm, keySecret, tcp, timeout }): DnsClient =>
    dnsClient({
      server,
      port,
      tcp,
      timeoutMs: timeout * 1000,
      ...(keyName !== undefined && keySecret !== undefined
        ? { key: { name: keyName, algorithm: keyAlgorithm, secret: Buffer.from(keySecret, "base64") } }
        : {}),
    }),
  resources: [recordSet],
  invokes: [reverse],
});

export const create = (context: LoadContext) => createProvider(dns, context);
