import { compare } from "@orch/core/model/compare";
import { type Failure, OrchError, toFailure } from "@orch/core/model/failure";
import { formatPath } from "@orch/core/model/path";
import { hasUnknown, type PropertyMap, unknown, type Value } from "@orch/core/model/value";
import type {
  CheckFailure,
  DetailedChange,
  ListedObject,
  ListRequest,
  ObjectChange,
  Provider,
  ProviderLoader,
  ProviderTraits,
  ReadResponse,
} from "@orch/core/provider/contract";

/** How objects of one type behave. */
export interface ScriptedType {
  /** Changing one of these replaces the object. */
  readonly replaceOn?: readonly string[];
  readonly deleteBeforeReplace?: boolean;
  /** Outputs beyond the inputs and the id, computed from them. */
  readonly outputs?: (inputs: PropertyMap, id: string) => PropertyMap;
  /** A generated name, from the seed, for this property when it is not given. */
  readonly autoName?: string;
  readonly check?: (inputs: PropertyMap) => readonly CheckFailure[];
  readonly stables?: readonly string[];
  /** Properties whose change does not matter to the provider. */
  readonly ignores?: readonly string[];
}

export type Verb = "create" | "read" | "update" | "delete";

/** An outside world that can be looked at and tampered with, and a provider that manages it, as one script. */
export class ScriptedWorld {
  readonly objects = new Map<string, { type: string; inputs: PropertyMap; outputs: PropertyMap }>();
  /** `create a`, `delete b`: what was really done, in order. */
  readonly calls: string[] = [];
  /** The provider's configured `account`, call by call. */
  readonly accounts: (Value | undefined)[] = [];
  /** `<verb> <name>` → thrown before the effect. */
  readonly failures = new Map<string, Failure>();
  /** `<verb> <name>` → the object is made or changed, and then reported as not finished. */
  readonly halfDone = new Map<string, string[]>();
  /** `<verb> <name>` → waited for before the effect. */
  readonly waits = new Map<string, Promise<void>>();
  /** Types that are read many at once. Undefined: the provider cannot. */
  readManyTypes: ReadonlySet<string> | undefined;
  /** Types whose objects can be listed, within a scope `{ size: … }` where one is given. */
  listTypes: ReadonlySet<string> | undefined;
  /** `readMany Thing 3`, `read a`, `list Thing`: requests that only look, in order. */
  readonly looks: string[] = [];
  /** By id. */
  readonly changes = new Map<string, readonly ObjectChange[]>();
  /** Called at the start of each real verb: to interrupt or kill from inside. */
  onCall: (call: string) => void = () => undefined;
  running = 0;
  mostRunning = 0;
  #next = 1;

  constructor(
    readonly types: Readonly<Record<string, ScriptedType>>,
    readonly traits: Partial<ProviderTraits> = {},
  ) {}

  loader(): ProviderLoader {
    return {
      name: "scripted",
      load: async (descriptor) => (descriptor.name === "test" ? this.provider() : undefined),
    };
  }

