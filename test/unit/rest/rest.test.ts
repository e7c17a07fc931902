/** The package `rest` against a service of the test's own; a real application's API is in test/lab/rest.test.ts. */
import { type PropertyMap, Secret, unknown } from "@orch/core/model/value";
import type { DefinitionInput } from "@orch/providers/rest/definition";
import { restLoader } from "@orch/providers/rest/index";
import { nextLink } from "@orch/providers/rest/session";
import { describe, expect, test } from "vitest";
import { z } from "zod";
import { providerConformance } from "../../conformance/provider.js";
import { failureOf, type Live, startLive } from "../../lab/live.js";
import { Desk } from "./desk.js";

const schema = z.toJSONSchema(
  z.strictObject({
    project: z.string().min(1),
    title: z.string().min(1).max(40),
    priority: z.enum(["low", "high"]).default("low"),
    labels: z.array(z.string()).optional(),
    details: z.strictObject({ room: z.string().optional(), floor: z.int().optional() }).optional(),
    password: z.string().optional().meta({ secret: true }),
    kind: z.string().optional(),
    code: z
      .string()
      .regex(/^[a-z]+$/)
      .optional(),
  }),
  { io: "input" },
) as Record<string, unknown>;

const ticket: DefinitionInput = {
  schema,
  path: "/projects/{project}/tickets",
  wrap: "ticket",
  list: { items: "data.items", whole: true },
  find: ["title"],
  writeOnly: ["password"],
  replaceOn: ["kind"],
  outputs: ["url", "state"],
};

const start = async (more: Partial<DefinitionInput> = {}, config: PropertyMap = {}) => {
  const desk = await Desk.start();
  const resources = { Ticket: { ...ticket, ...more } } as never;
  const live = await startLive(restLoader(), "rest", { url: desk.url, resources, ...config });
  const create = (properties: PropertyMap) =>
    live.create("Resource", { kind: "Ticket", properties: { project: "it", ...properties } });
  const update = (of: Live, properties: PropertyMap) =>
    live.update(of, { kind: "Ticket", properties: { project: "it", ...properties } });
  return { desk, live, create, update };
};

providerConformance("rest:index:Resource", async () => {
  const desk = await Desk.start();
  const context = { projectDir: "/", project: "p", stack: "s", log: () => {} };
  const provider = await restLoader().load({ name: "rest" }, context);
  if (provider === undefined) throw new Error("no provider");
  const idOf = (id: string) => Number(id.split("/").at(-1));
  const properties = { project: "it", title: "A new disk", priority: "low", details: { room: "1" } };
  return {
    provider,
    config: { url: desk.url, resources: { Ticket: ticket } as never },
    type: "rest:index:Resource",
    inputs: { kind: "Ticket", properties },
    changed: { kind: "Ticket", properties: { ...properties, title: "Two new disks", details: { floor: 2 } } },
    replaced: { kind: "Ticket", properties: { ...properties, project: "hr" } },
    invalid: {
      inputs: {
        kind: "Ticket",
        properties: { title: "", priority: "urgent", lables: [], details: { floor: 1.5 } },
      },
      paths: [
        "properties.project",
        "properties.title",
        "properties.priority",
        "properties.lables",
        "properties.details.floor",
      ],
    },
    more: ["b", "c"].map((title) => ({ kind: "Ticket", properties: { ...properties, title } })),
    within: {
      scope: { kind: "Ticket", project: "it" },
      outside: { kind: "Ticket", properties: { ...properties, project: "hr" } },
    },
    secretProperty: "properties",
    exists: async (id: string) => desk.tickets.has(idOf(id)),
    count: async () => desk.tickets.size,
    remove: async (id: string) => void desk.tickets.delete(idOf(id)),
  };
});

