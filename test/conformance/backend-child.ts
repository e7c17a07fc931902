/** The other process of the backend conformance suite. Compiled from the sources and started by `startChild` in child.ts. */
import { toFailure } from "@orch/core/model/failure";
import type { Backend } from "@orch/core/state/contract";
import { createCrypter } from "@orch/core/state/crypter";
import { intentOf, key, outcomeOf, project, stack, stateOf, urnOf } from "./backend-fixtures.js";

/** What the child can be asked to do; it answers with lines of JSON on standard output. */
export type ChildTask = "crash" | "hold" | "try" | "stream";

export async function childMain(open: (argument: string) => Promise<Backend>): Promise<void> {
  const [task, argument] = process.argv.slice(2) as [ChildTask, string];
  const say = (line: unknown) => process.stdout.write(`${JSON.stringify(line)}\n`);
  const backend = await open(argument);
  const store = await backend.openStack(project, stack, createCrypter(key));
  try {
    const run = await store.beginRun({ kind: "apply", startedAt: Date.now(), who: "child@test" });
    if (task === "try") {
      await run.finish("succeeded");
      say({ began: run.id });
    } else if (task === "hold") {
      say({ began: run.id });
      // Until the parent closes our input.
      for await (const _ of process.stdin);
      await run.finish("succeeded");
      say({ finished: run.id });
    } else if (task === "stream") {
      // Until it is killed; says what is durable as soon as it is.
      say({ began: run.id });
      for (let i = 0; ; i++) {
        const urn = urnOf(`r${i}`);
        await run.append([intentOf(i, "create", urn)]);
        await run.append([outcomeOf(i, "create", urn, [{ put: stateOf(urn), order: i }])]);
        say({ durable: i });
      }
    } else {
      await run.append([intentOf(0, "create", urnOf("finished"))]);
      await run.append([
        outcomeOf(0, "create", urnOf("finished"), [{ put: stateOf(urnOf("finished")), order: 0 }]),
      ]);
      await run.append([intentOf(1, "create", urnOf("begun"))]);
      say({ began: run.id });
      setInterval(() => {}, 1_000);
      return;
    }
  } catch (error) {
    say({ failure: toFailure(error) });
  }
  await backend.close();
}
