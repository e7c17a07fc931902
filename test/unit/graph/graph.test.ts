import { DependencyGraph } from "@orch/core/graph/graph";
import { criticalPathLengths, type Task, type TaskEnd, walk } from "@orch/core/graph/schedule";
import fc from "fast-check";
import { expect, test } from "vitest";

/** Tasks whose `after` only names earlier ones: any acyclic graph, up to renaming. */
const acyclic = fc
  .array(fc.array(fc.nat(), { maxLength: 4 }), { minLength: 1, maxLength: 40 })
  .map((rows): Task[] =>
    rows.map((picks, id) => ({
      id,
      after: id === 0 ? [] : [...new Set(picks.map((p) => p % id))],
      weight: 1,
    })),
  );

function graphOf(tasks: readonly Task[]): DependencyGraph<Task> {
  const graph = new DependencyGraph<Task>();
  for (const task of tasks) graph.add(String(task.id), task);
  for (const task of tasks) for (const before of task.after) graph.depend(String(task.id), String(before));
  return graph;
}

test("an acyclic graph has no cycle; closing a path makes one, and it is a real one", () => {
  fc.assert(
    fc.property(acyclic, fc.nat(), (tasks, pick) => {
      const graph = graphOf(tasks);
      expect(graph.findCycle()).toBeUndefined();
      const from = tasks[pick % tasks.length] as Task;
      const dependents = [...graph.transitiveDependentsOf(String(from.id))];
      if (dependents.length === 0) return;
      graph.depend(String(from.id), dependents[0] as string);
      const cycle = graph.findCycle() as string[];
      expect(cycle.length).toBeGreaterThan(1);
      expect(cycle[0]).toBe(cycle.at(-1));
      for (let i = 0; i + 1 < cycle.length; i++) {
        expect(graph.dependenciesOf(cycle[i] as string)).toContain(cycle[i + 1]);
      }
    }),
  );
});

test("a chain of 20,000 is no problem", () => {
  const tasks = Array.from(
    { length: 20_000 },
    (_, id): Task => ({ id, after: id === 0 ? [] : [id - 1], weight: 1 }),
  );
  const graph = graphOf(tasks);
  expect(graph.findCycle()).toBeUndefined();
  expect(graph.transitiveDependentsOf("0").size).toBe(19_999);
  expect(criticalPathLengths(tasks).get(0)).toBe(20_000);
});

test("an edge to something that was not added is refused", () => {
  const graph = new DependencyGraph<number>();
  graph.add("a", 1);
  expect(() => graph.depend("a", "b")).toThrow(RangeError);
});

test("the walk keeps the order and the bound, runs or skips everything once, and skips exactly what needs a failed one", async () => {
  await fc.assert(
    fc.asyncProperty(
      acyclic,
      fc.integer({ min: 1, max: 5 }),
      fc.set(fc.nat({ max: 39 })),
      async (tasks, parallel, bad) => {
        const ended = new Map<number, string>();
        let running = 0;
        await walk(tasks, {
          parallel,
          counts: () => true,
          stopped: () => false,
          skip: (id) => {
            expect(ended.has(id)).toBe(false);
            ended.set(id, "skipped");
          },
          run: (id) => {
            for (const before of (tasks[id] as Task).after) expect(ended.get(before)).toBe("done");
            if (id % 3 === 0 && !bad.has(id)) {
              ended.set(id, "done");
              return undefined;
            }
            running++;
            expect(running).toBeLessThanOrEqual(parallel);
            return new Promise((resolve) => {
              setImmediate(() => {
                running--;
                const how = bad.has(id) ? "failed" : "done";
                ended.set(id, how);
                resolve(how);
              });
            });
          },
        });
        expect(ended.size).toBe(tasks.length);
        for (const task of tasks) {
          const needsBad = task.after.some((before) => ended.get(before) !== "done");
          expect(ended.get(task.id) === "skipped").toBe(needsBad);
        }
      },
    ),
    { numRuns: 60 },
  );
});

test("the longest chain goes first", async () => {
  const order: number[] = [];
  const tasks: Task[] = [
    { id: 0, after: [], weight: 1 },
    { id: 1, after: [], weight: 1 },
    { id: 2, after: [1], weight: 5 },
  ];
  await walk(tasks, {
    parallel: 1,
    counts: () => true,
    stopped: () => false,
    skip: () => undefined,
    run: async (id): Promise<TaskEnd> => {
      order.push(id);
      return "done";
    },
  });
  expect(order).toEqual([1, 2, 0]);
});

test("a gate holds a task without taking a place, and a stop lets nothing new start", async () => {
  const events: string[] = [];
  let open = (): void => undefined;
  let stopped = false;
  await walk(
    [
      { id: 0, after: [], weight: 1 },
      { id: 1, after: [], weight: 1 },
      { id: 2, after: [1], weight: 1 },
    ],
    {
      parallel: 1,
      counts: () => true,
      gate: (id) => (id === 0 ? new Promise<void>((resolve) => (open = resolve)) : undefined),
      stopped: () => stopped,
      skip: (id, because) => events.push(`skip ${id} ${because}`),
      run: async (id): Promise<TaskEnd> => {
        events.push(`run ${id}`);
        if (id === 2) setTimeout(open, 5);
        if (id === 0) stopped = true;
        return "done";
      },
    },
  );
  expect(events).toEqual(["run 1", "run 2", "run 0"]);
});

test("tasks that wait for each other are an error, not a hang", async () => {
  const tasks: Task[] = [
    { id: 0, after: [], weight: 1 },
    { id: 1, after: [2], weight: 1 },
    { id: 2, after: [1], weight: 1 },
  ];
  const run = async (): Promise<TaskEnd> => "done";
  const options = { parallel: 1, counts: () => true, stopped: () => false, skip: () => undefined, run };
  await expect(walk(tasks, options)).rejects.toThrow("tasks 1, 2 wait for each other");
});