describe("an object", () => {
  test("has an id that leads back to it, defaults, outputs, and is imported with what its schema names", async () => {
    const { desk, live, create } = await start();
    const made = await create({ title: "t", labels: ["a"] });
    expect(made.id).toBe("Ticket/it/1");
    expect(made.outputs).toEqual({
      kind: "Ticket",
      objectId: "1",
      properties: { project: "it", title: "t", priority: "low", labels: ["a"] },
      result: { url: "http://desk/1", state: "open" },
    });
    expect(JSON.parse(desk.seen.find(({ method }) => method === "POST")?.body ?? "")).toEqual({
      ticket: { title: "t", priority: "low", labels: ["a"] },
    });
    expect((await live.import("Resource", made.id))?.inputs).toEqual(made.inputs);
    expect(await live.import("Resource", "Ticket/it/99")).toBeUndefined();
    expect(await failureOf(live.import("Resource", "Ticket/1"))).toMatchObject({
      expected: "Ticket/<project>/<id>",
    });
    expect(await failureOf(live.import("Resource", "Note/1"))).toMatchObject({ expected: "one of Ticket" });
  });

  test("names of any kind stay where they belong", async () => {
    const { desk, create } = await start();
    const project = "a/b ü?#";
    const made = await create({ project, title: "t" });
    expect(desk.tickets.get(1)?.project).toBe(project);
    expect(made.id).toBe(`Ticket/${encodeURIComponent(project)}/1`);
    for (const bad of ["..", "."])
      expect(await failureOf(create({ project: bad, title: "t" }))).toMatchObject({
        reason: "invalid-property",
        path: "properties.project",
      });
    expect(desk.tickets.size).toBe(1);
  });

  test("is checked while planning: what is not known yet is let through, secrets are marked", async () => {
    const { live } = await start();
    const check = (properties: PropertyMap, kind = "Ticket") => live.check("Resource", { kind, properties });
    const fine = await check({ project: unknown, title: "t", password: "p" });
    expect(fine).toEqual({
      inputs: {
        kind: "Ticket",
        properties: { project: unknown, title: "t", priority: "low", password: new Secret("p") },
      },
      failures: [],
    });
    expect((await check({ project: "it", titel: "t" })).failures).toMatchObject([
      { path: "properties.title" },
      { path: "properties.titel", message: expect.stringContaining("did you mean title") },
    ]);
    expect((await check({ project: "it", title: "t", code: "A1" })).failures).toMatchObject([
      { path: "properties.code", message: 'properties.code must be text that matches /^[a-z]+$/, not "A1"' },
    ]);
    expect((await check({}, "Tickt")).failures).toMatchObject([{ path: "kind", expected: "one of Ticket" }]);
  });

  test("differs by property; what needs another object says so", async () => {
    const { live, create } = await start();
    const made = await create({ title: "t", details: { room: "1" }, kind: "x" });
    const diff = async (properties: PropertyMap) =>
      (await live.diff(made, { kind: "Ticket", properties })).detailed?.map(({ path, effect }) => [
        path,
        effect,
      ]);
    const same = { project: "it", title: "t", kind: "x" };
    expect(await diff({ ...same, details: { room: "2" } })).toEqual([["properties.details.room", "update"]]);
    expect(await diff({ ...same, details: { room: "1" }, kind: "y" })).toEqual([
      ["properties.kind", "replace"],
    ]);
    expect(await diff({ ...same, details: { room: "1" }, project: "hr" })).toEqual([
      ["properties.project", "replace"],
    ]);
  });

  test("a password is sent, kept, and never shown", async () => {
    const { desk, live, create, update } = await start();
    const made = await create({ title: "t", password: "Secret-word-1" });
    expect(desk.tickets.get(1)?.password).toBe("Secret-word-1");
    expect(made.outputs.properties).toMatchObject({ password: new Secret("Secret-word-1") });
    expect((await live.read(made))?.inputs).toEqual(made.inputs);
    await update(made, { title: "t", password: "Secret-word-2" });
    expect(desk.tickets.get(1)?.password).toBe("Secret-word-2");
    const failure = await failureOf(create({ title: "forbidden", password: "Secret-word-3" }));
    expect(failure).toMatchObject({ reason: "provider-error", found: expect.stringContaining("HTTP 422") });
    expect(JSON.stringify(failure)).not.toContain("Secret-word-3");
  });
});

