import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { apply, closeEngine, drift, plan } from "@orch/core/engine";
import type { DriftReport, EngineContext, PlanOptions } from "@orch/core/engine-contract";
import type { ApplyResult, Event } from "@orch/core/model/event";
import type { Plan } from "@orch/core/model/plan";
import type { Resource, ResourceOptions, ResourceState } from "@orch/core/model/resource";
import { makeUrn, parseUrn, rootStackType, type Urn } from "@orch/core/model/urn";
import { isUnknown, type PropertyMap, unknown, type Value } from "@orch/core/model/value";
import { describePlan } from "@orch/core/plan/describe";
import type { ProgramOptions, ProgramSink } from "@orch/core/program/contract";
import type { Backend, StackStore } from "@orch/core/state/contract";
import { createCrypter, newDataKey, openSqliteBackend } from "@orch/core/state/index";
import { afterEach } from "vitest";
import type { ScriptedWorld } from "./scripted.js";

export { describePlan };

/** A resource in a test's program: outputs can be handed to others like in a real one, unknowns included. */
export interface Handle {
  readonly urn: Urn;
  readonly id: Value;
  readonly outputs: PropertyMap;
  /** An output as the program side sees it: unknown when the answer does not hold it and this is a plan. */
  get(name: string): Value;
  readonly failed: boolean;
}

export interface Options extends ResourceOptions {
  readonly parent?: Handle;
  readonly provider?: Handle;
  readonly dependsOn?: readonly Handle[];
  /** Input → the handles that its value came from. */
  readonly uses?: Readonly<Record<string, readonly Handle[]>>;
  readonly aliases?: readonly string[];
}

export interface Program {
  readonly dryRun: boolean;
  /** `Thing` is short for `test:index:Thing`. */
  resource(type: string, name: string, inputs?: PropertyMap, options?: Options): Promise<Handle>;
  component(name: string, inputs?: PropertyMap, options?: Options): Promise<Handle>;
  provider(name: string, inputs?: PropertyMap): Promise<Handle>;
  outputs(handle: Handle, outputs: PropertyMap): Promise<void>;
  get(type: string, name: string, id: Value): Promise<Handle>;
  invoke(token: string, args: PropertyMap): Promise<PropertyMap>;
}

/** Returns the stack's outputs. */
export type ProgramBody = (program: Program) => Promise<unknown>;

/** A stack with real state on disk, a scripted outside world, and a program that a test can change between runs. */
export class Lifecycle {
  readonly events: Event[] = [];
  body: ProgramBody = async () => undefined;
  /** How often the program ran. */
  runs = 0;
  #closers: (() => Promise<unknown>)[] = [];

  private constructor(
    readonly world: ScriptedWorld,
    readonly backend: Backend,
    readonly store: StackStore,
    readonly dir: string,
    private readonly openBackend: () => Promise<Backend>,
  ) {}

  /** `openBackend`: another kind of state, which the test keeps fresh; called again for what another process would open. */
  static async open(
    world: ScriptedWorld,
    openBackend: (dir: string) => Promise<Backend> = (dir) => openSqliteBackend(join(dir, "state.db")),
  ): Promise<Lifecycle> {
    const dir = await mkdtemp(join(tmpdir(), "orch-lifecycle-"));
    const backend = await openBackend(dir);
    await backend.createStack("proj", "dev");
    const store = await backend.openStack("proj", "dev", createCrypter(newDataKey()));
    const lifecycle = new Lifecycle(world, backend, store, dir, () => openBackend(dir));
    opened.push(lifecycle);
    return lifecycle;
  }

  /** The same stack over a connection of its own, as another command has it. */
  async another(): Promise<StackStore> {
    const backend = await this.openBackend();
    this.#closers.push(() => backend.close());
    return backend.openStack("proj", "dev", this.store.crypter);
  }

