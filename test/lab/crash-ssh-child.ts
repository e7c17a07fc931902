/**
 * What is killed: plans and applies files on a machine behind a real sshd, with real state on disk. Its task comes as JSON in the first argument. Run by Node itself, on
 * the compiled packages.
 */
import { apply, closeEngine, plan } from "@orch/core/engine";
import type { EngineContext } from "@orch/core/engine-contract";
import { hasChanges } from "@orch/core/model/plan";
import type { Resource } from "@orch/core/model/resource";
import { makeUrn, rootStackType } from "@orch/core/model/urn";
import type { PropertyMap } from "@orch/core/model/value";
import type { RunProgram } from "@orch/core/program/contract";
import { createCrypter, openSqliteBackend } from "@orch/core/state/index";
import { loadersFor } from "@orch/providers/loaders";
import { type Death, deadly, deathAt } from "../crash/deadly.ts";

export interface SshTask {
  /** Of the state. */
  readonly dir: string;
  /** On the far side. */
  readonly folder: string;
  /** Of the provider. */
  readonly connection: PropertyMap;
  /** 0: destroy. */
  readonly version: 0 | 1 | 2;
  readonly kill?: Death;
}
export interface SshReport {
  readonly outcome: string;
  readonly boundaries: number;
  readonly rows: readonly {
    readonly name: string;
    readonly id?: string;
    readonly inputs: PropertyMap;
    readonly deposed: boolean;
  }[];
  readonly open: number;
  /** A plan made afterwards has something to do. */
  readonly changes: boolean;
}

const task = JSON.parse(process.argv[2] as string) as SshTask;
const { folder, version, connection } = task;

/** A file that stays, one that is changed, one that moves (a replace), one that goes, one that comes, and one in a folder that does. */
const runProgram: RunProgram = async (_, sink) => {
  const resources: Resource[] = [];
  const register = async (
    type: string,
    name: string,
    inputs: PropertyMap,
    more: Partial<Resource> = {},
  ): Promise<string> => {
    const urn = makeUrn("dev", "crash", undefined, type, name);
    const resource: Resource = {
      urn,
      type,
      name,
      custom: type !== rootStackType,
      inputs,
      dependencies: [],
      propertyDependencies: {},
      aliases: [],
      options: {},
      ...more,
    };
    resources.push(resource);
    await sink.register(resource);
    return urn;
  };
  await register(rootStackType, "crash-dev", {});
  const provider = await register(
    "pulumi:providers:host",
    "far",
    { connection },
    { package: { name: "host" } },
  );
  const second = version === 2;
  const make = (type: string, name: string, inputs: PropertyMap, dependencies: readonly string[]) =>
    register(`host:index:${type}`, name, inputs, { provider, dependencies });
  const site = await make("Directory", "site", { path: folder }, []);
  const file = (name: string, content: string, path = name, needs: readonly string[] = []) =>
    make("File", name, { path: `${folder}/${path}`, content }, [site, ...needs]);
  await file("stays", "1");
  const changed = await file("changed", second ? "2" : "1");
  await file("moves", "1", second ? "moved" : "moves", [changed]);
  if (!second) await file("goes", "1");
  else {
    const inner = await make("Directory", "inner", { path: `${folder}/inner` }, [site]);
    await file("comes", "x".repeat(100_000), "inner/comes", [inner]);
  }
  return { resources, outputs: {}, needsProgram: false, files: [] };
};

const death = deathAt(task.kill);
const backend = deadly(await openSqliteBackend(`${task.dir}/state.db`), death.around);
if ((await backend.listStacks("crash")).length === 0) await backend.createStack("crash", "dev");
const store = await backend.openStack("crash", "dev", createCrypter(Buffer.alloc(32, 7)));
const project: EngineContext["project"] = {
  name: "crash",
  dir: task.dir,
  file: `${task.dir}/orch.yaml`,
  programDir: task.dir,
  settings: { backend: "sqlite:state.db", pluginMirrors: [], providers: {} },
  defaultConfig: {},
};
const context: EngineContext = {
  project,
  config: { values: {}, crypter: store.crypter },
  store,
  loaders: loadersFor(project),
  events: () => undefined,
  orchVersion: "0.0.0",
  runProgram,
};
const kind = version === 0 ? "destroy" : "apply";
const { outcome, failed } = await apply(context, await plan(context, { kind, complete: true }), {
  continueOnError: false,
});
const again = await plan(context, { kind, refresh: true });
const { resources, unfinished } = await store.snapshot();
const report: SshReport = {
  outcome: [outcome, ...failed.map(({ failure }) => failure.message)].join(": "),
  boundaries: death.count,
  rows: resources
    .filter(({ type }) => type.startsWith("host:"))
    .map(({ name, id, inputs, deposed }) => ({
      name,
      ...(id === undefined ? {} : { id }),
      inputs,
      deposed: deposed !== undefined,
    })),
  open: unfinished.length,
  changes: hasChanges(again),
};
await closeEngine(context);
await store.close();
await backend.close();
process.stdout.write(JSON.stringify(report));
