/** What other stacks of the backend give out. */

import { toFailure } from "../model/failure.js";
import type { ReadStackOutputs } from "../provider/stack-references.js";
import type { Backend, Crypter } from "../state/contract.js";
import { type ContextOptions, keyOfState, type ProjectContext, sourcesOf } from "./context.js";
import { openKeyring } from "./keyring.js";
import { readStackFile } from "./stack-file.js";

/** Stacks of this project are read with their own keys, if those are at hand; of other projects' stacks everything but secrets. */
export const stackOutputsReader =
  (context: ProjectContext, options: ContextOptions): ReadStackOutputs =>
  async (reference) => {
    const { backend, project } = context;
    const { project: other, stack } = await stackOf(backend, project.name, reference);
    const crypter = other === project.name ? await crypterOf(context, stack, options) : undefined;
    const { values, unreadable } = await backend.readOutputs(other, stack, crypter);
    return { outputs: values, unreadable };
  };

/** `organization/project/stack`; `project/stack`, or, as the organisation means nothing here, `organization/stack`; `stack`. */
async function stackOf(
  backend: Backend,
  ownProject: string,
  reference: string,
): Promise<{ readonly project: string; readonly stack: string }> {
  const parts = reference.split("/");
  const stack = parts.at(-1) as string;
  const project = parts.length > 1 ? (parts.at(-2) as string) : ownProject;
  if (parts.length !== 2) return { project, stack };
  const known = await backend.listStacks(project);
  return known.length === 0 && project === "organization"
    ? { project: ownProject, stack }
    : { project, stack };
}

/** Undefined where the key can't be had: the outputs without secrets can be read all the same. */
async function crypterOf(
  { backend, project }: ProjectContext,
  stack: string,
  options: ContextOptions,
): Promise<Crypter | undefined> {
  const file = await readStackFile(project, stack);
  try {
    const own = await openKeyring(file, sourcesOf(options));
    const stored = await backend.stackKey(project.name, stack);
    if (own === undefined && stored === undefined) return undefined;
    return (await keyOfState(file, own, stored, sourcesOf(options))).keyring.crypter;
  } catch (error) {
    if (["key-missing", "wrong-passphrase", "secret-unreadable"].includes(toFailure(error).reason))
      return undefined;
    throw error;
  }
}
