/** What orch asks PowerDNS over its HTTP API (https://doc.powerdns.com/authoritative/http-api/). */
import { setTimeout as sleep } from "node:timers/promises";
import { fail, OrchError } from "@orch/core/model/failure";
import { type HttpAnswer, type HttpClient, type HttpRequest, httpClient } from "../direct/http/client.js";
import { unexpected } from "../direct/http/failures.js";
import { isRecordType, type RecordType, zoneText } from "../dns/rdata.js";
import { type RecordSet, type RecordSetId, what } from "../dns/record-set.js";

export interface ApiRecordSet {
  readonly name: string;
  readonly type: string;
  readonly ttl: number;
  readonly records: readonly { readonly content: string; readonly disabled?: boolean }[];
}
export interface ApiZone {
  readonly name: string;
  readonly kind: string;
  readonly masters: readonly string[];
  readonly account: string;
  readonly dnssec: boolean;
  readonly soa_edit: string;
  readonly soa_edit_api: string;
  readonly api_rectify: boolean;
  readonly serial: number;
  readonly rrsets?: readonly ApiRecordSet[];
}

export interface PowerDns {
  readonly service: string;
  /** Undefined: no such zone. */
  zone(name: string, signal: AbortSignal): Promise<ApiZone | undefined>;
  /** Names of all zones. */
  zones(signal: AbortSignal): Promise<readonly string[]>;
  /** False: there is one of this name already. Rejects with `provider-error` when the server does not like it. */
  createZone(zone: object, signal: AbortSignal): Promise<boolean>;
  /** Undefined properties stay as they are. */
  updateZone(name: string, zone: object, signal: AbortSignal): Promise<void>;
  /** Ends well when it is gone. */
  deleteZone(name: string, signal: AbortSignal): Promise<void>;
  /** Record sets of a zone; only one of them, where `id` says so. Rejects with `provider-error` when there is no such zone. */
  recordSets(
    zone: string,
    signal: AbortSignal,
    id?: RecordSetId,
  ): Promise<(id: RecordSetId) => RecordSet | undefined>;
  /** Puts the set in the place of what is there. */
  replaceSet(set: RecordSet, signal: AbortSignal): Promise<void>;
  deleteSet(id: RecordSetId, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}

export interface PowerDnsOptions {
  readonly url: string;
  readonly apiKey: string;
  readonly server: string;
  readonly ca?: string;
}

const WRITE_TRIES = 6;

/** A zone's id in paths: its name, with bytes that are no letter, digit, dot or hyphen as `=XX`. */
const zonePath = (name: string): string =>
  `zones/${name.replace(/[^A-Za-z0-9.-]/g, (char) => `=${char.charCodeAt(0).toString(16).toUpperCase().padStart(2, "0")}`)}`;

export function powerDns({ url, apiKey, server, ca }: PowerDnsOptions): PowerDns {
  const service = `PowerDNS at ${new URL(url).origin}`;
  const http: HttpClient = httpClient({
    service,
    baseUrl: `${url.replace(/\/+$/, "")}/api/v1/servers/${encodeURIComponent(server)}/`,
    headers: () => ({ "x-api-key": apiKey }),
    ...(ca === undefined ? {} : { tls: { ca } }),
    unreachableNext: [
      "Check `url`, and that PowerDNS runs with `webserver=yes` and `api=yes` and can be reached from here (`webserver-address`, `webserver-allow-from`).",
    ],
  });

  // PowerDNS answers 500 to changes that meet in its database (SQLite lets in one at a time, others may find a deadlock): one after the other, and
  // again if somebody else's was in the way.
  let last: Promise<unknown> = Promise.resolve();
  const write = (request: HttpRequest): Promise<HttpAnswer> => {
    const send = async (): Promise<HttpAnswer> => {
      for (let attempt = 1; ; attempt++) {
        const answer = await http.send(request);
        if (answer.status !== 500 || attempt === WRITE_TRIES || request.idempotent === false) return answer;
        await sleep(Math.random() * 100 * 2 ** attempt + 20, undefined, { signal: request.signal });
      }
    };
    const turn = last.then(send, send);
    last = turn.catch(() => undefined);
    return turn;
  };

  const get = async (name: string, query: Readonly<Record<string, string>>, signal: AbortSignal) => {
    const answer = await http.send({ method: "GET", path: zonePath(name), query, signal });
    if (answer.status === 404) return undefined;
    return ok(answer, `give the zone ${name}`).json<ApiZone>();
  };
  const ok = (answer: HttpAnswer, doing: string): HttpAnswer => {
    if (answer.ok) return answer;
    throw refused(answer, service, doing);
  };
  const noZone = (zone: string): never =>
    fail({
      reason: "provider-error",
      message: `${service} does not have the zone ${zone}.`,
      path: "zone",
      expected: "a zone of this server",
      found: "none of this name",
      next: ["Correct `zone`, or make the zone first: let the record set use the `name` of a powerdns.Zone."],
    });
  const patch = async (zone: string, rrset: object, doing: string, signal: AbortSignal): Promise<void> => {
    // Says what is to be there afterwards: twice is the same as once.
    const request = { method: "PATCH", path: zonePath(zone), body: { rrsets: [rrset] } } as const;
    const answer = await write({ ...request, signal, idempotent: true });
    if (answer.status === 404) return noZone(zone);
    ok(answer, doing);
  };

  return {
    service,
    zone: (name, signal) => get(name, {}, signal),
    async zones(signal) {
      const answer = await http.send({ method: "GET", path: "zones", signal });
      if (answer.status === 404)
        fail({
          reason: "provider-config",
          message: `${service} has no server ${server}.`,
          path: "serverId",
          expected: "localhost, unless something else stands between",
          found: server,
        });
      return ok(answer, "list the zones")
        .json<readonly ApiZone[]>()
        .map(({ name }) => name);
    },
    async createZone(zone, signal) {
      const answer = await write({ method: "POST", path: "zones", body: zone, signal, idempotent: false });
      if (answer.status === 409) return false;
      ok(answer, "make the zone");
      return true;
    },
    async updateZone(name, zone, signal) {
      const answer = await write({ method: "PUT", path: zonePath(name), body: zone, signal });
      ok(answer, `change the zone ${name}`);
    },
    async deleteZone(name, signal) {
      const answer = await write({ method: "DELETE", path: zonePath(name), signal });
      if (answer.status !== 404) ok(answer, `delete the zone ${name}`);
    },
    async recordSets(zone, signal, id) {
      // Servers before 4.9 know no such query and give all of them.
      const query = id ? { rrset_name: id.name, rrset_type: id.type } : {};
      const { rrsets = [] } = (await get(zone, query, signal)) ?? noZone(zone);
      const byKey = new Map(rrsets.map((each) => [`${each.name.toLowerCase()} ${each.type}`, each]));
      return ({ name, type }) => foundOf(zone, byKey.get(`${name} ${type}`));
    },
    replaceSet: (set, signal) =>
      patch(
        set.zone,
        {
          name: set.name,
          type: set.type,
          ttl: set.ttl,
          changetype: "REPLACE",
          records: set.data.map((content) => ({ content, disabled: false })),
        },
        `put ${what(set)}`,
        signal,
      ),
    deleteSet: ({ zone, name, type }, signal) =>
      patch(zone, { name, type, changetype: "DELETE" }, `delete ${name} ${type}`, signal),
    close: () => http.close(),
  };
}

const isOfType = (set: ApiRecordSet): set is ApiRecordSet & { readonly type: RecordType } =>
  isRecordType(set.type);

/** Of a zone's record sets those that can be managed. */
export const managed = (zone: string, rrsets: readonly ApiRecordSet[]): readonly RecordSet[] =>
  rrsets.flatMap((each) => foundOf(zone, each) ?? []);

/** Records that are disabled are not there: the server does not answer with them. */
function foundOf(zone: string, found: ApiRecordSet | undefined): RecordSet | undefined {
  if (found === undefined || !isOfType(found)) return undefined;
  const { type, ttl, records } = found;
  const data = records
    .filter(({ disabled }) => !disabled)
    .map(({ content }) => zoneText(type, content))
    .sort();
  return data.length === 0 ? undefined : { zone, name: found.name.toLowerCase(), type, ttl, data };
}

/** 422 is PowerDNS's word for input that it does not like; it says why. */
function refused(answer: HttpAnswer, service: string, doing: string): OrchError {
  const error = unexpected(answer, service, doing);
  const { failure } = error;
  if (/Conflicts with (pre-existing|another) RRset/.test(answer.text))
    return new OrchError({
      ...failure,
      reason: "conflict",
      expected: "a name without records that can't stand beside these",
      next: ["A CNAME stands alone at its name: remove what is beside it."],
    });
  return error;
}
