/** The crash suite's program, in two versions: what is made, and what becomes of it. */
import type { Resource, ResourceOptions } from "@orch/core/model/resource";
import { makeUrn, parseUrn, rootStackType, type Urn } from "@orch/core/model/urn";
import { isUnknown, type PropertyMap, Secret, unknown, type Value } from "@orch/core/model/value";
import type { RegistrationAnswer, RunProgram } from "@orch/core/program/contract";
import { kinds, typeOf } from "./provider.js";

interface Made {
  readonly urn: Urn;
  readonly failed: boolean;
  get(output: string): Value;
}

interface Options extends ResourceOptions {
  readonly parent?: Made;
  readonly provider?: Made;
  readonly dependsOn?: readonly Made[];
  /** Former names. */
  readonly was?: string;
}

interface Program {
  resource(
    type: string,
    name: string,
    inputs: Record<string, Value | From>,
    options?: Options,
  ): Promise<Made>;
  component(name: string, outputs: (inside: Made) => Promise<PropertyMap>): Promise<Made>;
  provider(name: string, region: Value): Promise<Made>;
}

/** An input that is another resource's output. */
class From {
  constructor(
    readonly made: Made,
    readonly output: string,
  ) {}
}

/**
 * For every way of being found again: one that stays, one that is changed, both orders of replacing, one that goes, one that comes, one that uses what changes, one
 * that is renamed and changed, one that is renamed and replaced. Then components, a replaced provider, and dependents that must be replaced with what they stand on.
 */
async function body(program: Program, version: 1 | 2): Promise<PropertyMap> {
  const second = version === 2;
  const size = second ? 2 : 1;
  const shape = second ? "square" : "round";
  const outputs: Record<string, Value> = {};
  await Promise.all(
    Object.keys(kinds).map(async (kind) => {
      const type = typeOf(kind);
      const make = (name: string, inputs: Record<string, Value | From>, options?: Options) =>
        program.resource(type, `${kind}-${name}`, inputs, options);
      await make("stays", { size: 1 });
      const changed = await make("changed", { size, password: new Secret(`secret-${version}`) });
      const after = await make("replaced", { size: 1, kind: shape });
      await make("replaced-first", { size: 1, kind: shape }, { deleteBeforeReplace: true });
      if (!second) await make("goes", { size: 1 });
      else await make("comes", { size: 1, of: new From(changed, "stamp") });
      await make("uses", {
        size: 1,
        of: new From(changed, "stamp"),
        where: new From(after, "address"),
      });
      if (second) await make("renamed", { size }, { was: `${kind}-was` });
      else await make("was", { size });
      outputs[kind] = changed.failed ? null : changed.get("stamp");
    }),
  );
  for (const kind of ["Token", "Plain"]) {
    // What it stands on is deleted first, so it is too.
    const base = await program.resource(
      typeOf(kind),
      `${kind}-base`,
      { kind: shape },
      { deleteBeforeReplace: true },
    );
    await program.resource(typeOf(kind), `${kind}-stands`, { host: new From(base, "address") });
    if (second)
      await program.resource(typeOf(kind), `${kind}-new-name`, { kind: shape }, { was: `${kind}-old-name` });
    else await program.resource(typeOf(kind), `${kind}-old-name`, { kind: shape });
  }
  const region = await program.provider("region", second ? "north" : "south");
  await program.resource(typeOf("Token"), "elsewhere", { size: 1 }, { provider: region });
  await program.resource(typeOf("Listed"), "elsewhere-too", { size: 1 }, { provider: region });
  // Looks as if it had to be replaced until the value is known.
  const known = await program.resource(typeOf("Token"), "known", { size: second ? 3 : 1, same: 7 });
  await program.resource(typeOf("Token"), "same-after-all", { kind: new From(known, "same") });
  const group = await program.component("group", async (inside) => {
    const one = await program.resource(typeOf("Unique"), "one", { size }, { parent: inside });
    const nested = await program.resource(
      typeOf("Token"),
      "two",
      { of: new From(one, "stamp") },
      { parent: inside, dependsOn: [one] },
    );
    return { stamp: one.get("stamp"), address: nested.get("address") };
  });
  if (second) await program.component("late-group", async () => ({ fixed: "yes" }));
  return { ...outputs, group: group.urn };
}

/** Runs it within the process that plans and applies: what is killed here is the engine. */
export function runVersion(version: 1 | 2): RunProgram {
  return async (options, sink) => {
    const resources: Resource[] = [];
    const register = async (resource: Resource): Promise<Made> => {
      resources.push(resource);
      return madeOf(resource.urn, options.dryRun, await sink.register(resource));
    };
    const root = await register(bare(makeUrn("dev", "crash", undefined, rootStackType, "crash-dev"), false));
    let byDefault: Promise<Made> | undefined;
    const providerOf = (): Promise<Made> => {
      byDefault ??= register({
        ...bare(makeUrn("dev", "crash", undefined, "pulumi:providers:store", "default"), true),
        package: { name: "store", version: "1.0.0" },
      });
      return byDefault;
    };
    const described = (type: string, name: string, options: Options = {}): Resource => {
      const { parent, provider: _, dependsOn = [], was, ...rest } = options;
      const above = parent?.urn ?? root.urn;
      return {
        ...bare(makeUrn("dev", "crash", above, type, name), true),
        parent: above,
        dependencies: dependsOn.map(({ urn }) => urn),
        aliases: was === undefined ? [] : [makeUrn("dev", "crash", above, type, was)],
        options: rest,
      };
    };
    const program: Program = {
      async resource(type, name, given, more = {}) {
        const provider = more.provider ?? (await providerOf());
        const from = Object.entries(given).filter(
          (entry): entry is [string, From] => entry[1] instanceof From,
        );
        // What needs something that failed can't be told.
        if (from.some(([, { made }]) => made.failed)) return nothing(root.urn);
        const inputs = Object.fromEntries(
          Object.entries(given).map(([key, value]) => [
            key,
            value instanceof From ? value.made.get(value.output) : value,
          ]),
        );
        const resource = described(type, name, more);
        return register({
          ...resource,
          inputs,
          provider: provider.urn,
          dependencies: [...new Set([...resource.dependencies, ...from.map(([, { made }]) => made.urn)])],
          propertyDependencies: Object.fromEntries(from.map(([key, { made }]) => [key, [made.urn]])),
        });
      },
      async component(name, outputs) {
        const made = await register({ ...described("store:index:Group", name), custom: false });
        await sink.registerOutputs(made.urn, await outputs(made));
        return made;
      },
      provider: (name, region) =>
        register({
          ...described("pulumi:providers:store", name),
          inputs: { region },
          package: { name: "store", version: "1.0.0" },
        }),
    };
    const outputs = await body(program, version);
    await sink.registerOutputs(root.urn, outputs);
    return { resources, outputs, needsProgram: false, files: [] };
  };
}

function bare(urn: Urn, custom: boolean): Resource {
  const { type, name } = parseUrn(urn);
  return {
    urn,
    type,
    name,
    custom,
    inputs: {},
    dependencies: [],
    propertyDependencies: {},
    aliases: [],
    options: {},
  };
}

function madeOf(urn: Urn, dryRun: boolean, answer: RegistrationAnswer): Made {
  return {
    urn,
    failed: answer.failed ?? false,
    get: (name) => {
      const value = answer.outputs[name];
      if (value !== undefined && !isUnknown(value)) return value;
      if (dryRun || answer.failed) return unknown;
      throw new Error(`${urn} has no output ${name}`);
    },
  };
}
const nothing = (urn: Urn): Made => ({ urn, failed: true, get: () => unknown });
