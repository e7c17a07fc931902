/** All of oclif with every command: help, completion, and topics. Never part of the joined files; see scripts/bundle.mjs. */
import { flush } from "@oclif/core/flush";
import { run } from "@oclif/core/run";

export async function runWhole(argv: string[], root: string): Promise<void> {
  await run(argv, root);
  await flush();
}
