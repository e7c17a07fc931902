/** What the tests of the host provider share: a configured provider, a folder that goes away, and verbs with short arguments. */
import { mkdtempSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Failure, OrchError } from "@orch/core/model/failure";
import type { PropertyMap } from "@orch/core/model/value";
import type { CheckResponse, DiffResponse, Provider } from "@orch/core/provider/contract";
import { hostLoader } from "@orch/providers/host/index";
import { afterEach } from "vitest";

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanups.splice(0).reverse()) await clean();
});
export const onEnd = (clean: () => unknown): void => void cleanups.push(clean);

export function tempFolder(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "orch-host-")));
  onEnd(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface Host {
  readonly provider: Provider;
  /** What the provider logged. */
  readonly log: string[];
  check(type: string, inputs: PropertyMap, old?: PropertyMap): Promise<CheckResponse>;
  /** Checked inputs; throws on failures. */
  checked(type: string, inputs: PropertyMap): Promise<PropertyMap>;
  create(type: string, inputs: PropertyMap, signal?: AbortSignal): Promise<Live>;
  diff(live: Live, inputs: PropertyMap): Promise<DiffResponse>;
  update(live: Live, inputs: PropertyMap): Promise<Live>;
  read(live: Live): Promise<Live | undefined>;
  delete(live: Live): Promise<void>;
  invoke(token: string, args: PropertyMap): Promise<PropertyMap>;
}
/** An object as the state would hold it. */
export interface Live {
  readonly type: string;
  readonly id: string;
  readonly inputs: PropertyMap;
  readonly outputs: PropertyMap;
  readonly partial?: readonly string[];
}

const urnOf = (type: string): string => `urn:pulumi:test::host::host:index:${type}::it`;

/** A provider with this configuration, closed when the test ends. */
export async function startHost(
  config: PropertyMap = {},
  options: { readonly projectDir?: string } = {},
): Promise<Host> {
  const log: string[] = [];
  const provider = await hostLoader().load(
    { name: "host" },
    {
      projectDir: options.projectDir ?? tmpdir(),
      project: "host",
      stack: "test",
      log: ({ level, message }) => void log.push(`${level}: ${message}`),
    },
  );
  if (provider === undefined) throw new Error("the loader does not know its own package");
  const urn = "urn:pulumi:test::host::pulumi:providers:host::default";
  const { inputs, failures } = await provider.checkConfig({
    urn,
    type: "pulumi:providers:host",
    name: "default",
    newInputs: config,
  });
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  await provider.configure({ urn, id: "1", name: "default", inputs });
  onEnd(() => provider.close());

  const base = (type: string) => ({ urn: urnOf(type), type: `host:index:${type}`, name: "it" });
  const check = (type: string, newInputs: PropertyMap, oldInputs?: PropertyMap) =>
    provider.check({
      ...base(type),
      newInputs,
      randomSeed: new Uint8Array(32),
      ...(oldInputs ? { oldInputs } : {}),
    });
  const checked = async (type: string, inputs: PropertyMap): Promise<PropertyMap> => {
    const response = await check(type, inputs);
    if (response.failures.length > 0) throw new Error(JSON.stringify(response.failures));
    return response.inputs;
  };
  return {
    provider,
    log,
    check,
    checked,
    async create(type, given, signal) {
      const inputs = await checked(type, given);
      const { id, outputs, partial } = await provider.create({
        ...base(type),
        inputs,
        preview: false,
        ...(signal ? { signal } : {}),
      });
      return { type, id, inputs, outputs, ...(partial ? { partial: partial.reasons } : {}) };
    },
    async diff(live, given) {
      return provider.diff({
        ...base(live.type),
        id: live.id,
        oldInputs: live.inputs,
        oldOutputs: live.outputs,
        newInputs: await checked(live.type, given),
        ignoreChanges: [],
      });
    },
    async update(live, given) {
      const inputs = await checked(live.type, given);
      const { outputs, partial } = await provider.update({
        ...base(live.type),
        id: live.id,
        oldInputs: live.inputs,
        oldOutputs: live.outputs,
        newInputs: inputs,
        ignoreChanges: [],
        preview: false,
      });
      return { ...live, inputs, outputs, ...(partial ? { partial: partial.reasons } : {}) };
    },
    async read(live) {
      const { object } = await provider.read({
        ...base(live.type),
        ...live,
        type: `host:index:${live.type}`,
      });
      return object && { type: live.type, ...object };
    },
    delete: (live) =>
      provider.delete({
        ...base(live.type),
        id: live.id,
        inputs: live.inputs,
        outputs: live.outputs,
      }),
    async invoke(token, args) {
      const { result, failures } = await provider.invoke({ token, args });
      if (failures.length > 0) throw new Error(JSON.stringify(failures));
      return result;
    },
  };
}

/** The failure that the promise rejects with; throws when it does not, or with something else. */
export async function failureOf(work: Promise<unknown>): Promise<Failure> {
  try {
    await work;
  } catch (error) {
    if (error instanceof OrchError) return error.failure;
    throw error;
  }
  throw new Error("it was expected to fail");
}