describe("a creation whose answer is lost", () => {
  const cutOnce = (desk: Desk) => {
    desk.after = ({ method }, response) => {
      if (method !== "POST") return false;
      desk.after = undefined;
      response.socket?.destroy();
      return true;
    };
  };

  test("is not sent twice; the same once more finds the object in the list", async () => {
    const { desk, create } = await start();
    cutOnce(desk);
    expect(await failureOf(create({ title: "t" }))).toMatchObject({ reason: "connection-lost" });
    expect(desk.requests("POST").length).toBe(1);
    expect((await create({ title: "t" })).id).toBe("Ticket/it/1");
    expect(desk.requests("POST").length).toBe(1);
    expect(await failureOf(create({ title: "t", priority: "high" }))).toMatchObject({
      reason: "conflict",
      found: "Ticket/it/1",
      next: [expect.stringContaining('import: "Ticket/it/1"')],
    });
  });

  test("is sent again at once where the service knows it by a header", async () => {
    const { desk, live } = await start({ create: { idempotencyHeader: "Idempotency-Key" } });
    cutOnce(desk);
    const { provider } = live;
    const of = { urn: "urn:pulumi:s::p::rest:index:Resource::t", type: "rest:index:Resource", name: "t" };
    const inputs = { kind: "Ticket", properties: { project: "it", title: "t" } };
    const made = await provider.create({ ...of, inputs, preview: false, token: "token-1" });
    expect(made.id).toBe("Ticket/it/1");
    expect(desk.tickets.size).toBe(1);
    expect(
      desk.seen.filter(({ method }) => method === "POST").map(({ headers }) => headers["idempotency-key"]),
    ).toEqual(["token-1", "token-1"]);
    expect((await provider.create({ ...of, inputs, preview: false, token: "token-1" })).id).toBe(made.id);
    expect((await provider.create({ ...of, inputs, preview: false, token: "token-2" })).id).not.toBe(made.id);
  });

  test("with an answer that does not say which object: the step stays open", async () => {
    const { desk, create } = await start({ id: { from: "uuid" } });
    expect(await failureOf(create({ title: "t" }))).toMatchObject({
      reason: "connection-lost",
      expected: "its id at uuid",
    });
    expect(desk.tickets.size).toBe(1);
  });

  test("the id may be in a header", async () => {
    const { create } = await start({ id: { header: "Location" } });
    expect((await create({ title: "t" })).id).toBe("Ticket/it/1");
  });
});

describe("an object that is free", () => {
  const free = { kind: "spare" };
  const spare = { project: "it", title: "t", priority: "low", kind: "spare", labels: ["old"] };

  test("is taken and made what is asked for; nothing is made", async () => {
    const { desk, live, create } = await start({ free });
    const { id } = desk.add(spare);
    const made = await create({ title: "t", priority: "high", kind: "used", labels: [] });
    expect(made.id).toBe(`Ticket/it/${id}`);
    expect(desk.requests("POST")).toEqual([]);
    expect(desk.tickets.get(id)).toMatchObject({ priority: "high", kind: "used", labels: [] });
    expect(await live.read(made)).toEqual(made);
  });

  test("one that is not free is somebody else's, and so are two", async () => {
    const { desk, create } = await start({ free });
    desk.add({ ...spare, kind: "used" });
    expect(await failureOf(create({ title: "t", priority: "high" }))).toMatchObject({ reason: "conflict" });
    desk.add(spare);
    expect(await failureOf(create({ title: "t", priority: "high" }))).toMatchObject({
      reason: "conflict",
      found: "Ticket/it/1, Ticket/it/2",
    });
    expect(desk.requests("PATCH")).toEqual([]);
  });

  test("one whose taking was cut off is found again: it is what was asked for", async () => {
    const { desk, create } = await start({ free });
    desk.add(spare);
    desk.after = ({ method }, response) => {
      if (method !== "PATCH") return false;
      desk.after = undefined;
      response.destroy();
      return true;
    };
    expect(await failureOf(create({ title: "t", kind: "used" }))).toMatchObject({
      reason: "connection-lost",
    });
    expect((await create({ title: "t", kind: "used" })).id).toBe("Ticket/it/1");
    expect(desk.requests("PATCH")).toHaveLength(1);
  });
});

