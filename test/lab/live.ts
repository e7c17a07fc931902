/** A direct provider in a test, and verbs with short arguments. */
import { type Failure, OrchError } from "@orch/core/model/failure";
import type { PropertyMap } from "@orch/core/model/value";
import type {
  CheckResponse,
  DiffResponse,
  ListedObject,
  Provider,
  ProviderLoader,
  ReadManyResponse,
} from "@orch/core/provider/contract";
import { onTestFinished } from "vitest";

/** An object as the state would hold it. */
export interface Live {
  readonly type: string;
  readonly id: string;
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
}

export interface LiveProvider {
  readonly provider: Provider;
  readonly log: readonly string[];
  check(type: string, inputs: PropertyMap): Promise<CheckResponse>;
  create(type: string, inputs: PropertyMap, signal?: AbortSignal): Promise<Live>;
  diff(live: Live, inputs: PropertyMap): Promise<DiffResponse>;
  update(live: Live, inputs: PropertyMap): Promise<Live>;
  read(live: Live): Promise<Live | undefined>;
  /** By id alone, as an import reads it. */
  import(type: string, id: string): Promise<Live | undefined>;
  readMany(lives: readonly Live[]): Promise<ReadManyResponse>;
  list(type: string, scope: PropertyMap): Promise<readonly ListedObject[]>;
  delete(live: Live): Promise<void>;
}

/** Loads a package; types are given whole or without their module (`RecordSet`). The provider is closed when the test ends. */
export async function startLive(
  loader: ProviderLoader,
  name: string,
  config: PropertyMap,
): Promise<LiveProvider> {
  const log: string[] = [];
  const context = {
    projectDir: "/",
    project: "lab",
    stack: "test",
    log: ({ message }: { message: string }) => void log.push(message),
  };
  const provider = await loader.load({ name }, context);
  if (provider === undefined) throw new Error(`the loader does not know ${name}`);
  const urn = `urn:pulumi:test::lab::pulumi:providers:${name}::default`;
  const asked = await provider.checkConfig({
    urn,
    type: `pulumi:providers:${name}`,
    name: "default",
    newInputs: config,
  });
  if (asked.failures.length > 0) throw new Error(JSON.stringify(asked.failures));
  await provider.configure({ urn, id: "1", name: "default", inputs: asked.inputs });
  onTestFinished(() => provider.close());

  const base = (given: string) => {
    const type = given.includes(":") ? given : `${name}:index:${given}`;
    return { urn: `urn:pulumi:test::lab::${type}::it`, type, name: "it" };
  };
  const check = (type: string, newInputs: PropertyMap, oldInputs?: PropertyMap) =>
    provider.check({
      ...base(type),
      newInputs,
      randomSeed: new Uint8Array(32),
      ...(oldInputs ? { oldInputs } : {}),
    });
  const checked = async (type: string, inputs: PropertyMap, old?: PropertyMap): Promise<PropertyMap> => {
    const answer = await check(type, inputs, old);
    if (answer.failures.length > 0) throw new Error(JSON.stringify(answer.failures));
    return answer.inputs;
  };
  const read = async (type: string, id: string, inputs: PropertyMap, outputs: PropertyMap) => {
    const { object } = await provider.read({ ...base(type), id, inputs, outputs });
    return object && { type, ...object };
  };
  return {
    provider,
    log,
    check,
    async create(type, given, signal) {
      const inputs = await checked(type, given);
      const request = { ...base(type), inputs, preview: false, ...(signal ? { signal } : {}) };
      const { id, outputs } = await provider.create(request);
      return { type, id, inputs, outputs };
    },
    async diff(live, wanted) {
      const newInputs = await checked(live.type, wanted, live.inputs);
      return provider.diff({
        ...base(live.type),
        id: live.id,
        oldInputs: live.inputs,
        oldOutputs: live.outputs,
        newInputs,
        ignoreChanges: [],
      });
    },
    async update(live, wanted) {
      const inputs = await checked(live.type, wanted, live.inputs);
      const { outputs } = await provider.update({
        ...base(live.type),
        id: live.id,
        oldInputs: live.inputs,
        oldOutputs: live.outputs,
        newInputs: inputs,
        ignoreChanges: [],
        preview: false,
      });
      return { ...live, inputs, outputs };
    },
    read: ({ type, id, inputs, outputs }) => read(type, id, inputs, outputs),
    import: (type, id) => read(type, id, {}, {}),
    async readMany(lives) {
      if (provider.readMany === undefined) throw new Error(`${name} reads one by one`);
      return provider.readMany({
        reads: lives.map(({ type, id, inputs, outputs }) => ({ ...base(type), id, inputs, outputs })),
      });
    },
    async list(type, scope) {
      const listed: ListedObject[] = [];
      for await (const one of provider.list?.({ type: base(type).type, scope }) ?? []) listed.push(one);
      return listed;
    },
    delete: ({ type, id, inputs, outputs }) => provider.delete({ ...base(type), id, inputs, outputs }),
  };
}

/** The failure that it ends with; throws when it does not fail as orch does. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    (value) => new Error(`it did not fail: ${JSON.stringify(value)}`),
    (thrown: unknown) => thrown,
  );
  if (error instanceof OrchError && error.failure.reason !== "internal") return error.failure;
  throw error;
}
