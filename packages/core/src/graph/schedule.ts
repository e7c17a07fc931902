/**
 * A bounded walk over numbered tasks: each starts once all it comes after have ended well, the one with the longest chain behind it first.
 * Knows nothing of resources; a failed or skipped task skips all that come after it.
 */

export interface Task {
  readonly id: number;
  readonly after: readonly number[];
  /** Expected cost in any unit; the chain with the largest sum is the critical path. */
  readonly weight: number;
}

export type TaskEnd = "done" | "failed" | "skipped";

export interface WalkOptions {
  /** Tasks at the same time. */
  readonly parallel: number;
  /** False: this task takes no place among the parallel ones (it calls nobody). */
  readonly counts: (id: number) => boolean;
  /** Something outside the graph that the task waits for once its predecessors are done; must settle when the walk is stopped. */
  readonly gate?: (id: number) => Promise<unknown> | undefined;
  /** Does the task. Undefined instead of a promise: it ended well at once, without waiting. Must not throw or reject. */
  readonly run: (id: number) => Promise<TaskEnd> | undefined;
  readonly skip: (id: number, because: number | "stopped") => void;
  /** Asked before each start: true once nothing new may start. */
  readonly stopped: () => boolean;
}

/** Length of the longest chain of weights from each task to an end, itself included. Tasks may come in any order. */
export function criticalPathLengths(tasks: readonly Task[]): Map<number, number> {
  const dependents = reverse(tasks);
  const waiting = new Map<number, number>();
  const byId = new Map<number, Task>();
  const length = new Map<number, number>();
  const open: number[] = [];
  for (const task of tasks) {
    byId.set(task.id, task);
    const count = dependents.get(task.id)?.length ?? 0;
    waiting.set(task.id, count);
    length.set(task.id, task.weight);
    if (count === 0) open.push(task.id);
  }
  for (let id = open.pop(); id !== undefined; id = open.pop()) {
    const own = length.get(id) as number;
    for (const before of (byId.get(id) as Task).after) {
      const task = byId.get(before);
      if (task === undefined) continue;
      length.set(before, Math.max(length.get(before) as number, own + task.weight));
      const left = (waiting.get(before) as number) - 1;
      waiting.set(before, left);
      if (left === 0) open.push(before);
    }
  }
  return length;
}

/** Resolves when every task has ended. Rejects with a RangeError when some wait for each other: a mistake of whoever made the tasks, which must not become a hang. */
export function walk(tasks: readonly Task[], options: WalkOptions): Promise<void> {
  const dependents = reverse(tasks);
  const priority = criticalPathLengths(tasks);
  const known = new Set(tasks.map((task) => task.id));
  const waiting = new Map<number, number>();
  const ended = new Set<number>();
  const ready = new Heap((a, b) => (priority.get(b) as number) - (priority.get(a) as number) || a - b);
  /** Ready, but all places were taken. */
  let running = 0;
  /** Started and not ended, places or not, and gates that are still shut. */
  let open = 0;

  for (const task of tasks) {
    const count = task.after.filter((id) => known.has(id)).length;
    waiting.set(task.id, count);
  }

  return new Promise((resolve, reject) => {
    const end = (id: number, how: TaskEnd): void => {
      const ends: { id: number; how: TaskEnd }[] = [{ id, how }];
      for (let at = ends.pop(); at !== undefined; at = ends.pop()) {
        ended.add(at.id);
        for (const next of dependents.get(at.id) ?? []) {
          if (ended.has(next)) continue;
          if (at.how !== "done") {
            ended.add(next);
            options.skip(next, at.id);
            ends.push({ id: next, how: "skipped" });
            continue;
          }
          const left = (waiting.get(next) as number) - 1;
          waiting.set(next, left);
          if (left === 0) arrived(next);
        }
      }
    };

    /** All that it comes after has ended well. */
    const arrived = (id: number): void => {
      const gate = options.stopped() ? undefined : options.gate?.(id);
      if (gate === undefined) ready.push(id);
      else {
        open++;
        const pass = (): void => {
          open--;
          ready.push(id);
          pump();
        };
        gate.then(pass, pass);
      }
    };

    const pump = (): void => {
      const held: number[] = [];
      for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
        if (ended.has(id)) continue;
        if (options.stopped()) {
          options.skip(id, "stopped");
          end(id, "skipped");
          continue;
        }
        const counts = options.counts(id);
        if (counts && running >= options.parallel) {
          held.push(id);
          continue;
        }
        const work = options.run(id);
        if (work === undefined) {
          end(id, "done");
          continue;
        }
        open++;
        if (counts) running++;
        const task = id;
        void work.then((how) => {
          open--;
          if (counts) running--;
          end(task, how);
          pump();
        });
      }
      for (const id of held) ready.push(id);
      if (ended.size === tasks.length) resolve();
      else if (open === 0) {
        const stuck = tasks.filter((task) => !ended.has(task.id)).map((task) => task.id);
        reject(new RangeError(`tasks ${stuck.slice(0, 20).join(", ")} wait for each other`));
      }
    };
    for (const task of tasks) if (waiting.get(task.id) === 0) arrived(task.id);
    pump();
  });
}

function reverse(tasks: readonly Task[]): Map<number, number[]> {
  const dependents = new Map<number, number[]>();
  for (const task of tasks) {
    for (const before of task.after) {
      const list = dependents.get(before);
      if (list) list.push(task.id);
      else dependents.set(before, [task.id]);
    }
  }
  return dependents;
}

/** A binary heap of numbers: `pop` gives the one that sorts first. */
class Heap {
  readonly #items: number[] = [];
  constructor(readonly compare: (a: number, b: number) => number) {}

  push(item: number): void {
    const items = this.#items;
    let i = items.push(item) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (this.compare(items[parent] as number, item) <= 0) break;
      items[i] = items[parent] as number;
      i = parent;
    }
    items[i] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (last === undefined || items.length === 0) return first;
    let i = 0;
    for (;;) {
      let child = 2 * i + 1;
      if (child >= items.length) break;
      if (child + 1 < items.length && this.compare(items[child + 1] as number, items[child] as number) < 0)
        child++;
      if (this.compare(items[child] as number, last) >= 0) break;
      items[i] = items[child] as number;
      i = child;
    }
    items[i] = last;
    return first;
  }
}