describe("an update", () => {
  const before = { title: "t", labels: ["a"], details: { room: "1", floor: 1 } };
  const after = { title: "u", details: { room: "2" } };
  test.each([
    [
      "changed",
      "PATCH",
      "application/json",
      { ticket: { title: "u", labels: null, details: { room: "2" } } },
    ],
    [
      "merge-patch",
      "PATCH",
      "application/merge-patch+json",
      { ticket: { title: "u", labels: null, details: { room: "2", floor: null } } },
    ],
    [
      "json-patch",
      "PATCH",
      "application/json-patch+json",
      [
        { op: "replace", path: "/title", value: "u" },
        { op: "remove", path: "/labels" },
        { op: "replace", path: "/details", value: { room: "2" } },
      ],
    ],
    ["whole", "PUT", "application/json", { ticket: { title: "u", details: { room: "2" }, priority: "low" } }],
  ] as const)("by %s sends just that", async (format, method, type, body) => {
    const { desk, create, update } = await start({ update: { format, method } });
    const made = await create(before);
    Object.assign(desk.tickets.get(1) ?? {}, { watchers: ["somebody"] });
    const changed = await update(made, after);
    const sent = desk.seen.find((one) => one.method === method);
    expect(JSON.parse(sent?.body ?? "")).toEqual(body);
    expect(sent?.headers["content-type"]).toBe(type);
    expect(changed.outputs.properties).toEqual({ project: "it", priority: "low", ...after });
    if (method === "PATCH") expect(desk.tickets.get(1)?.watchers).toEqual(["somebody"]);
  });

  test("by PUT that keeps what it does not manage", async () => {
    const { desk, create, update } = await start({ update: { method: "PUT", keepOthers: true } });
    const made = await create(before);
    Object.assign(desk.tickets.get(1) ?? {}, { watchers: ["somebody"] });
    await update(made, after);
    expect(desk.tickets.get(1)).toMatchObject({ ...after, watchers: ["somebody"] });
    expect(desk.tickets.get(1)?.labels).toBeUndefined();
  });

  test("of what somebody changed meanwhile is a conflict, of the rest it is not", async () => {
    const { desk, live, create, update } = await start();
    const made = await create({ title: "t", labels: ["a"] });
    Object.assign(desk.tickets.get(1) ?? {}, { title: "theirs" });
    expect((await live.read(made))?.inputs).toMatchObject({ properties: { title: "theirs" } });
    expect(await failureOf(update(made, { title: "mine", labels: ["a"] }))).toMatchObject({
      reason: "conflict",
      path: "properties.title",
    });
    await update(made, { title: "t", labels: ["a", "b"] });
    expect(desk.tickets.get(1)).toMatchObject({ title: "theirs", labels: ["a", "b"] });
  });

  test("carries the version that was read, and is refused when somebody slips in between", async () => {
    const { desk, create, update } = await start({ update: { etag: true } });
    const made = await create({ title: "t" });
    desk.before = ({ method }) => {
      if (method === "PATCH") Object.assign(desk.tickets.get(1) ?? {}, { title: "quick", rev: 7 });
      return false;
    };
    expect(await failureOf(update(made, { title: "u" }))).toMatchObject({
      reason: "conflict",
      found: "HTTP 412: it was changed",
    });
    expect(desk.tickets.get(1)?.title).toBe("quick");
    expect(desk.requests("PATCH").length).toBe(1);
  });

  test("of one that is gone is a conflict; deleting it is done", async () => {
    const { desk, live, create, update } = await start();
    const made = await create({ title: "t" });
    desk.tickets.clear();
    expect(await failureOf(update(made, { title: "u" }))).toMatchObject({ reason: "conflict" });
    await live.delete(made);
  });
});

