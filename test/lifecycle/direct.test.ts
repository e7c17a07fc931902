/** A direct provider over HTTP whose answers get lost: the step stays open, and the next run finds out. */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { ProviderLoader } from "@orch/core/provider/contract";
import { httpClient } from "@orch/providers/direct/http/client";
import { unexpected } from "@orch/providers/direct/http/failures";
import { createProvider, defineProvider, defineResource } from "@orch/providers/direct/index";
import { afterEach, expect, test } from "vitest";
import { z } from "zod";
import { Lifecycle } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

/** Things under an HTTP API that can lose its answers. */
class HttpWorld extends ScriptedWorld {
  readonly things = new Map<string, object>();
  /** What the next POST does after it has made the thing. */
  lose: ((response: ServerResponse) => void) | undefined;
  posts = 0;
  readonly #server = createServer(async (request, response) => {
    const name = String(request.url).slice(1);
    if (request.method === "POST") {
      this.posts++;
      let body = "";
      for await (const chunk of request) body += chunk;
      this.things.set(name, JSON.parse(body) as object);
      const { lose } = this;
      this.lose = undefined;
      if (lose) return lose(response);
    }
    const thing = this.things.get(name);
    return response.writeHead(thing ? 200 : 404).end(JSON.stringify(thing ?? {}));
  });

  async start(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }
  stop(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  override loader(): ProviderLoader {
    const shape = z.strictObject({ size: z.number() });
    const thing = defineResource<ReturnType<typeof httpClient>>()({
      type: "test:index:Thing",
      description: "A thing.",
      inputs: shape,
      outputs: shape,
      // The name stands for an id that the inputs decide.
      idOf: ({ size }) => `thing-${size}`,
      async create({ inputs, session, signal }) {
        const id = `thing-${inputs.size}`;
        const answer = await session.send({ method: "POST", path: id, body: inputs, signal });
        if (!answer.ok) throw unexpected(answer, "the service", "make a thing");
        return { id, outputs: inputs };
      },
      async read({ id, session, signal }) {
        const answer = await session.send({ method: "GET", path: id, signal });
        if (answer.status === 404) return undefined;
        const found = answer.json<{ size: number }>();
        return { inputs: found, outputs: found };
      },
    });
    const definition = defineProvider({
      name: "test",
      version: "1.0.0",
      description: "Things.",
      config: z.strictObject({ url: z.string() }),
      open: ({ url }) => httpClient({ service: "the service", baseUrl: url }),
      resources: [thing],
    });
    return {
      name: "direct",
      load: async ({ name }, context) => (name === "test" ? createProvider(definition, context) : undefined),
    };
  }
}

const worlds: HttpWorld[] = [];
afterEach(() => {
  for (const world of worlds.splice(0)) world.stop();
});

test.each([
  ["the connection is cut", (response: ServerResponse) => void response.socket?.destroy()],
  ["a gateway says 502", (response: ServerResponse) => void response.writeHead(502).end()],
])(
  "a creation of which no answer comes (%s) stays open, and is found by the next run",
  async (_name, lose) => {
    const world = new HttpWorld({});
    worlds.push(world);
    const url = await world.start();
    const stack = await Lifecycle.open(world);
    stack.body = async (p) => {
      const provider = await p.provider("http", { url });
      await p.resource("Thing", "a", { size: 3 }, { provider });
    };
    world.lose = lose;
    expect(await stack.apply()).toMatchObject({ outcome: "failed" });
    expect(stack.events.filter((event) => "failure" in event)).toContainEqual(
      expect.objectContaining({ failure: expect.objectContaining({ reason: "connection-lost" }) }),
    );
    const { unfinished } = await stack.store.snapshot();
    expect(unfinished.map(({ intent }) => intent.urn)).toEqual(["urn:pulumi:dev::proj::test:index:Thing::a"]);

    expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
    expect(world.posts).toBe(1);
    expect((await stack.store.snapshot()).unfinished).toEqual([]);
    expect(await stack.stateText()).toBe('test:index:Thing a thing-3 {"size":3}');
  },
);

test("a creation that the service refuses is over: nothing stays open", async () => {
  const world = new HttpWorld({});
  worlds.push(world);
  const url = await world.start();
  const stack = await Lifecycle.open(world);
  stack.body = async (p) => {
    const provider = await p.provider("http", { url });
    await p.resource("Thing", "a", { size: 3 }, { provider });
  };
  world.lose = (response) => void response.writeHead(422).end("no");
  expect(await stack.apply()).toMatchObject({ outcome: "failed" });
  expect((await stack.store.snapshot()).unfinished).toEqual([]);
});
