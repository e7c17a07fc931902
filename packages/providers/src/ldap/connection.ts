/**
 * One login to one LDAP server, over `ldapts`: opened on first use, opened again when it was lost. Reads are sent again after a
 * loss; a change never is once it was sent, as nobody knows whether it was done.
 */
import { isIP, connect as netConnect, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { type ConnectionOptions, checkServerIdentity, connect as tlsConnect } from "node:tls";
import { OrchError } from "@orch/core/model/failure";
import { Attribute, Change, Client, type Control, type Entry, type Filter, ResultCodeError } from "ldapts";
import { bindCode, bindFailed, codeOf, type Doing, lost, refused, tooSlow, unreachable } from "./failures.js";

export interface ConnectionSettings {
  /** `ldap://host[:port]` or `ldaps://…`. */
  readonly url: string;
  /** Encrypt an ldap:// connection before anything is said (RFC 4511, 4.14). */
  readonly startTls: boolean;
  /** A DN (Active Directory: also `user@domain`) and a password; `external`: who the client certificate says; absent: anonymous. */
  readonly login: { readonly user: string; readonly password: string } | "external" | undefined;
  /** PEM texts. */
  readonly tls: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    /** The name that the certificate must have, where it is not the address's. */
    readonly serverName?: string;
  };
  /** Seconds. */
  readonly connectTimeout: number;
  /** Seconds for one request. */
  readonly requestTimeout: number;
}

/** Attributes by their names in lower case, without what is empty. */
export interface DirectoryEntry {
  readonly dn: string;
  readonly attributes: ReadonlyMap<string, readonly Buffer[]>;
}

export interface Query {
  readonly base: string;
  readonly scope: "base" | "one" | "sub";
  readonly filter: Filter | string;
  readonly attributes: readonly string[];
  /** Ask page by page: for results without a known bound. */
  readonly paged?: boolean;
  readonly controls?: readonly Control[];
}

export interface Modification {
  readonly operation: "add" | "delete" | "replace";
  readonly attribute: string;
  readonly values: readonly Buffer[];
}

/** Always given as bytes: some of their values happen to be text. */
const binaryAttributes = ["objectGUID", "objectSid"];
const pageSize = 500;
const noSuchObject = 32;
/** Pauses in ms before a request is sent again. Together a server's restart fits in. */
const pauses = [200, 600, 1_500, 3_000];

interface Link {
  readonly client: Client;
  socket: Socket | undefined;
  alive: boolean;
  /** Rejects when the connection ends. */
  readonly gone: Promise<never>;
}
class LinkLost extends Error {}

export class LdapConnection {
  /** How many requests were sent, binds included: for measuring. */
  requests = 0;
  readonly service: string;
  private link: Promise<Link> | undefined;
  private opening: Promise<Link> | undefined;
  private readonly stop = new AbortController();
  /** A server keeps one paged search per connection. */
  private paging: Promise<unknown> = Promise.resolve();

  constructor(readonly settings: ConnectionSettings) {
    this.service = `The directory ${settings.url}`;
  }

  /** Entries that fit, with all values of large attributes. A base that is not there gives none. */
  async search(query: Query, signal: AbortSignal): Promise<readonly DirectoryEntry[]> {
    const doing: Doing = {
      what: query.scope === "base" ? `reading ${query.base || "the root entry"}` : `searching ${query.base}`,
      dn: query.base,
      right: `to read ${query.base || "the root entry"}`,
    };
    const found = query.paged
      ? await this.inTurn(() =>
          this.request(doing, signal, true, (client) => this.pages(client, query, signal)),
        )
      : await this.request(doing, signal, true, (client) => this.page(client, query));
    return Promise.all(found.map((entry) => this.complete(entry, query, doing, signal)));
  }

  async add(
    dn: string,
    attributes: ReadonlyMap<string, readonly Buffer[]>,
    signal: AbortSignal,
  ): Promise<void> {
    const given = [...attributes].filter(([, values]) => values.length > 0);
    const added = given.map(([type, values]) => new Attribute({ type, values: [...values] }));
    await this.request(
      {
        what: `adding ${dn}`,
        dn,
        right: `to add entries below the parent of ${dn}, and to write ${[...attributes.keys()].join(", ")}`,
      },
      signal,
      false,
      (client) => client.add(dn, added),
    );
  }

  async modify(
    dn: string,
    modifications: readonly Modification[],
    signal: AbortSignal,
    controls: readonly Control[] = [],
  ): Promise<void> {
    if (modifications.length === 0) return;
    const names = [...new Set(modifications.map(({ attribute }) => attribute))].join(", ");
    const changes = modifications.map(
      ({ operation, attribute, values }) =>
        new Change({ operation, modification: new Attribute({ type: attribute, values: [...values] }) }),
    );
    await this.request(
      { what: `changing ${names} of ${dn}`, dn, right: `to write ${names} of ${dn}` },
      signal,
      false,
      (client) => client.modify(dn, changes, [...controls]),
    );
  }