describe("a service that takes its time", () => {
  const ready = { path: "state", values: ["open"], failed: ["broken"], everySeconds: 0.01 };

  test("is waited for, at the beginning and the end", async () => {
    const { desk, live, create } = await start({ ready, delete: { waitGone: true } });
    desk.slow = 3;
    const made = await create({ title: "t" });
    expect(made.outputs.result).toMatchObject({ state: "open" });
    await live.delete(made);
    expect(desk.tickets.size).toBe(0);
  });

  test("and fails, or takes too long: the object is kept, with the reason", async () => {
    for (const [more, reason] of [
      [{}, 'state is "broken": the service says that it failed'],
      [{ failed: [], timeoutSeconds: 0.1 }, 'state is still "broken" after 0.1 s'],
    ] as const) {
      const { desk, live } = await start({ ready: { ...ready, ...more } } as never);
      desk.before = ({ method }) => {
        if (method === "GET") for (const one of desk.tickets.values()) one.state = "broken";
        return false;
      };
      const of = { urn: "urn:pulumi:s::p::rest:index:Resource::t", type: "rest:index:Resource", name: "t" };
      const inputs = { kind: "Ticket", properties: { project: "it", title: "t" } };
      const made = await live.provider.create({ ...of, inputs, preview: false });
      expect(made).toMatchObject({ id: "Ticket/it/1", partial: { reasons: [reason] } });
    }
  });

  test("and is cancelled", async () => {
    const { desk, live } = await start({ ready });
    desk.slow = 1_000_000;
    const stop = new AbortController();
    const inputs = { kind: "Ticket", properties: { project: "it", title: "t" } };
    const creating = live.create("Resource", inputs, stop.signal);
    await expect.poll(() => desk.tickets.size).toBe(1);
    stop.abort();
    expect(await failureOf(creating)).toMatchObject({ reason: "interrupted" });
  });
});

