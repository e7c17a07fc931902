/** A backend as it is, with a place to die at around everything that becomes durable. Also run by Node itself, which only takes the types away. */
import type { Backend, Run, StackStore } from "@orch/core/state/contract";

/** `boundary`: called around the beginning of a run, each append, and its end. */
export function deadly(backend: Backend, boundary: <T>(work: () => Promise<T>) => Promise<T>): Backend {
  const run = (inner: Run): Run => ({
    ...inner,
    append: (records) => boundary(() => inner.append(records)),
    finish: (outcome) => boundary(() => inner.finish(outcome)),
  });
  const store = (inner: StackStore): StackStore => ({
    ...inner,
    beginRun: async (start, options) => run(await boundary(() => inner.beginRun(start, options))),
  });
  return {
    ...backend,
    openStack: async (project, stack, crypter) => store(await backend.openStack(project, stack, crypter)),
  };
}

export const die = (): void => {
  process.kill(process.pid, "SIGKILL");
};

export interface Death {
  readonly boundary: number;
  readonly when: "before" | "after";
}

/** Counts boundaries from 1, and dies at the one that is named. */
export function deathAt(death: Death | undefined, done: () => void = () => undefined) {
  let count = 0;
  return {
    get count(): number {
      return count;
    },
    around: async <T>(work: () => Promise<T>): Promise<T> => {
      const mine = ++count === death?.boundary ? death.when : undefined;
      if (mine === "before") die();
      const result = await work();
      if (mine === "after") die();
      done();
      return result;
    },
  };
}