  /** Gives the entry, and all below it, another name or parent. `newDn` as `formatDn` writes it. */
  async move(dn: string, newDn: string, signal: AbortSignal): Promise<void> {
    await this.request(
      {
        what: `moving ${dn} to ${newDn}`,
        dn,
        right: `to delete ${dn} (or rename it) and to add entries where ${newDn} stands`,
      },
      signal,
      false,
      (client) => client.modifyDN(dn, newDn),
    );
  }

  async remove(dn: string, signal: AbortSignal): Promise<void> {
    await this.request({ what: `deleting ${dn}`, dn, right: `to delete ${dn}` }, signal, false, (client) =>
      client.del(dn),
    );
  }

  /** Is this the user's password? Undefined: the server does not say (locked out). It counts as one try to log in. */
  async accepts(user: string, password: string, signal: AbortSignal): Promise<boolean | undefined> {
    const link = await this.open({ user, password }, signal).catch((error: unknown) => {
      const cause = error instanceof OrchError ? error.cause : error;
      const code = bindCode(cause);
      if (code === "775") return undefined;
      // These are told only to whoever knows the password.
      if (["530", "531", "532", "533", "701", "773"].includes(code ?? "")) return true;
      if (codeOf(cause) === 49) return false;
      throw error;
    });
    if (typeof link !== "object") return link;
    drop(link);
    return true;
  }

  async close(): Promise<void> {
    this.stop.abort(new OrchError({ reason: "interrupted", message: `${this.service} is closed` }));
    const link = await this.link?.catch(() => undefined);
    this.link = undefined;
    if (link) drop(link);
  }

  private async page(client: Client, { base, scope, filter, attributes, controls }: Query): Promise<Entry[]> {
    try {
      const { searchEntries } = await client.search(
        base,
        { scope, filter, attributes: [...attributes], explicitBufferAttributes: binaryAttributes },
        [...(controls ?? [])],
      );
      return searchEntries;
    } catch (error) {
      if (codeOf(error) === noSuchObject) return [];
      throw error;
    }
  }

  private async pages(client: Client, query: Query, signal: AbortSignal): Promise<Entry[]> {
    const { base, scope, filter, attributes, controls } = query;
    const found: Entry[] = [];
    const pages = client.searchPaginated(
      base,
      {
        scope,
        filter,
        attributes: [...attributes],
        explicitBufferAttributes: binaryAttributes,
        paged: { pageSize },
      },
      [...(controls ?? [])],
    );
    try {
      for await (const { searchEntries } of pages) {
        signal.throwIfAborted();
        found.push(...searchEntries);
        if (searchEntries.length === pageSize) this.requests++;
      }
      return found;
    } catch (error) {
      if (codeOf(error) === noSuchObject) return [];
      throw error;
    }
  }