describe("many", () => {
  const pagings = {
    none: {},
    link: { paging: { by: "link" } },
    url: { paging: { by: "url", next: "links.next" } },
    cursor: { paging: { by: "cursor", next: "cursor", parameter: "cursor" } },
    page: { paging: { by: "page" } },
    offset: { paging: { by: "offset" }, size: { parameter: "limit", value: 3 } },
  } as const;

  test.each(Object.entries(pagings))("listed page by page: %s", async (name, list) => {
    const { desk, live } = await start({ list: { items: "data.items", ...list } });
    desk.paging = name as Desk["paging"];
    for (let i = 1; i <= 7; i++) desk.add({ project: "it", title: `t${i}` });
    desk.add({ project: "hr", title: "other" });
    const listed = await live.list("Resource", { kind: "Ticket", project: "it" });
    expect(listed.map(({ id, title }) => [id, title])).toEqual(
      [1, 2, 3, 4, 5, 6, 7].map((i) => [`Ticket/it/${i}`, `t${i}`]),
    );
  });

  test("are read by their list, and what it does not show by itself", async () => {
    const { desk, live, create } = await start();
    const made: Live[] = [];
    for (let i = 1; i <= 20; i++) made.push(await create({ title: `t${i}` }));
    const other = await create({ project: "hr", title: "alone" });
    desk.tickets.delete(4);
    desk.seen.length = 0;
    const answers = await live.readMany([...made, other]);
    expect(answers.map((answer) => "object" in answer && answer.object?.id)).toEqual(
      [...made, other].map(({ id }) => (id === "Ticket/it/4" ? false : id)),
    );
    expect(desk.requests("GET").toSorted()).toEqual([
      "/api/projects/hr/tickets/21",
      "/api/projects/it/tickets",
      "/api/projects/it/tickets/4",
    ]);
  });

  test("one that can't be read fails by itself", async () => {
    const { desk, live, create } = await start({ list: { items: "data.items" } });
    const made = [await create({ title: "a" }), await create({ title: "b" })];
    desk.before = ({ url }, response) => {
      if (!url.endsWith("/1")) return false;
      response.writeHead(403).end(JSON.stringify({ message: "tickets:read is missing" }));
      return true;
    };
    const answers = await live.readMany(made);
    expect(answers).toMatchObject([
      { failure: { reason: "permission-denied", found: "HTTP 403: tickets:read is missing" } },
      { object: { id: "Ticket/it/2" } },
    ]);
  });

  test("a list that is not where the definition says, and one that leads elsewhere", async () => {
    const wrong = await start({ list: { items: "items" } });
    expect(await failureOf(wrong.create({ title: "t" }))).toMatchObject({
      expected: "a list at items",
      found: "an object with data",
    });
    const away = await start({ list: { items: "data.items", paging: { by: "link" } } });
    away.desk.before = (_, response) => {
      response.writeHead(200, { link: '<https://elsewhere.example.com/>; rel="next"' });
      response.end(JSON.stringify({ data: { items: [] } }));
      return true;
    };
    expect(await failureOf(away.live.list("Resource", { kind: "Ticket", project: "it" }))).toMatchObject({
      found: "https://elsewhere.example.com",
    });
  });
});

describe("the provider's configuration", () => {
  const check = async (resources: object) => {
    const context = { projectDir: "/", project: "p", stack: "s", log: () => {} };
    const provider = await restLoader().load({ name: "rest" }, context);
    return provider?.checkConfig({
      urn: "u",
      type: "pulumi:providers:rest",
      name: "default",
      newInputs: { url: "http://desk.example.com", resources: resources as never },
    });
  };

  test("says what a definition lacks, and where", async () => {
    const { find: _, ...unfindable } = ticket;
    expect((await check({ Ticket: unfindable }))?.failures).toMatchObject([
      { path: "resources.Ticket.find" },
    ]);
    const { list: _l, ...unlistable } = ticket;
    expect((await check({ Ticket: unlistable }))?.failures).toMatchObject([
      { path: "resources.Ticket.list" },
    ]);
    const failures = (await check({ Ticket: { ...ticket, pth: "/x", update: { method: "PET" } } }))?.failures;
    expect(failures?.map(({ path }) => path).sort()).toEqual([
      "resources.Ticket.pth",
      "resources.Ticket.update.method",
    ]);
  });
});

test.each([
  [null, undefined],
  ['<https://x/?page=2>; rel="next"', "https://x/?page=2"],
  ["</p?a=1,2>; rel=next", "/p?a=1,2"],
  ['<a>; rel="prev", <b>; title="x, y"; rel="last next"', "b"],
  ['<a>; rel="nextish"', undefined],
])("the next page of the header Link %j is %j", (header, url) => {
  expect(nextLink(header)).toBe(url);
});

test("the package's schema documents every part of a definition", async () => {
  const { live } = await start();
  const schema = JSON.parse((await live.provider.getSchema?.()) ?? "");
  const { properties } = schema.provider.inputProperties.resources.additionalProperties;
  const undocumented = Object.entries(properties as Record<string, { description?: string }>)
    .filter(([, { description }]) => !description)
    .map(([name]) => name);
  expect(undocumented).toEqual([]);
  expect(Object.keys(schema.resources)).toEqual(["rest:index:Resource"]);
});
