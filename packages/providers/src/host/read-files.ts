/** The bulk read of files and folders: one script per machine. */
import { type Failure, OrchError } from "@orch/core/model/failure";
import type { Connection } from "./connection.js";
import { type Inspected, inspect } from "./inspect.js";
import type { Machine } from "./machine.js";
import type { HostSession } from "./session.js";

interface Read {
  readonly id: string;
  readonly inputs: { readonly path?: string | undefined; readonly connection?: Connection | undefined };
  readonly outputs: object;
}

/** `observe` makes the answer of one that is there. A machine that can't be reached fails its own files only. */
export async function readFiles<R extends Read, T>(
  session: HostSession,
  signal: AbortSignal,
  reads: readonly R[],
  observe: (machine: Machine, read: R, found: Inspected) => Promise<T | undefined>,
): Promise<readonly (T | { readonly failure: Failure } | undefined)[]> {
  const answers = new Array<T | { readonly failure: Failure } | undefined>(reads.length);
  const byMachine = new Map<Machine, number[]>();
  for (const [i, read] of reads.entries()) {
    const machine = await session.machine(read.inputs.connection);
    byMachine.set(machine, [...(byMachine.get(machine) ?? []), i]);
  }
  await Promise.all(
    [...byMachine].map(async ([machine, places]) => {
      try {
        const wanted = places.map((i) => {
          const { id, inputs, outputs } = reads[i] as R;
          return { path: inputs.path ?? id, known: (outputs as { readonly sha256?: string }).sha256 };
        });
        const found = await inspect(machine, wanted, signal);
        await Promise.all(
          places.map(async (i, n) => {
            const one = found[n];
            answers[i] =
              one === undefined || "failure" in one ? one : await observe(machine, reads[i] as R, one);
          }),
        );
      } catch (error) {
        if (!(error instanceof OrchError)) throw error;
        for (const i of places) answers[i] = { failure: error.failure };
      }
    }),
  );
  return answers;
}
