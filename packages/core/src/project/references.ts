/** What other stacks of the backend give out. */

import { OrchError, toFailure } from "../model/failure.js";
import type { ReadStackOutputs } from "../provider/stack-references.js";
import { closest } from "../state/closest.js";
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
    const { values, unreadable } = await backend
      .readOutputs(other, stack, crypter)
      .catch((error: unknown) => {
        if (toFailure(error).reason !== "stack-unknown") throw error;
        return failUnknown(backend, project.name, { project: other, stack }, error);
      });
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

/** Of all stacks that the backend has, those that may have been meant. */
async function failUnknown(
  backend: Backend,
  own: string,
  wanted: { readonly project: string; readonly stack: string },
  cause: unknown,
): Promise<never> {
  const all = await backend.listStacks();
  const nameOf = ({ project, stack }: { readonly project: string; readonly stack: string }): string =>
    `organization/${project}/${stack}`;
  const inProject = all.filter(({ project }) => project === wanted.project).map(({ stack }) => stack);
  const near = closest(nameOf(wanted), all.map(nameOf)).concat(
    closest(wanted.stack, inProject).map((stack) => nameOf({ project: wanted.project, stack })),
  );
  const command = `orch stack init ${wanted.stack}`;
  throw new OrchError(
    {
      ...toFailure(cause),
      expected:
        inProject.length > 0
          ? `a stack of ${wanted.project}: ${inProject.join(", ")}`
          : `a project of this backend: ${[...new Set(all.map(({ project }) => project))].join(", ") || "it has none"}`,
      found: `${wanted.project}/${wanted.stack}`,
      next: [
        ...(near.length > 0 ? [`Did you mean ${[...new Set(near)].slice(0, 3).join(" or ")}?`] : []),
        `Make it first${wanted.project === own ? "" : ` in the project ${wanted.project}`}: \`${command}\`, then \`orch apply\`.`,
      ],
    },
    { cause },
  );
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
