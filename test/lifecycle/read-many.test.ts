import { expect, test } from "vitest";
import { Lifecycle } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

const names = (count: number): string[] => Array.from({ length: count }, (_, i) => `n${i}`);

/** A stack of `things` Things and two Named, applied, whose provider reads Things many at once. */
async function started(things: number, options: object = {}): Promise<Lifecycle> {
  const world = new ScriptedWorld({});
  world.readManyTypes = new Set(["test:index:Thing"]);
  const stack = await Lifecycle.open(world);
  stack.body = async (p) => {
    for (const name of names(things)) await p.resource("Thing", name, { size: 1 }, options);
    for (const name of ["x", "y"]) await p.resource("Named", name, { size: 1 });
  };
  await stack.apply();
  world.looks.length = 0;
  stack.events.length = 0;
  return stack;
}
const tamper = (stack: Lifecycle, id: string): void => {
  stack.world.objects.set(id, { type: "test:index:Thing", inputs: { size: 7 }, outputs: { size: 7 } });
};

test("objects of a type are read with one request; of types that can't be, one by one", async () => {
  const stack = await started(300);
  tamper(stack, "id-8");
  stack.world.objects.delete("id-5");
  const report = await stack.drift();
  expect(stack.world.looks).toEqual(["readMany Thing 300", "read x", "read y"]);
  expect(report).toMatchObject({ checked: 302, failures: [] });
  expect(report.drift.map(({ id, kind }) => [id, kind])).toEqual([
    ["id-5", "gone"],
    ["id-8", "changed"],
  ]);
  const read = stack.events.filter((event) => event.type === "resource-read");
  expect(read).toHaveLength(302);
  expect(new Set(read.map(({ urn }) => urn)).size).toBe(302);
  expect(read.filter(({ drift }) => drift !== "none").map(({ drift }) => drift)).toEqual(["gone", "changed"]);
});

test("refresh and --refresh read the same way", async () => {
  const stack = await started(10);
  tamper(stack, "id-3");
  const made = await stack.plan({ kind: "refresh" });
  expect(made.steps.map(({ op, urn }) => `${op} ${urn.split("::").at(-1)}`)).toEqual(["refresh n2"]);
  await stack.plan({ refresh: true });
  expect(stack.world.looks.filter((look) => look.startsWith("readMany"))).toEqual([
    "readMany Thing 10",
    "readMany Thing 10",
  ]);
});

test("one that can't be read fails by itself; a request that fails, fails each of its rows", async () => {
  const stack = await started(5);
  stack.world.failures.set("read n2", { reason: "permission-denied", message: "not yours" });
  const one = await stack.drift();
  expect(one.failures).toEqual([
    { reason: "permission-denied", message: "not yours", urn: expect.stringContaining("::n2") },
  ]);
  stack.world.failures.clear();
  stack.world.failures.set("readMany Thing", { reason: "connection-failed", message: "nobody there" });
  const all = await stack.drift();
  expect(all.failures.map(({ urn }) => urn?.split("::").at(-1))).toEqual(names(5));
  expect(new Set(all.failures.map(({ message }) => message))).toEqual(new Set(["nobody there"]));
  await expect(stack.plan({ refresh: true })).rejects.toMatchObject({
    failure: { reason: "connection-failed", message: "5 resources could not be read." },
  });
});

test("an answer that is missing is a failure of that resource", async () => {
  const stack = await started(3);
  const loader = stack.world.loader();
  const lossy = {
    ...loader,
    load: async (...args: Parameters<typeof loader.load>) => {
      const provider = await loader.load(...args);
      const readMany = provider?.readMany;
      return provider && readMany
        ? {
            ...provider,
            readMany: async (request: Parameters<typeof readMany>[0]) =>
              (await readMany(request)).slice(0, -1),
          }
        : provider;
    },
  };
  const report = await stack.drift({ loaders: [lossy] });
  expect(report.failures).toEqual([
    expect.objectContaining({
      reason: "provider-error",
      urn: expect.stringContaining("::n2"),
      expected: "3 answers",
      found: "2",
    }),
  ]);
});

test("rows with time limits of their own are read in a request with that limit; a bad one fails its rows alone", async () => {
  const world = new ScriptedWorld({});
  world.readManyTypes = new Set(["test:index:Thing"]);
  const stack = await Lifecycle.open(world);
  stack.body = async (p) => {
    for (const name of ["a", "b"]) await p.resource("Thing", name);
    for (const name of ["c", "d", "e"])
      await p.resource("Thing", name, {}, { customTimeouts: { read: "2m" } });
    for (const name of ["f", "g"]) await p.resource("Thing", name, {}, { customTimeouts: { read: "soon" } });
  };
  await stack.apply();
  world.looks.length = 0;
  const report = await stack.drift();
  expect(world.looks.sort()).toEqual(["readMany Thing 2", "readMany Thing 3"]);
  expect(report.failures.map(({ reason, path }) => [reason, path])).toEqual([
    ["invalid-option", "customTimeouts.read"],
    ["invalid-option", "customTimeouts.read"],
  ]);
});

test("a provider that does not start fails its own resources, and nobody else's", async () => {
  const stack = await started(4);
  stack.body = async (p) => {
    const other = await p.provider("other", { account: "b" });
    for (const name of names(4)) await p.resource("Thing", name, { size: 1 });
    for (const name of ["o1", "o2"]) await p.resource("Thing", name, {}, { provider: other });
  };
  await stack.apply();
  const loader = stack.world.loader();
  const context = {
    loaders: [
      {
        ...loader,
        load: async (...args: Parameters<typeof loader.load>) => {
          const provider = await loader.load(...args);
          return (
            provider && {
              ...provider,
              configure: async (request: Parameters<typeof provider.configure>[0]) => {
                if (request.inputs.account === "b") throw new Error("no such account");
                return provider.configure(request);
              },
            }
          );
        },
      },
    ],
  };
  const report = await stack.drift(context);
  expect(report.failures.map(({ urn, message }) => [urn?.split("::").at(-1), message])).toEqual([
    ["o1", "no such account"],
    ["o2", "no such account"],
  ]);
  expect(report.checked).toBe(6);
});
