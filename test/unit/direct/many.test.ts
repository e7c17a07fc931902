/** `readMany` and `list` of a direct provider, with objects that can't be read. */
import { fail } from "@orch/core/model/failure";
import { type PropertyMap, Secret } from "@orch/core/model/value";
import { createProvider, defineProvider, defineResource } from "@orch/providers/direct/index";
import { expect, test } from "vitest";
import { z } from "zod";
import { providerConformance } from "../../conformance/provider.js";

interface Box {
  readonly inputs: { readonly name: string; readonly text: string };
  readonly spoilt?: string;
}
type World = Map<string, Box>;

const shape = z.strictObject({ name: z.string(), text: z.string() });
const found = (box: Box | undefined) => {
  if (box?.spoilt !== undefined)
    return fail({ reason: "provider-error", message: `no reading: ${box.spoilt}` });
  return box && { inputs: box.inputs, outputs: box.inputs, changes: [{ by: "somebody", at: 1 }] };
};
function attempt<T>(work: () => T) {
  try {
    return work();
  } catch (error) {
    return { failure: (error as { failure: never }).failure };
  }
}

const provider = (world: World) => {
  const box = defineResource<World>()({
    type: "boxes:index:Box",
    description: "A box.",
    inputs: shape,
    outputs: shape,
    idOf: ({ name }) => name,
    async create({ inputs, session }) {
      session.set(inputs.name, { inputs });
      return { id: inputs.name, outputs: inputs };
    },
    read: async ({ id, session }) => found(session.get(id)),
    readMany: async ({ reads, session }) => reads.map(({ id }) => attempt(() => found(session.get(id)))),
    async *list({ session }) {
      for (const id of session.keys()) yield { id };
    },
    async update({ inputs, session }) {
      session.set(inputs.name, { inputs });
      return { outputs: inputs };
    },
    delete: async ({ id, session }) => void session.delete(id),
  });
  const definition = defineProvider({
    name: "boxes",
    version: "1.0.0",
    description: "Boxes.",
    config: z.strictObject({}),
    open: () => world,
    resources: [box],
  });
  return createProvider(definition, { projectDir: "/", project: "p", stack: "s", log: () => {} });
};

providerConformance("a direct provider that reads many", async () => {
  const world: World = new Map();
  return {
    provider: provider(world),
    type: "boxes:index:Box",
    inputs: { name: "a", text: "1" },
    changed: { name: "a", text: "2" },
    more: ["b", "c"].map((name) => ({ name, text: "1" })),
    secretProperty: "text",
    exists: async (id) => world.has(id),
    count: async () => world.size,
    remove: async (id) => void world.delete(id),
    spoil: async (id) => void world.set(id, { ...(world.get(id) as Box), spoilt: "wet" }),
  };
});

test("what fails for one of many names its resource and shows no secret of it", async () => {
  const inputs = { name: "a", text: "hunter2-hunter2" };
  const subject = provider(new Map([["a", { inputs, spoilt: `because of ${inputs.text}` }]]));
  await subject.configure({ urn: "p", id: "1", name: "n", inputs: {} });
  const kept: PropertyMap = { name: "a", text: new Secret(inputs.text) };
  const read = { type: "boxes:index:Box", name: "a", inputs: kept, outputs: kept };
  const answers = await subject.readMany?.({
    reads: [
      { ...read, urn: "urn:a", id: "a" },
      { ...read, urn: "urn:b", id: "b" },
    ],
  });
  const [one, other] = answers ?? [];
  expect(one).toMatchObject({ failure: { reason: "provider-error", urn: "urn:a" } });
  expect(JSON.stringify(one)).not.toContain("hunter2");
  expect(other).toEqual({});
});
