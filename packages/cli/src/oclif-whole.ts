/** All of oclif with every command: help, completion, and topics. Never part of the joined files; see scripts/bundle.mjs. */
import { run } from "@oclif/core/run";

export async function runWhole(argv: string[], root: string): Promise<void> {
  // No flush after it: the process ends by itself, and a reader that has gone would never let a flush end.
  await run(argv, root);
}
