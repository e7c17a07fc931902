/** Names out of the project here and its state. */

import { openBackend } from "@orch/core/project/backend";
import { type FoundProject, findProject } from "@orch/core/project/project-file";
import { readStackFile } from "@orch/core/project/stack-file";
import { selectedStack } from "@orch/core/project/workspace";
import type { Backend, Crypter, StackStore } from "@orch/core/state/contract";

interface Opened {
  readonly project: FoundProject;
  readonly backend: Backend;
}
export interface Sources {
  readonly stack: string | undefined;
  readonly use: <T>(work: (opened: Opened) => Promise<T>) => Promise<T>;
}

/** `stack`: as the line says it. */
export const projectSources = (stack: string | undefined): Sources => ({
  stack,
  async use(work) {
    const project = await findProject(process.cwd());
    const backend = await openBackend(project);
    try {
      return await work({ project, backend });
    } finally {
      await backend.close();
    }
  },
});

/** Names need no key: secrets come out as nothing. */
const blind: Crypter = {
  encrypt: () => "",
  decrypt: () => "null",
  fingerprint: () => "",
};

async function chosen({ project, backend }: Opened, stack: string | undefined): Promise<string | undefined> {
  const name = stack ?? (await selectedStack(project));
  if (name !== undefined) return name;
  const [only, ...others] = await backend.listStacks(project.name);
  return others.length === 0 ? only?.stack : undefined;
}

const withStore = <T>({ stack, use }: Sources, work: (store: StackStore) => Promise<T[]>): Promise<T[]> =>
  use(async (opened) => {
    const name = await chosen(opened, stack);
    if (name === undefined) return [];
    const store = await opened.backend.openStack(opened.project.name, name, blind);
    try {
      return await work(store);
    } finally {
      await store.close();
    }
  });

export const stackNames = ({ use }: Sources): Promise<string[]> =>
  use(async ({ project, backend }) => (await backend.listStacks(project.name)).map(({ stack }) => stack));

/** Names that several resources have are of no use; their URNs are. */
export const resourceNames = (sources: Sources, what: "names" | "urns"): Promise<string[]> =>
  withStore(sources, async (store) => {
    const { resources } = await store.snapshot();
    if (what === "urns") return resources.map(({ urn }) => urn);
    const count = new Map<string, number>();
    for (const { name } of resources) count.set(name, (count.get(name) ?? 0) + 1);
    return resources.map(({ name, urn }) => (count.get(name) === 1 ? name : urn));
  });

export const outputNames = (sources: Sources): Promise<string[]> =>
  withStore(sources, async (store) => Object.keys((await store.snapshot()).outputs));

export const runNumbers = (sources: Sources): Promise<string[]> =>
  withStore(sources, async (store) => (await store.runs(50)).map(({ id }) => String(id)));

export const configKeys = ({ stack, use }: Sources): Promise<string[]> =>
  use(async (opened) => {
    const name = await chosen(opened, stack);
    const own = name === undefined ? undefined : await readStackFile(opened.project, name);
    const { config = {} } = (own?.yaml.document.toJS() ?? {}) as { config?: Record<string, unknown> };
    const keys = [...Object.keys(config ?? {}), ...Object.keys(opened.project.defaultConfig)];
    const prefix = `${opened.project.name}:`;
    return keys.map((key) => (key.startsWith(prefix) ? key.slice(prefix.length) : key));
  });
