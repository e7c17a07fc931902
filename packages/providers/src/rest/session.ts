/** What the verbs work with: requests to one API about objects of the kinds that it was told of. */
import { setTimeout as sleep } from "node:timers/promises";
import { fail } from "@orch/core/model/failure";
import { serviceClient } from "../direct/http/auth.js";
import type { HttpAnswer, HttpClient, HttpRequest } from "../direct/http/client.js";
import { aborted, unexpected } from "../direct/http/failures.js";
import type { RestConfig } from "./config.js";
import { fillQuery, type Kind, kindOf, type Place, unwrapped } from "./kind.js";
import { fill, getAt, isObject, type Json } from "./template.js";

/** An endless list is one that gives the same page for ever. */
const mostPages = 10_000;

export interface Found {
  readonly object: Json;
  readonly etag: string | undefined;
}

export class RestSession {
  readonly kinds: ReadonlyMap<string, Kind>;
  readonly service: string;
  readonly #client: HttpClient;

  constructor(readonly config: RestConfig) {
    this.service = `the API at ${config.url}`;
    this.kinds = new Map(
      Object.entries(config.resources).map(([name, definition]) => [name, kindOf(name, definition)]),
    );
    this.#client = serviceClient({
      service: this.service,
      ...config,
      unreachableNext: ["Check `rest:url`, and that the service runs and can be reached from here."],
    });
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  send(request: HttpRequest): Promise<HttpAnswer> {
    return this.#client.send(request);
  }

  /** Undefined: there is none. */
  async get({ kind, id, values }: Place, signal: AbortSignal): Promise<Found | undefined> {
    const { read, gone } = kind.definition;
    const answer = await this.send({
      method: "GET",
      path: fill(read.path ?? kind.itemPath, values, true),
      query: fillQuery(read.query, values),
      headers: read.headers ?? {},
      signal,
    });
    if (gone.includes(answer.status)) return undefined;
    if (!succeeded(answer, read.status))
      throw unexpected(answer, this.service, `read the ${kind.name} ${id}`);
    return { object: unwrapped(kind, answer.json()), etag: answer.headers.get("etag") ?? undefined };
  }

  /** The objects of a kind, page by page. */
  async *pages(kind: Kind, values: Json, signal: AbortSignal): AsyncGenerator<readonly Json[]> {
    const { list, path } = kind.definition;
    if (list === undefined)
      return fail({
        reason: "unsupported",
        message: `The objects of ${kind.name} can't be listed: its definition has no \`list\`.`,
      });
    const { paging, size } = list;
    const query: Record<string, string | number> = { ...fillQuery(list.query, values) };
    if (size) query[size.parameter] = size.value;
    if (paging?.by === "page") query[paging.parameter] = paging.first;
    if (paging?.by === "offset") query[paging.parameter] = 0;
    let next: Pick<HttpRequest, "path" | "query"> | undefined = {
      path: fill(list.path ?? path, values, true),
      query,
    };
    let seen = 0;
    let token: unknown;
    for (let page = 0; next !== undefined; page++) {
      if (page === mostPages)
        fail({
          reason: "provider-error",
          message: `The list of ${kind.name} does not end after ${mostPages} pages.`,
        });
      const request: Pick<HttpRequest, "path" | "query"> = next;
      const answer = await this.send({ method: "GET", ...request, signal });
      if (!answer.ok) throw unexpected(answer, this.service, `list ${kind.name}`);
      const body = answer.json();
      const items = list.items === undefined ? body : getAt(body, list.items);
      if (!Array.isArray(items))
        return fail({
          reason: "provider-error",
          message: `The list of ${kind.name} is not where its definition says.`,
          expected: list.items === undefined ? "a list" : `a list at ${list.items}`,
          found: isObject(body) ? `an object with ${Object.keys(body).join(", ")}` : typeof body,
          next: [`Correct \`list.items\` of ${kind.name}.`],
        });
      yield items.filter(isObject);
      seen += items.length;
      const short = items.length === 0 || (size !== undefined && items.length < size.value);
      next = undefined;
      switch (paging?.by) {
        case undefined:
          return;
        case "link": {
          const url = nextLink(answer.headers.get("link"));
          if (url !== undefined) next = { path: this.#resolve(url, request.path) };
          break;
        }
        case "url": {
          const url = getAt(body, paging.next);
          if (typeof url === "string" && url !== "") next = { path: this.#resolve(url, request.path) };
          break;
        }
        case "cursor": {
          const cursor = getAt(body, paging.next);
          if (cursor === undefined || cursor === null || cursor === "" || cursor === token) break;
          token = cursor;
          next = { ...request, query: { ...request.query, [paging.parameter]: String(cursor) } };
          break;
        }
        case "page":
          if (!short)
            next = { ...request, query: { ...request.query, [paging.parameter]: paging.first + page + 1 } };
          break;
        case "offset":
          if (!short) next = { ...request, query: { ...request.query, [paging.parameter]: seen } };
      }
    }
  }

  /** A next page's address may be relative, to the origin or to the page before. */
  #resolve(url: string, from: string): string {
    const base = new URL(this.config.url);
    const before = /^https?:/.test(from)
      ? from
      : `${base.href.replace(/\/$/, "")}/${from.replace(/^\//, "")}`;
    return new URL(url, before).href;
  }

  /** Reads until it is ready. Gives what is there in the end, and why it is not finished. */
  async untilReady(
    place: Place,
    signal: AbortSignal,
  ): Promise<{ readonly found: Found | undefined; readonly unfinished?: readonly string[] }> {
    const { ready } = place.kind.definition;
    const until = performance.now() + (ready?.timeoutSeconds ?? 0) * 1000;
    for (;;) {
      const found = await this.get(place, signal);
      if (ready === undefined || found === undefined) return { found };
      const value = getAt(found.object, ready.path);
      const text = JSON.stringify(value) ?? "nothing";
      if (ready.values.includes(value as never)) return { found };
      if (ready.failed.includes(value as never))
        return { found, unfinished: [`${ready.path} is ${text}: the service says that it failed`] };
      if (performance.now() > until)
        return { found, unfinished: [`${ready.path} is still ${text} after ${ready.timeoutSeconds} s`] };
      await pause(ready.everySeconds, signal);
    }
  }

  async untilGone(place: Place, signal: AbortSignal): Promise<void> {
    const seconds = place.kind.definition.ready?.everySeconds ?? 2;
    while ((await this.get(place, signal)) !== undefined) await pause(seconds, signal);
  }
}

async function pause(seconds: number, signal: AbortSignal): Promise<void> {
  await sleep(seconds * 1000, undefined, { signal }).catch(() => {
    throw aborted(signal);
  });
}

export const succeeded = (answer: HttpAnswer, status: readonly number[] | undefined): boolean =>
  status === undefined ? answer.ok : status.includes(answer.status);

/** RFC 8288: `<https://…?page=2>; rel="next", <…>; rel="last"`. */
export function nextLink(header: string | null): string | undefined {
  for (const [, url, parameters] of (header ?? "").matchAll(
    /<([^>]*)>((?:\s*;\s*[^,;"=]+(?:=(?:"[^"]*"|[^,;"]*))?)*)/g,
  ))
    if (/;\s*rel\s*=\s*(?:"[^"]*\bnext\b[^"]*"|next\b)/i.test(parameters ?? "")) return url;
  return undefined;
}
