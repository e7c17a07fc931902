import type { Value } from "@orch/core/model/value";
import fc from "fast-check";
import { expect, test } from "vitest";
import { type Handle, Lifecycle } from "./harness.js";
import { ScriptedWorld } from "./scripted.js";

/** One resource of a random program: which others it takes an output of, and what it is set to. */
interface Node {
  readonly present: boolean;
  readonly type: "Thing" | "Unique";
  readonly kind: number;
  readonly size: number;
  readonly from: readonly number[];
}

const node: fc.Arbitrary<Node> = fc.record({
  present: fc.boolean(),
  type: fc.constantFrom("Thing", "Unique"),
  kind: fc.nat({ max: 2 }),
  size: fc.nat({ max: 2 }),
  from: fc.array(fc.nat({ max: 7 }), { maxLength: 2 }),
});
const program = fc.array(node, { minLength: 8, maxLength: 8 });
const faults = fc.array(fc.tuple(fc.constantFrom("create", "update", "delete"), fc.nat({ max: 7 })), {
  maxLength: 3,
});

/** Types are fixed per index, so that a URN keeps its type from version to version. */
const typeOf = (nodes: readonly Node[], i: number): string => nodes[i]?.type ?? "Thing";

test("whatever the programs and the failures on the way: in the end the world is what the last program says, and the state is the world", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(program, faults), { minLength: 2, maxLength: 4 }),
      async (versions) => {
        const outputs = (_: unknown, id: string): { address: string } => ({ address: `at-${id}` });
        const world = new ScriptedWorld({
          "test:index:Thing": { replaceOn: ["kind"], outputs },
          "test:index:Unique": { replaceOn: ["kind", "from0"], deleteBeforeReplace: true, outputs },
        });
        const stack = await Lifecycle.open(world);
        const types = (versions[0] as [Node[], unknown])[0];
        const run = (nodes: readonly Node[]): void => {
          stack.body = async (p) => {
            const handles = new Map<number, Handle>();
            for (const [i, n] of nodes.entries()) {
              if (!n.present) continue;
              const from = [...new Set(n.from.map((f) => f % 8))].flatMap((f) => handles.get(f) ?? []);
              if (from.some((h) => h.failed)) continue;
              const inputs: Record<string, Value> = { kind: n.kind, size: n.size };
              const uses: Record<string, Handle[]> = {};
              from.forEach((h, j) => {
                inputs[`from${j}`] = h.get("address");
                uses[`from${j}`] = [h];
              });
              handles.set(i, await p.resource(typeOf(types, i), `r${i}`, inputs, { uses }));
            }
          };
        };
        for (const [nodes, bad] of versions) {
          run(nodes);
          for (const [verb, i] of bad)
            world.failures.set(`${verb} r${i}`, { reason: "provider-error", message: "refused" });
          await stack.apply({ continueOnError: bad.length % 2 === 0 });
          world.failures.clear();
        }
        const last = (versions.at(-1) as [Node[], unknown])[0];
        run(last);
        expect(await stack.apply()).toMatchObject({ outcome: "succeeded" });
        const made = await stack.plan();
        expect(made.steps.filter((s) => s.op !== "same" || s.write)).toEqual([]);
        const rows = (await stack.rows()).filter((r) => r.type.startsWith("test:"));
        expect(rows.filter((r) => r.deposed)).toEqual([]);
        expect(rows.map((r) => r.name).sort()).toEqual(last.flatMap((n, i) => (n.present ? [`r${i}`] : [])));
        expect(rows.map((r) => r.id).sort()).toEqual([...world.objects.keys()].sort());
        for (const row of rows) {
          expect(world.objects.get(row.id as string)?.inputs).toEqual(row.inputs);
          expect(row.outputs).toEqual({ ...row.inputs, address: `at-${row.id}` });
        }
        expect((await stack.drift()).drift).toEqual([]);
        await stack.applyPlan(await stack.plan({ kind: "destroy" }));
        expect(world.objects.size).toBe(0);
        expect(await stack.rows()).toEqual([]);
      },
    ),
    {
      numRuns: Number(process.env.ORCH_RANDOM_RUNS ?? 15),
      timeout: 15_000,
      endOnFailure: Boolean(process.env.END),
    },
  );
});
