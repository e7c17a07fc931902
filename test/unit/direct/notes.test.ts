/** The example of docs/adding-a-provider.md: the page shows these very files, and they work. */
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { type PropertyMap, Secret, unknown } from "@orch/core/model/value";
import type { Provider } from "@orch/core/provider/contract";
import { directLoader } from "@orch/providers/direct/loader";
import { afterAll, describe, expect, test } from "vitest";
import { providerConformance } from "../../conformance/provider.js";

const servers: { close(): unknown }[] = [];
afterAll(() => {
  for (const server of servers) server.close();
});

/** The system: notes in memory behind an HTTP API. */
async function startNotes() {
  const notes = new Map<string, Record<string, string>>();
  const requests: string[] = [];
  const server = createServer(async (request, response) => {
    requests.push(`${request.method} ${request.url}`);
    const { pathname, searchParams } = new URL(String(request.url), "http://notes");
    const name = pathname.slice("/notes/".length);
    if (request.headers.authorization !== "Bearer t0ken-of-notes")
      return response.writeHead(401).end("who are you?");
    if (name === "") {
      const [after, color] = [searchParams.get("after") ?? "", searchParams.get("color")];
      const found = [...notes.values()]
        .filter((note) => String(note.name) > after && (color === null || note.color === color))
        .sort((a, b) => (String(a.name) < String(b.name) ? -1 : 1));
      return response.writeHead(200).end(JSON.stringify(found.slice(0, 2)));
    }
    if (request.method === "PUT") {
      let body = "";
      for await (const chunk of request) body += chunk;
      const { text = "", color = "yellow" } = JSON.parse(body) as Record<string, string>;
      if (name === "forbidden") return response.writeHead(422).end(`no: ${text}`);
      notes.set(name, { name, text, color, url: `http://notes/${name}` });
    }
    const note = notes.get(name);
    if (request.method === "DELETE") notes.delete(name);
    return response.writeHead(note ? 200 : 404).end(JSON.stringify(note ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  servers.push(server);
  return { notes, requests, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}

async function load(): Promise<Provider> {
  const loader = directLoader({ notes: () => import("./notes/provider.js") });
  const context = { projectDir: "/", project: "p", stack: "s", log: () => {} };
  expect(await loader.load({ name: "other" }, context)).toBeUndefined();
  return (await loader.load({ name: "notes" }, context)) as Provider;
}

providerConformance("the example of docs/adding-a-provider.md", async () => {
  const { notes, url } = await startNotes();
  return {
    provider: await load(),
    config: { url, token: "t0ken-of-notes" },
    type: "notes:index:Note",
    inputs: { name: "milk", text: "buy some" },
    changed: { name: "milk", text: "buy more" },
    replaced: { name: "bread", text: "buy some" },
    invalid: { inputs: { name: "Milk", color: "red" }, paths: ["name", "text", "color"] },
    failing: { name: "forbidden", text: "x" },
    secretProperty: "text",
    more: ["bread", "eggs", "salt"].map((name) => ({ name, text: `some ${name}` })),
    within: { scope: { color: "yellow" }, outside: { name: "sky", text: "is", color: "blue" } },
    exists: async (id: string) => notes.has(id),
    count: async () => notes.size,
    remove: async (id: string) => void notes.delete(id),
  };
});

describe("the example", () => {
  test.each(["provider.ts", "resources.ts"])("of docs/adding-a-provider.md is %s, word for word", (name) => {
    const page = readFileSync(new URL("../../../docs/adding-a-provider.md", import.meta.url), "utf8");
    const file = readFileSync(new URL(`notes/${name}`, import.meta.url), "utf8");
    expect(page).toContain(file.replace('"@orch/providers/direct/index"', '"../direct/index.js"').trim());
  });

  const started = async () => {
    const { url, notes, requests } = await startNotes();
    const provider = await load();
    const request = { urn: "urn:pulumi:s::p::pulumi:providers:notes::n", id: "1", name: "n" };
    await provider.configure({ ...request, inputs: { url, token: "t0ken-of-notes" } });
    return {
      provider,
      notes,
      requests,
      of: { urn: "urn:pulumi:s::p::notes:index:Note::m", type: "notes:index:Note", name: "m" },
    };
  };

  test("has defaults, secrets and a plan that knows what can be known", async () => {
    const { provider, of } = await started();
    const newInputs: PropertyMap = { name: "m", text: unknown, pin: "1234" };
    const { inputs } = await provider.check({ ...of, newInputs, randomSeed: new Uint8Array(32) });
    expect(inputs).toEqual({ name: "m", text: unknown, color: "yellow", pin: new Secret("1234") });
    const preview = await provider.create({ ...of, inputs, preview: true });
    expect(preview).toEqual({
      id: "m",
      outputs: { name: "m", text: unknown, color: "yellow", url: unknown },
    });
    const update = await provider.update({
      ...of,
      id: "m",
      oldInputs: inputs,
      oldOutputs: { name: "m", text: "a", color: "yellow", url: "http://notes/m" },
      newInputs: inputs,
      ignoreChanges: [],
      preview: true,
    });
    expect(update.outputs.url).toBe("http://notes/m");
  });

  test("differs by property, with what replaces and what is ignored", async () => {
    const { provider, of } = await started();
    const diff = (newInputs: PropertyMap, ignoreChanges: string[] = []) =>
      provider.diff({
        ...of,
        id: "m",
        oldInputs: { name: "m", text: "a", color: "yellow" },
        oldOutputs: {},
        newInputs,
        ignoreChanges,
      });
    expect(await diff({ name: "n", text: "a", color: "yellow" })).toEqual({
      changes: "some",
      replaces: ["name"],
      diffs: ["name"],
      stables: ["name", "url"],
      deleteBeforeReplace: false,
      detailed: [{ path: "name", kind: "update", inputDiff: true, effect: "replace" }],
    });
    expect(await diff({ name: "m", text: "b", color: "yellow" }, ["text"])).toMatchObject({
      changes: "none",
      detailed: [{ path: "text", effect: "suppressed" }],
    });
    expect((await diff({ name: unknown, text: "a", color: "yellow" })).replaces).toEqual(["name"]);
  });

  test("imports by id, with defaults, and finds what is there", async () => {
    const { provider, notes, of } = await started();
    notes.set("old", { name: "old", text: "t", color: "blue", url: "u" });
    const { object } = await provider.read({ ...of, id: "old", inputs: {}, outputs: {} });
    expect(object?.inputs).toEqual({ name: "old", text: "t", color: "blue" });
  });

  test("reads many with a request per page, not one per note", async () => {
    const { provider, notes, requests, of } = await started();
    const names = ["a", "b", "c", "d", "e", "f"];
    for (const name of names) notes.set(name, { name, text: name, color: "blue", url: "u" });
    const answers = await provider.readMany?.({
      reads: names.map((id) => ({ ...of, id, inputs: {}, outputs: {} })),
    });
    expect(answers?.map((answer) => "failure" in answer || answer.object?.outputs.text)).toEqual(names);
    expect(requests).toHaveLength(4);
    expect([provider.readManyTypes, provider.listTypes]).toEqual([new Set([of.type]), new Set([of.type])]);
  });

  test("a wrong token is a failure that does not show it", async () => {
    const { url } = await startNotes();
    const provider = await load();
    const urn = "urn:pulumi:s::p::pulumi:providers:notes::n";
    await provider.configure({ urn, id: "1", name: "n", inputs: { url, token: "wrong-token-here" } });
    const inputs = { name: "a", text: "wrong-token-here", color: "yellow" };
    const error = await provider
      .create({ urn: "u", type: "notes:index:Note", name: "a", inputs, preview: false })
      .catch((thrown) => thrown);
    expect(error.failure).toMatchObject({ reason: "provider-error", urn: "u", detail: "who are you?" });
    expect(JSON.stringify(error.failure)).not.toContain("wrong-token-here");
    await expect(
      provider.configure({ urn, id: "1", name: "n", inputs: { url: "nonsense", token: "x" } }),
    ).rejects.toMatchObject({ failure: { reason: "provider-config", path: "url" } });
  });
});
