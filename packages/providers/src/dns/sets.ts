/** Record sets on a server: looked up one by one, or from a whole zone. */
import { OrchError } from "@orch/core/model/failure";
import type { DnsClient } from "./client.js";
import { must } from "./client.js";
import type { ResourceRecord } from "./message.js";
import { isWithin, labelsOf, nameOf } from "./names.js";
import { isRecordType } from "./rdata.js";
import type { RecordSet, RecordSetId } from "./record-set.js";

const key = (name: string, type: string): string => `${name} ${type}`;

/** Record sets of these records by `key`, of the types that can be managed. */
function gather(zone: string, records: readonly ResourceRecord[]): ReadonlyMap<string, RecordSet> {
  const sets = new Map<string, RecordSet>();
  for (const { name, type, ttl, data } of records) {
    if (!isRecordType(type) || data === undefined) continue;
    const before = sets.get(key(name, type));
    const all = [...(before?.data ?? []), data].sort();
    sets.set(key(name, type), { zone, name, type, ttl: before?.ttl ?? ttl, data: all });
  }
  return sets;
}

/** Every record set of the zone, with one transfer. */
export async function allSets(
  client: DnsClient,
  zone: string,
  signal: AbortSignal,
): Promise<{ get(id: RecordSetId): RecordSet | undefined; all(): readonly RecordSet[] }> {
  const sets = gather(zone, await client.transfer(zone, signal));
  return {
    get: ({ name, type }) => sets.get(key(name, type)),
    all: () => [...sets.values()],
  };
}

const zoneMissing = (client: DnsClient, zone: string): OrchError =>
  new OrchError({
    reason: "provider-error",
    message: `${client.server} does not have the zone ${zone}.`,
    path: "zone",
    expected: `a server that answers for ${zone} with authority`,
    found: "an answer without authority",
    next: [
      "Correct `zone`, or `server` of the provider: it must be one of the zone's own servers, not a resolver.",
    ],
  });

/** Undefined: there are no such records. Rejects with `provider-error` when the server does not have the zone. */
export async function readSet(
  client: DnsClient,
  id: RecordSetId,
  signal: AbortSignal,
): Promise<RecordSet | undefined> {
  const { zone, name, type } = id;
  const answer = await client.query(name, type, signal);
  const own = key(name, type);
  if (!answer.authoritative) {
    const cut = answer.authorities.find((record) => record.type === "NS");
    // A referral: the name is at or below a delegation from this very zone.
    const delegated = cut && cut.name !== zone && isWithin(cut.name, zone) && isWithin(name, cut.name);
    if (!delegated) throw zoneMissing(client, zone);
    if (type === "NS" && cut.name === name) return gather(zone, answer.authorities).get(own);
    // Addresses of name servers below the delegation are not answered; only a transfer shows them.
    return (await allSets(client, zone, signal)).get(id);
  }
  const found = gather(zone, answer.answers).get(own);
  if (found === undefined || !(await mayBeWildcard(client, found, signal))) return found;
  return (await isThere(client, id, signal)) ? found : undefined;
}

/** Is there a wildcard that would answer for this name as well (RFC 4592)? */
async function mayBeWildcard(client: DnsClient, set: RecordSet, signal: AbortSignal): Promise<boolean> {
  const labels = labelsOf(set.name);
  const above = labels.length - labelsOf(set.zone).length;
  for (let i = 1; i <= above; i++) {
    const wildcard = `*.${nameOf(labels.slice(i))}`;
    if (wildcard === set.name) continue;
    const answer = await client.query(wildcard, set.type, signal);
    const there = gather(set.zone, answer.answers).get(key(wildcard, set.type));
    if (there && there.ttl === set.ttl && there.data.join() === set.data.join()) return true;
  }
  return false;
}

/** Asked as a prerequisite, which sees the zone without its wildcards; or, where updates are not allowed, by a transfer. */
async function isThere(client: DnsClient, id: RecordSetId, signal: AbortSignal): Promise<boolean> {
  const { zone, name, type } = id;
  try {
    const prerequisites = [must.exist(name, type)];
    return (
      (await client.update({ zone, prerequisites, changes: [], doing: `ask for ${name}` }, signal)) === "done"
    );
  } catch (error) {
    if (!(error instanceof OrchError) || error.failure.reason !== "permission-denied") throw error;
    return (await allSets(client, zone, signal)).get(id) !== undefined;
  }
}