  provider(): Provider {
    const traits: ProviderTraits = {
      secrets: true,
      resourceRefs: true,
      outputValues: false,
      preview: true,
      unknowns: true,
      findAgain: "no",
      ...this.traits,
    };
    const typeOf = (type: string): ScriptedType => this.types[type] ?? {};
    const outputsOf = (type: string, inputs: PropertyMap, id: string): PropertyMap => ({
      ...inputs,
      ...(typeOf(type).outputs?.(inputs, id) ?? {}),
    });
    let account: Value | undefined;
    const look = async (name: string, id: string, signal: AbortSignal | undefined): Promise<ReadResponse> =>
      this.#verb("read", name, account, async () => {
        signal?.throwIfAborted();
        const object = this.objects.get(id);
        const changes = this.changes.get(id);
        return {
          ...(object ? { object: { id, inputs: object.inputs, outputs: object.outputs } } : {}),
          ...(changes ? { changes } : {}),
        };
      });
    const { readManyTypes, listTypes } = this;
    return {
      ...(readManyTypes
        ? {
            readManyTypes,
            readMany: async ({ reads, signal }) => {
              this.looks.push(`readMany ${shortType(reads[0]?.type)} ${reads.length}`);
              const failure = this.failures.get(`readMany ${shortType(reads[0]?.type)}`);
              if (failure) throw new OrchError(failure);
              return Promise.all(
                reads.map(({ name, id }) =>
                  look(name, id, signal).catch((error: unknown) => ({ failure: toFailure(error) })),
                ),
              );
            },
          }
        : {}),
      ...(listTypes ? { listTypes, list: (request) => this.#list(request) } : {}),
      package: { name: "test", version: "1.0.0" },
      origin: { source: "direct" },
      checkConfig: async ({ newInputs }) => ({ inputs: newInputs, failures: [] }),
      diffConfig: async ({ oldInputs, newInputs }) => {
        const changes = compare(oldInputs, newInputs);
        const replaces = changes.map((c) => formatPath(c.path)).filter((path) => path === "account");
        return {
          changes: changes.length > 0 ? "some" : "none",
          replaces,
          stables: [],
          diffs: [],
          deleteBeforeReplace: false,
        };
      },
      configure: async ({ inputs }) => {
        account = inputs.account;
        return traits;
      },
      check: async ({ type, newInputs, oldInputs, randomSeed }) => {
        const script = typeOf(type);
        const failures = script.check?.(newInputs) ?? [];
        let inputs = newInputs;
        if (script.autoName && newInputs[script.autoName] === undefined) {
          const name =
            oldInputs?.[script.autoName] ?? `auto-${Buffer.from(randomSeed).toString("hex").slice(0, 6)}`;
          inputs = { ...newInputs, [script.autoName]: name };
        }
        return { inputs, failures };
      },
      diff: async ({ type, oldInputs, newInputs, oldOutputs, ignoreChanges }) => {
        const script = typeOf(type);
        const detailed: DetailedChange[] = compare({ ...oldOutputs, ...oldInputs }, newInputs)
          .filter(({ path }) => !script.ignores?.includes(String(path[0])))
          .filter(
            ({ path }) =>
              Object.hasOwn(newInputs, String(path[0])) || Object.hasOwn(oldInputs, String(path[0])),
          )
          .map(({ path, before, after }) => ({
            path: formatPath(path),
            kind: before === undefined ? "add" : after === undefined ? "delete" : "update",
            effect: script.replaceOn?.includes(String(path[0])) ? "replace" : "update",
            inputDiff: true,
          }));
        void ignoreChanges;
        return {
          changes: detailed.length > 0 ? "some" : "none",
          replaces: detailed.filter((d) => d.effect === "replace").map((d) => d.path),
          stables: script.stables ?? [],
          diffs: detailed.map((d) => d.path),
          deleteBeforeReplace: script.deleteBeforeReplace ?? false,
          detailed,
        };
      },
      create: async ({ type, name, inputs, preview }) => {
        if (preview) {
          const guess = outputsOf(type, inputs, "?");
          return {
            id: "",
            outputs: Object.fromEntries(
              Object.entries(guess).map(([key, value]) => [
                key,
                Object.hasOwn(inputs, key) ? value : unknown,
              ]),
            ),
          };
        }
        return this.#verb("create", name, account, async (reasons) => {
          refuseUnknown(inputs);
          const id = `id-${this.#next++}`;
          const outputs = outputsOf(type, inputs, id);
          this.objects.set(id, { type, inputs, outputs });
          return { id, outputs, ...(reasons ? { partial: { reasons } } : {}) };
        });
      },
      read: async ({ name, id, signal }) => {
        this.looks.push(`read ${name}`);
        return look(name, id, signal);
      },
      update: async ({ type, name, id, newInputs, preview }) => {
        if (preview) return { outputs: outputsOf(type, newInputs, id) };
        return this.#verb("update", name, account, async (reasons) => {
          refuseUnknown(newInputs);
          const outputs = outputsOf(type, newInputs, id);
          if (!this.objects.has(id))
            throw new OrchError({ reason: "provider-error", message: `no object ${id}` });
          this.objects.set(id, { type, inputs: newInputs, outputs });
          return { outputs, ...(reasons ? { partial: { reasons } } : {}) };
        });
      },
      delete: async ({ name, id }) =>
        this.#verb("delete", name, account, async () => {
          this.objects.delete(id);
        }),
      invoke: async ({ token, args }) => ({ result: { echo: args as Value, token }, failures: [] }),
      cancel: async () => undefined,
      close: async () => undefined,
    };
  }

  async *#list({ type, scope }: ListRequest): AsyncIterable<ListedObject> {
    this.looks.push(`list ${shortType(type)}${scope ? ` ${JSON.stringify(scope)}` : ""}`);
    const failure = this.failures.get(`list ${shortType(type)}`);
    if (failure) throw new OrchError(failure);
    for (const [id, object] of this.objects) {
      if (object.type !== type) continue;
      if (!Object.entries(scope ?? {}).every(([key, value]) => object.inputs[key] === value)) continue;
      const changes = this.changes.get(id);
      yield { id, title: `object ${id}`, ...(changes ? { changes } : {}) };
    }
  }

  async #verb<T>(
    verb: Verb,
    name: string,
    account: Value | undefined,
    effect: (halfDone: string[] | undefined) => Promise<T>,
  ): Promise<T> {
    const call = `${verb} ${name}`;
    this.onCall(call);
    this.running++;
    this.mostRunning = Math.max(this.mostRunning, this.running);
    try {
      await this.waits.get(call);
      // Real calls take time: lets parallel ones overlap.
      await new Promise((resolve) => setImmediate(resolve));
      const failure = this.failures.get(call);
      if (failure) throw new OrchError(failure);
      if (verb !== "read") {
        this.calls.push(call);
        this.accounts.push(account);
      }
      return await effect(this.halfDone.get(call));
    } finally {
      this.running--;
    }
  }
}

const shortType = (type: string | undefined): string => (type ?? "").replace("test:index:", "");

function refuseUnknown(inputs: PropertyMap): void {
  if (hasUnknown(inputs))
    throw new OrchError({ reason: "internal", message: "a provider was sent an unknown value" });
}