  private inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.paging.then(work, work);
    this.paging = turn.catch(() => undefined);
    return turn;
  }

  /** Active Directory gives at most 1,500 values of an attribute at once, as `member;range=0-1499` (MS-ADTS 3.1.1.3.1.3.3). */
  private async complete(
    entry: Entry,
    { controls = [] }: Query,
    doing: Doing,
    signal: AbortSignal,
  ): Promise<DirectoryEntry> {
    const attributes = new Map<string, readonly Buffer[]>();
    for (const [key, value] of Object.entries(entry)) {
      if (key === "dn") continue;
      const [, name, last] = /^(.+);range=\d+-(\d+|\*)$/i.exec(key) ?? [undefined, key, "*"];
      const values = bytesOf(value);
      for (let end = last as string; end !== "*"; ) {
        const next = `${name};range=${Number(end) + 1}-*`;
        const [more] = await this.request(doing, signal, true, (client) =>
          this.page(client, {
            base: entry.dn,
            scope: "base",
            filter: "(objectClass=*)",
            attributes: [next],
            controls,
          }),
        );
        const part = Object.entries(more ?? {}).find(([found]) =>
          found.toLowerCase().startsWith(`${name};range=`.toLowerCase()),
        );
        const range = part && /-(\d+|\*)$/.exec(part[0])?.[1];
        if (part === undefined || range === undefined || bytesOf(part[1]).length === 0) break;
        values.push(...bytesOf(part[1]));
        end = range;
      }
      const lower = (name as string).toLowerCase();
      if (values.length > 0) attributes.set(lower, [...(attributes.get(lower) ?? []), ...values]);
    }
    return { dn: entry.dn, attributes };
  }

  private async request<T>(
    doing: Doing,
    signal: AbortSignal,
    repeatable: boolean,
    send: (client: Client) => Promise<T>,
  ): Promise<T> {
    for (let attempt = 0; ; attempt++) {
      const pause = pauses[attempt];
      const link = await this.connected(signal);
      this.requests++;
      try {
        return await this.within(link, doing, signal, () => send(link.client));
      } catch (error) {
        if (error instanceof ResultCodeError) {
          const busy = error.code === 51 || error.code === 52;
          if (!busy || pause === undefined) throw refused(error, this.service, doing);
        } else if (error instanceof OrchError || signal.aborted || link.alive) {
          throw error;
        } else if (!repeatable || pause === undefined) throw lost(this.service, doing);
        await sleep(pause, undefined, { signal });
      }
    }
  }

  /** Ends with the answer, the connection, the caller or the time, whichever is first. */
  private async within<T>(link: Link, doing: Doing, signal: AbortSignal, send: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    const seconds = this.settings.requestTimeout;
    let timer: NodeJS.Timeout | undefined;
    const slow = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        // Whatever else waits on a server that says nothing is better off with another connection.
        drop(link);
        reject(tooSlow(this.service, doing, seconds));
      }, seconds * 1000);
    });
    try {
      return await orAborted(Promise.race([send(), link.gone, slow]), signal);
    } finally {
      clearTimeout(timer);
    }
  }

  private async connected(signal: AbortSignal): Promise<Link> {
    const link = await this.link?.catch(() => undefined);
    if (link?.alive) return link;
    // Of those who find it gone at once, one opens another; it is for all of them, so that no one's end is its end.
    this.opening ??= this.openPatiently().finally(() => {
      this.opening = undefined;
    });
    this.link = this.opening;
    return orAborted(this.opening, signal);
  }

  private async openPatiently(): Promise<Link> {
    const { signal } = this.stop;
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.open(this.settings.login, signal);
      } catch (error) {
        const pause = pauses[attempt];
        const { reason, found = "" } = error instanceof OrchError ? error.failure : {};
        // A certificate or a name that is wrong stays wrong.
        const passing = reason === "connection-failed" && /^(ECONN|EPIPE|EHOST|ENET|EAI_AGAIN)/.test(found);
        if (!passing || pause === undefined) throw error;
        await sleep(pause, undefined, { signal });
      }
    }
  }

  private async open(login: ConnectionSettings["login"], signal: AbortSignal): Promise<Link> {
    signal.throwIfAborted();
    const { url, startTls, connectTimeout } = this.settings;
    const tlsOptions = this.tlsOptions();
    const watch = <S extends Socket>(made: S): S => {
      link.socket ??= made;
      return made;
    };
    const secure = /^ldaps:/i.test(url);
    const client = new Client({
      url,
      ...(secure ? { tlsOptions } : {}),
      // ldapts does not notice the end of a connection that StartTLS has taken over: the socket itself is watched.
      createConnection: ((...args: Parameters<typeof netConnect>) =>
        watch(netConnect(...args))) as typeof netConnect,
      createSecureConnection: ((...args: Parameters<typeof tlsConnect>) =>
        watch(tlsConnect(...args))) as typeof tlsConnect,
    });
    let end: (error: unknown) => void = () => {};
    const gone = new Promise<never>((_, reject) => {
      end = reject;
    });
    gone.catch(() => undefined);
    const link: Link = { client, socket: undefined, alive: true, gone };
    const timer = setTimeout(
      () => end(Object.assign(new Error("no connection in time"), { code: "UND_ERR_CONNECT_TIMEOUT" })),
      connectTimeout * 1000,
    );
    const steps = async (): Promise<void> => {
      if (startTls && !secure) {
        this.requests++;
        await client.startTLS(tlsOptions);
      }
      this.requests++;
      await bind(client, login).catch((error: unknown) => {
        throw bindFailed(error, this.service, login);
      });
    };
    try {
      await orAborted(Promise.race([steps(), gone]), signal);
    } catch (error) {
      drop(link);
      if (error instanceof OrchError || signal.aborted) throw error;
      if (error instanceof ResultCodeError)
        throw refused(error, this.service, { what: "turning on TLS (StartTLS)", right: "to use StartTLS" });
      throw unreachable(error, this.service);
    } finally {
      clearTimeout(timer);
    }
    const ended = (): void => {
      link.alive = false;
      end(new LinkLost());
    };
    if (link.socket === undefined || link.socket.destroyed) ended();
    else link.socket.once("close", ended);
    return link;
  }

  private tlsOptions(): ConnectionOptions {
    const { url, tls } = this.settings;
    const name = tls.serverName ?? hostOf(url);
    return {
      // An address can't be asked for by name; the certificate must still have it.
      ...(isIP(name) ? {} : { servername: name }),
      checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
    };
  }
}

const hostOf = (url: string): string =>
  new URL(url.replace(/^ldap/i, "http")).hostname.replace(/^\[|\]$/g, "");

const bind = (client: Client, login: ConnectionSettings["login"]): Promise<void> =>
  login === "external" ? client.bind("EXTERNAL") : client.bind(login?.user ?? "", login?.password ?? "");

/** The promise's end, or the signal's reason if that comes first. */
async function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  let abort: () => void = () => {};
  const aborted = new Promise<never>((_, reject) => {
    abort = () => reject(signal.reason);
    signal.addEventListener("abort", abort, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

/** Says goodbye without waiting: a server that is deaf never lets go. */
function drop(link: Link): void {
  link.alive = false;
  link.client.unbind().catch(() => undefined);
  link.socket?.destroySoon();
}

const bytesOf = (value: Entry[string]): Buffer[] =>
  (Array.isArray(value) ? value : [value]).map((one) => (Buffer.isBuffer(one) ? one : Buffer.from(one)));