  async close(): Promise<void> {
    for (const close of this.#closers) await close();
    await this.store.close();
    await this.backend.close();
    await rm(this.dir, { recursive: true, force: true });
  }

  context(extra: Partial<EngineContext> = {}): EngineContext {
    const context: EngineContext = {
      project: {
        name: "proj",
        dir: this.dir,
        file: join(this.dir, "orch.yaml"),
        programDir: this.dir,
        settings: { backend: "sqlite:state.db", pluginMirrors: [], providers: {} },
        defaultConfig: {},
      },
      config: { values: {}, crypter: this.store.crypter },
      store: this.store,
      loaders: [this.world.loader()],
      events: (event) => this.events.push(event),
      orchVersion: "0.0.0",
      runProgram: (options, sink) => this.#run(options, sink),
      ...extra,
    };
    this.#closers.push(() => closeEngine(context));
    return context;
  }

  plan(options: Partial<PlanOptions> = {}, extra: Partial<EngineContext> = {}): Promise<Plan> {
    return plan(this.context(extra), { kind: "apply", ...options });
  }

  /** Plans and applies in one go, as `orch apply` does. */
  async apply(
    options: Partial<PlanOptions> & { continueOnError?: boolean; runProgram?: boolean } = {},
    extra: Partial<EngineContext> = {},
  ): Promise<ApplyResult> {
    const context = this.context(extra);
    const { continueOnError = false, runProgram = false, ...rest } = options;
    return apply(context, await plan(context, { kind: "apply", ...rest }), { continueOnError, runProgram });
  }

  applyPlan(made: Plan, extra: Partial<EngineContext> = {}): Promise<ApplyResult> {
    return apply(this.context(extra), made, { continueOnError: false });
  }

  drift(extra: Partial<EngineContext> = {}): Promise<DriftReport> {
    return drift(this.context(extra));
  }

  async rows(): Promise<readonly ResourceState[]> {
    return (await this.store.snapshot()).resources;
  }

  /** The state in a line per row: `test:index:Thing a id-1 {size: 1}`. */
  async stateText(): Promise<string> {
    const rows = (await this.rows()).filter(
      (row) => row.type !== rootStackType && !row.type.startsWith("pulumi:providers:"),
    );
    return rows
      .map(
        (row) =>
          `${row.type} ${row.name}${row.deposed ? " (deposed)" : ""} ${row.id ?? "-"} ${JSON.stringify(row.inputs)}`,
      )
      .join("\n");
  }

  /** For a context: this program, whatever `body` is by then. */
  programOf(body: ProgramBody): Pick<EngineContext, "runProgram"> {
    return { runProgram: (options, sink) => this.#run(options, sink, body) };
  }

  async #run(
    options: ProgramOptions,
    sink: ProgramSink,
    body = this.body,
  ): ReturnType<NonNullable<EngineContext["runProgram"]>> {
    this.runs++;
    const resources: Resource[] = [];
    let stackOutputs: PropertyMap = {};
    const register = async (resource: Resource): Promise<Handle> => {
      resources.push(resource);
      return handle(resource.urn, options.dryRun, await sink.register(resource));
    };
    const root = await register(
      bare(makeUrn("dev", "proj", undefined, rootStackType, "proj-dev"), false, {}),
    );
    let defaultProvider: Promise<Handle> | undefined;
    const providerOf = (explicit: Handle | undefined): Promise<Handle> => {
      if (explicit) return Promise.resolve(explicit);
      defaultProvider ??= register({
        ...bare(makeUrn("dev", "proj", undefined, "pulumi:providers:test", "default_1_0_0"), true, {}),
        package: { name: "test", version: "1.0.0" },
      });
      return defaultProvider;
    };
    const described = (
      type: string,
      name: string,
      custom: boolean,
      inputs: PropertyMap,
      { parent, provider: _, dependsOn = [], uses = {}, aliases = [], ...rest }: Options,
    ): Resource => {
      const above = parent?.urn ?? root.urn;
      const urn = makeUrn("dev", "proj", above, type, name);
      const propertyDependencies = Object.fromEntries(
        Object.entries(uses).map(([key, hs]) => [key, hs.map((h) => h.urn)]),
      );
      const dependencies = [
        ...new Set([...dependsOn.map((h) => h.urn), ...Object.values(propertyDependencies).flat()]),
      ];
      return {
        ...bare(urn, custom, inputs),
        parent: above,
        dependencies,
        propertyDependencies,
        aliases: aliases.map((alias) => makeUrn("dev", "proj", above, type, alias)),
        options: rest,
      };
    };
    const program: Program = {
      dryRun: options.dryRun,
      resource: async (type, name, inputs = {}, opts = {}) => {
        const provider = await providerOf(opts.provider);
        return register({ ...described(full(type), name, true, inputs, opts), provider: provider.urn });
      },
      component: (name, inputs = {}, opts = {}) =>
        register(described("test:index:Group", name, false, inputs, opts)),
      provider: (name, inputs = {}) =>
        register({
          ...described("pulumi:providers:test", name, true, inputs, {}),
          package: { name: "test", version: "1.0.0" },
        }),
      outputs: (h, outputs) => sink.registerOutputs(h.urn, outputs),
      get: async (type, name, id) => {
        const provider = await providerOf(undefined);
        const resource = { ...described(full(type), name, true, {}, {}), provider: provider.urn };
        resources.push(resource);
        return handle(resource.urn, options.dryRun, await sink.read({ ...resource, id, options: {} }));
      },
      invoke: async (token, args) => {
        const provider = await providerOf(undefined);
        return sink.invoke({ token, args, provider: provider.urn, package: { name: "test" }, dependsOn: [] });
      },
    };
    const returned = await body(program);
    stackOutputs =
      typeof returned === "object" && returned !== null && !("urn" in returned)
        ? (returned as PropertyMap)
        : {};
    await sink.registerOutputs(root.urn, stackOutputs);
    return { resources, outputs: stackOutputs, needsProgram: false, files: [] };
  }
}

const full = (type: string): string => (type.includes(":") ? type : `test:index:${type}`);

function bare(urn: Urn, custom: boolean, inputs: PropertyMap): Resource {
  const { type, name } = parseUrn(urn);
  return {
    urn,
    type,
    name,
    custom,
    inputs,
    dependencies: [],
    propertyDependencies: {},
    aliases: [],
    options: {},
  };
}

function handle(
  urn: Urn,
  dryRun: boolean,
  answer: { id?: Value; outputs: PropertyMap; failed?: boolean; unknown?: boolean },
): Handle {
  return {
    urn,
    id: answer.id ?? null,
    outputs: answer.outputs,
    failed: answer.failed ?? false,
    get: (name) => {
      const value = answer.outputs[name];
      if (value !== undefined && !isUnknown(value)) return value;
      if (dryRun || answer.unknown) return unknown;
      throw new Error(`${urn} has no output ${name}`);
    },
  };
}

const opened: Lifecycle[] = [];
afterEach(async () => {
  for (const lifecycle of opened.splice(0)) await lifecycle.close();
});
