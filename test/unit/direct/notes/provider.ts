import { fail } from "@orch/core/model/failure";
import type { LoadContext } from "@orch/core/provider/contract";
import { createProvider, defineProvider, defineResource } from "@orch/providers/direct/index";
import { z } from "zod";

/** What all verbs work with: made by `open` from the configuration. */
interface Notes {
  request(method: string, name: string, signal: AbortSignal, body?: object): Promise<Response>;
  /** Page by page; those of a colour where one is given. */
  all(signal: AbortSignal, color?: unknown): AsyncIterable<Found>;
}

/** A note as the API gives it. */
interface Found {
  name: string;
  text: string;
  color: "yellow" | "blue";
  url: string;
}
const read = (found: Found, inputs: object) => {
  const { name, text, color } = found;
  return { inputs: { ...inputs, name, text, color }, outputs: found };
};

const note = defineResource<Notes>()({
  type: "notes:index:Note",
  description: "A note.",
  inputs: z.strictObject({
    name: z
      .string()
      .regex(/^[a-z]+$/, "a name of small letters")
      .describe("Its name; another one is another note."),
    text: z.string().describe("What it says."),
    color: z.enum(["yellow", "blue"]).default("yellow").describe("Default yellow."),
    pin: z.string().optional().meta({ secret: true }).describe("Who knows it may read the note."),
  }),
  outputs: z.strictObject({
    name: z.string().describe("Its name."),
    text: z.string().describe("What it says."),
    color: z.string().describe("Its colour."),
    url: z.string().describe("Where it is shown."),
  }),
  replaceOn: ["name"],
  stables: ["name", "url"],
  idOf: ({ name }) => name,

  async create({ inputs, session, signal }) {
    const answer = await session.request("PUT", inputs.name, signal, inputs);
    return { id: inputs.name, outputs: (await answer.json()) as never };
  },
  async read({ id, inputs, session, signal }) {
    const answer = await session.request("GET", id, signal);
    return answer.status === 404 ? undefined : read((await answer.json()) as Found, inputs);
  },
  async readMany({ reads, session, signal }) {
    const found = new Map<string, Found>();
    for await (const each of session.all(signal)) found.set(each.name, each);
    return reads.map(({ id, inputs }) => {
      const each = found.get(id);
      return each && read(each, inputs);
    });
  },
  /** The scope: `{ color: "blue" }`. */
  async *list({ scope, session, signal }) {
    for await (const { name, text } of session.all(signal, scope.color)) yield { id: name, title: text };
  },
  async update({ id, inputs, session, signal }) {
    return { outputs: (await (await session.request("PUT", id, signal, inputs)).json()) as never };
  },
  async delete({ id, session, signal }) {
    await session.request("DELETE", id, signal);
  },
});

const notes = defineProvider({
  name: "notes",
  version: "0.1.0",
  description: "Notes behind an HTTP API.",
  config: z.strictObject({
    url: z.url("an address such as https://notes.example.com").describe("The API."),
    token: z.string().meta({ secret: true }).describe("From the settings page."),
  }),
  replaceOn: ["url"],
  open: ({ url, token }): Notes => {
    const request: Notes["request"] = async (method, name, signal, body) => {
      const answer = await fetch(new URL(`/notes/${name}`, url), {
        method,
        signal,
        headers: { authorization: `Bearer ${token}` },
        ...(body ? { body: JSON.stringify(body) } : {}),
      });
      if (answer.ok || answer.status === 404) return answer;
      return fail({
        reason: "provider-error",
        message: `${method} ${answer.url} answered ${answer.status}`,
        detail: await answer.text(),
      });
    };
    return {
      request,
      async *all(signal, color) {
        for (let after = ""; ; ) {
          const query = new URLSearchParams({ after, ...(color ? { color: String(color) } : {}) });
          const page = (await (await request("GET", `?${query}`, signal)).json()) as Found[];
          yield* page;
          const last = page.at(-1);
          if (last === undefined) return;
          after = last.name;
        }
      },
    };
  },
  resources: [note],
});

export const create = (context: LoadContext) => createProvider(notes, context);
