/** A service with a JSON API, in memory: tickets of projects. */
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { onTestFinished } from "vitest";

type Ticket = Record<string, unknown> & { id: number };
export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

export class Desk {
  readonly tickets = new Map<number, Ticket>();
  readonly seen: Asked[] = [];
  /** Looked at before anything else; true: it has answered. */
  before: ((asked: Asked, response: ServerResponse) => boolean) | undefined;
  /** Looked at when all is done, and before it is answered; true: it has answered. */
  after: ((asked: Asked, response: ServerResponse) => boolean) | undefined;
  paging: "none" | "link" | "url" | "cursor" | "page" | "offset" = "none";
  pageSize = 3;
  /** Reads until a new ticket is open, and a deleted one gone. */
  slow = 0;
  readonly #keys = new Map<string, number>();
  #next = 1;
  readonly #server = createServer((request, response) => void this.#serve(request, response));

  static async start(): Promise<Desk> {
    const desk = new Desk();
    await new Promise<void>((resolve) => desk.#server.listen(0, "127.0.0.1", resolve));
    onTestFinished(() => {
      desk.#server.close();
      desk.#server.closeAllConnections();
    });
    return desk;
  }
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/api`;
  }
  requests(method: string): readonly string[] {
    return this.seen.filter((one) => one.method === method).map(({ url }) => url);
  }
  add(ticket: Record<string, unknown>): Ticket {
    const id = this.#next++;
    const made = { state: this.slow > 0 ? "new" : "open", polls: this.slow, rev: 1, ...ticket, id };
    this.tickets.set(id, made);
    return made;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let body = "";
    for await (const chunk of request) body += chunk;
    const { headers } = request;
    const asked = { method: String(request.method), url: String(request.url), headers, body };
    this.seen.push(asked);
    if (this.before?.(asked, response)) return;
    const [status, answer, more] = this.#answer(asked);
    if (this.after?.(asked, response)) return;
    response.writeHead(status, { "content-type": "application/json", ...more });
    response.end(answer === undefined ? "" : JSON.stringify(answer));
  }

  #answer({ method, url, headers, body }: Asked): [number, unknown?, Record<string, string>?] {
    const { pathname, searchParams } = new URL(url, "http://desk");
    const match = /^\/api\/projects\/([^/]+)\/tickets(?:\/(\d+))?$/.exec(pathname);
    if (match === null) return [404, { message: "no such path" }];
    const project = decodeURIComponent(match[1] as string);
    const given = body === "" ? undefined : (JSON.parse(body) as never);
    if (match[2] === undefined) {
      if (method === "GET") return this.#list(project, searchParams, pathname);
      if (method !== "POST") return [405];
      const key = headers["idempotency-key"] as string | undefined;
      const known = key === undefined ? undefined : this.#keys.get(key);
      if (known !== undefined) return [200, { ticket: this.tickets.get(known) }];
      const { ticket } = given as unknown as { ticket: Record<string, unknown> };
      if (ticket.title === "forbidden") return [422, { message: `no: ${JSON.stringify(ticket)}` }];
      const made = this.add({ ...ticket, project });
      if (key !== undefined) this.#keys.set(key, made.id);
      return [201, { ticket: shown(made) }, { location: `/api/projects/${project}/tickets/${made.id}` }];
    }
    const ticket = this.tickets.get(Number(match[2]));
    if (ticket === undefined || ticket.project !== project) return [404, { message: "no such ticket" }];
    const etag = `"${ticket.rev}"`;
    if (method === "GET") {
      if (Number(ticket.polls) > 0) {
        ticket.polls = Number(ticket.polls) - 1;
        if (ticket.polls === 0) {
          if (ticket.state === "closing") this.tickets.delete(ticket.id);
          else ticket.state = "open";
        }
      }
      return [200, { ticket: shown(ticket) }, { etag }];
    }
    if (method === "DELETE") {
      if (this.slow > 0) Object.assign(ticket, { state: "closing", polls: this.slow });
      else this.tickets.delete(ticket.id);
      return [202];
    }
    if (headers["if-match"] !== undefined && headers["if-match"] !== etag)
      return [412, { message: "it was changed" }];
    ticket.rev = Number(ticket.rev) + 1;
    const type = String(headers["content-type"]);
    if (type === "application/json-patch+json") {
      for (const { op, path, value } of given as unknown as { op: string; path: string; value: unknown }[]) {
        const key = path.slice(1);
        if (op === "remove") delete ticket[key];
        else ticket[key] = value;
      }
    } else {
      const change = (given as unknown as { ticket: Record<string, unknown> }).ticket;
      if (method === "PUT") for (const key of Object.keys(ticket)) if (!server.has(key)) delete ticket[key];
      merge(ticket, change);
    }
    return [200, { ticket: shown(ticket) }];
  }

  #list(project: string, query: URLSearchParams, path: string): [number, unknown, Record<string, string>?] {
    const all = [...this.tickets.values()].filter((ticket) => ticket.project === project);
    const from =
      this.paging === "page"
        ? (Number(query.get("page")) - 1) * this.pageSize
        : Number(query.get("offset") ?? query.get("cursor") ?? 0);
    const items = this.paging === "none" ? all : all.slice(from, from + this.pageSize);
    const next = from + this.pageSize;
    const more = this.paging !== "none" && next < all.length;
    const url = `${path}?offset=${next}`;
    return [
      200,
      {
        data: { items: items.map(shown) },
        ...(this.paging === "url" ? { links: { next: more ? url : null } } : {}),
        ...(this.paging === "cursor" ? { cursor: more ? next : "" } : {}),
      },
      this.paging === "link" && more ? { link: `<${path}>; rel="prev", <${url}>; rel="next"` } : {},
    ];
  }
}

const server = new Set(["id", "project", "state", "polls", "rev", "url"]);
const shown = ({ polls: _p, password: _w, ...ticket }: Ticket): object => ({
  ...ticket,
  url: `http://desk/${ticket.id}`,
});
/** RFC 7396. */
function merge(target: Record<string, unknown>, change: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(change)) {
    const there = target[key];
    if (value === null) delete target[key];
    else if (isObject(value) && isObject(there)) merge(there, value);
    else target[key] = value;
  }
}
const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
