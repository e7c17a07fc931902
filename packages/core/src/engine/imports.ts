/**
 * Taking over objects that exist, without a program: each is read, and what was read, without what goes without saying, stands in for what a program would say.
 * The plan that is made of it is one like any other.
 */
import { randomBytes } from "node:crypto";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import type { EngineContext, ImportObject, ImportOptions } from "../engine-contract.js";
import { type Failure, OrchError, toFailure } from "../model/failure.js";
import { byOrch, type Plan } from "../model/plan.js";
import type { PackageDescriptor, Resource, ResourceState } from "../model/resource.js";
import { makeUrn, packageOf, providerTypePrefix, rootStackType, type Urn } from "../model/urn.js";
import { equal, isArray, isMap, type PropertyMap, reveal, type Value } from "../model/value.js";
import { refuse } from "../plan/plan.js";
import { resourceOf, withoutDefaults } from "../plan/row-resource.js";
import type { ProgramResult, ProgramSink } from "../program/contract.js";
import { defaultProvider, defaultProviderName } from "../program/monitor/packages.js";
import { needsUpdate } from "../provider/diff.js";
import { about } from "../provider/failures.js";
import type { ConfiguredProvider, ProviderRegistry } from "../provider/registry.js";
import { fromProvider } from "../provider/secrets.js";
import { askDiff, check } from "../provider/verbs.js";
import type { Snapshot } from "../state/contract.js";
import { registryOf } from "./providers.js";

/** An object with what was read of it. */
interface Read {
  readonly resource: Resource;
  readonly id: string;
}

/** Registers what is to be imported, and what it needs of the state. Rejects with all that can't be. */
export async function registerImports(
  context: EngineContext,
  registry: ProviderRegistry,
  snapshot: Snapshot,
  options: ImportOptions,
  sink: ProgramSink,
): Promise<ProgramResult> {
  const { store } = context;
  const { project, stack } = store.info;
  const rows = new Map(
    snapshot.resources.flatMap((row) => (row.deposed === undefined ? [[row.urn, row]] : [])),
  );
  const registered: Resource[] = [];
  const register = async (resource: Resource) => {
    registered.push(resource);
    return sink.register(resource);
  };
  const rootUrn = makeUrn(stack, project, undefined, rootStackType, `${project}-${stack}`);
  const root = [...rows.values()].find(({ type }) => type === rootStackType)?.urn ?? rootUrn;
  if (!rows.has(root)) await register(bare(root, rootStackType, `${project}-${stack}`, false));

  const named = nameAll(options.objects, { stack, project, root, rows });
  const providers = new Map<Urn, Promise<ConfiguredProvider>>();
  const use = (resource: Resource): Promise<ConfiguredProvider> => {
    const known = providers.get(resource.urn);
    if (known) return known;
    const configured = register(resource).then(async () => {
      const found = await registry.current(resource.urn);
      // It could not be planned, and the planner tells why.
      if (found === undefined) throw new ProviderFailed();
      return found;
    });
    providers.set(resource.urn, configured);
    return configured;
  };

  const failures: Failure[] = [];
  const reads = await Promise.all(
    named.map(async ({ object, urn, parent }): Promise<Read | undefined> => {
      const { type, name } = object;
      const resource: Resource = { ...bare(urn, type, name, object.component !== true), parent };
      if (object.component) return { resource, id: "" };
      try {
        const provider = await providerOf(context, object, rows);
        const configured = await use(provider);
        const served = { ...resource, provider: provider.urn };
        refuseManaged(served, object.id as string, rows);
        return await readObject(served, object, configured);
      } catch (error) {
        if (!(error instanceof ProviderFailed)) failures.push(about(resource, toFailure(error)));
        return undefined;
      }
    }),
  );
  refuse(failures);
  for (const { resource, id } of connected(reads.filter((read) => read !== undefined)))
    await register({
      ...resource,
      options: {
        ...(options.protect && resource.custom ? { protect: true } : {}),
        ...(resource.custom ? { importId: id } : {}),
      },
    });
  return { resources: registered, outputs: snapshot.outputs, needsProgram: false, files: [] };
}

class ProviderFailed extends Error {}

function bare(urn: Urn, type: string, name: string, custom: boolean): Resource {
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

interface Named {
  readonly object: ImportObject;
  readonly urn: Urn;
  readonly parent: Urn;
}

/** Parents before their children. */
function nameAll(
  objects: readonly ImportObject[],
  where: {
    readonly stack: string;
    readonly project: string;
    readonly root: Urn;
    readonly rows: ReadonlyMap<Urn, ResourceState>;
  },
): readonly Named[] {
  const { stack, project, root, rows } = where;
  const done = new Map<ImportObject, Named>();
  const failures: Failure[] = [];
  const name = (object: ImportObject, below: readonly ImportObject[]): Named | undefined => {
    const known = done.get(object);
    if (known) return known;
    if (below.includes(object)) {
      failures.push({
        reason: "resource-cycle",
        message: `${object.name} (${object.type}) is its own parent.`,
      });
      return undefined;
    }
    const parent =
      object.parent === undefined
        ? root
        : typeof object.parent === "string"
          ? object.parent
          : name(object.parent, [...below, object])?.urn;
    if (parent === undefined) return undefined;
    const made = { object, urn: makeUrn(stack, project, parent, object.type, object.name), parent };
    done.set(object, made);
    return made;
  };
  for (const object of objects) name(object, []);
  const urns = new Set<Urn>();
  for (const { urn, object, parent } of done.values()) {
    const what = `${object.name} (${object.type})`;
    if (urns.has(urn))
      failures.push({ reason: "duplicate-urn", message: `${what} is to be imported twice.`, urn });
    else if (rows.has(urn))
      failures.push({
        reason: "duplicate-urn",
        message: `The stack has a resource ${what} already.`,
        urn,
        next: ["Give the imported one another name."],
      });
    if (parent !== root && !rows.has(parent) && ![...done.values()].some((one) => one.urn === parent))
      failures.push({
        reason: "invalid-flag",
        message: `The parent of ${what} is not there.`,
        urn,
        found: parent,
      });
    urns.add(urn);
  }
  refuse(failures);
  return [...done.values()];
}

/** Two rows of one object would each undo what the other says. */
function refuseManaged(resource: Resource, id: string, rows: ReadonlyMap<Urn, ResourceState>): void {
  const same = [...rows.values()].find(
    (row) =>
      row.type === resource.type && row.id === id && row.provider === resource.provider && !row.external,
  );
  if (same)
    throw new OrchError({
      reason: "duplicate-urn",
      message: `The object ${JSON.stringify(id)} is managed already, as ${same.name}.`,
      urn: resource.urn,
      found: same.urn,
      next: [`If it is to be called ${resource.name}, rename it in the program with the option \`aliases\`.`],
    });
}

/** The provider resource that serves the object: the one that is named, the package's default one of the state, or a new one as a program would make it. */
async function providerOf(
  { config, project, store }: EngineContext,
  object: ImportObject,
  rows: ReadonlyMap<Urn, ResourceState>,
): Promise<Resource> {
  const name = packageOf(object.type);
  const type = `${providerTypePrefix}${name}`;
  if (object.provider !== undefined) {
    const row = rows.get(object.provider);
    if (row === undefined || row.type !== type)
      throw new OrchError({
        reason: "provider-config",
        message: `${object.name} (${object.type}) can't be served by this provider.`,
        expected: `a provider of the package ${name} that is in the state`,
        found: object.provider,
      });
    return resourceOf(row);
  }
  const version = object.version ?? (await installedVersion(project.programDir, name));
  const wanted: PackageDescriptor = {
    name,
    ...(version === undefined ? {} : { version }),
    ...(object.downloadUrl === undefined ? {} : { downloadUrl: object.downloadUrl }),
  };
  const defaults = [...rows.values()].filter((row) => row.type === type && byOrch(row.urn));
  const row =
    defaults.find((one) => one.name === defaultProviderName(wanted)) ??
    (object.version === undefined ? defaults.at(-1) : undefined);
  if (row) return resourceOf(row);
  return defaultProvider(wanted, {
    stack: store.info.stack,
    project: project.name,
    config: Object.fromEntries(Object.entries(config.values).map(([key, { value }]) => [key, value])),
    secretKeys: new Set(Object.entries(config.values).flatMap(([key, { secret }]) => (secret ? [key] : []))),
  });
}

/** Of the package that a program here would use, since its version is what its default provider is named by. */
async function installedVersion(programDir: string, name: string): Promise<string | undefined> {
  const require = createRequire(join(programDir, "program.js"));
  for (const npm of [`@pulumi/${name}`, "@orch/providers"]) {
    try {
      const file = JSON.parse(await readFile(require.resolve(`${npm}/package.json`), "utf8")) as {
        readonly version?: string;
        readonly pulumi?: { readonly version?: string };
        readonly exports?: Readonly<Record<string, unknown>>;
      };
      if (npm === "@orch/providers" && file.exports?.[`./${name}`] === undefined) continue;
      return file.pulumi?.version ?? file.version;
    } catch {
      // Not installed: whatever serves the package tells its version.
    }
  }
  return undefined;
}

async function readObject(
  resource: Resource,
  object: ImportObject,
  configured: ConfiguredProvider,
): Promise<Read> {
  const { provider, traits } = configured;
  const { urn, type, name } = resource;
  const id = object.id as string;
  const { object: found } = await provider.read({ urn, type, name, id, inputs: {}, outputs: {} });
  if (found === undefined)
    throw new OrchError({
      reason: "provider-error",
      message: `There is no ${type} with the id ${JSON.stringify(id)} to import.`,
      urn,
      expected: "an existing object",
      found: "nothing",
      next: ["Check the id, and that the provider's account, region or address is the right one."],
    });
  const read = fromProvider(found.inputs, {}, traits);
  // What a bridged provider filled in, or keeps for itself, is not for a program to say.
  const own = withoutKeys(withoutDefaults(read), (key) => key === "__meta") as PropertyMap;
  const told = Object.fromEntries(Object.entries(own).filter(([, value]) => value !== null));
  const { properties } = object;
  const wanted = properties
    ? Object.fromEntries(Object.entries(told).filter(([key]) => properties.includes(key)))
    : told;
  const missed = properties?.filter((key) => told[key] === undefined) ?? [];
  if (missed.length > 0)
    throw new OrchError({
      reason: "invalid-property",
      message: `The object ${JSON.stringify(id)} has no ${missed.join(", ")}.`,
      urn,
      expected: Object.keys(told).join(", "),
    });
  if (Object.keys(found.inputs).length === 0)
    throw new OrchError({
      reason: "unsupported",
      message: `The provider does not tell what ${name} (${type}) would be in a program.`,
      urn,
      expected: "the object's inputs",
      found: "none",
      next: [`Write it into the program yourself, with the option \`import: ${JSON.stringify(id)}\`.`],
    });
  const prior: ResourceState = {
    urn,
    type,
    name,
    custom: true,
    id: found.id,
    inputs: read,
    outputs: fromProvider(found.outputs, read, traits),
    dependencies: [],
    propertyDependencies: {},
    options: {},
  };
  return { resource: { ...resource, inputs: await withoutSaying(configured, resource, prior, wanted) }, id };
}

/**
 * Only what a program has to say: without the properties that the provider fills in by itself in the same way, and without empty ones that mean nothing to it.
 * Names stay, although a generated name would do: the object has this one.
 */
async function withoutSaying(
  configured: ConfiguredProvider,
  resource: Resource,
  prior: ResourceState,
  inputs: PropertyMap,
): Promise<PropertyMap> {
  const seed = randomBytes(32);
  const checked = (some: PropertyMap) => check(configured, resource, some, undefined, seed);
  const whole = await checked(inputs);
  let kept = inputs;
  for (const key of Object.keys(inputs)) {
    const { [key]: value, ...rest } = kept;
    const less = await checked(rest).catch(() => undefined);
    if (less === undefined) continue;
    const bySelf = equal(withoutMarks(less), withoutMarks(whole));
    const empty = isEmpty(value as Value) && !needsUpdate(await askDiff(configured, resource, prior, less));
    if (bySelf || empty) kept = rest;
  }
  return kept;
}

/** What is only noted about other properties (`__defaults` of a bridged provider) says nothing of the object. */
const withoutMarks = (inputs: PropertyMap): PropertyMap =>
  withoutKeys(inputs, (key) => key.startsWith("__")) as PropertyMap;

function withoutKeys(value: Value, unwanted: (key: string) => boolean): Value {
  if (isArray(value)) return value.map((item) => withoutKeys(item, unwanted));
  if (!isMap(value)) return value;
  return Object.fromEntries(
    Object.entries(value).flatMap(([key, item]) =>
      unwanted(key) ? [] : [[key, withoutKeys(item, unwanted)]],
    ),
  );
}

function isEmpty(value: Value): boolean {
  const plain = reveal(value);
  if (plain === null || plain === "" || plain === false) return true;
  return isArray(plain) ? plain.length === 0 : isMap(plain) && Object.keys(plain).length === 0;
}

/** Shorter ones are too alike to say that one means the other. */
const shortestId = 6;

/**
 * In an order in which each comes after those that its inputs name by their ids, with that told as a dependency. Only where there is no doubt: the id belongs
 * to one of the imported objects alone, and is the whole of a text.
 */
function connected(reads: readonly Read[]): readonly Read[] {
  const ids = new Map<string, Read[]>();
  for (const read of reads) if (read.resource.custom) ids.set(read.id, [...(ids.get(read.id) ?? []), read]);
  const out: Read[] = [];
  const placed = new Map<Read, Resource>();
  const open = new Set<Read>();
  const place = (read: Read): void => {
    if (placed.has(read) || open.has(read)) return;
    open.add(read);
    const uses: Record<string, Urn[]> = {};
    for (const [key, value] of Object.entries(read.resource.inputs)) {
      const found = new Set<Urn>();
      for (const text of textsIn(value)) {
        const [other, ...more] = ids.get(text) ?? [];
        if (other === undefined || more.length > 0 || other === read || text.length < shortestId) continue;
        place(other);
        // One that needs this one itself can't come before it.
        if (placed.has(other)) found.add(other.resource.urn);
      }
      if (found.size > 0) uses[key] = [...found];
    }
    const { parent } = read.resource;
    const above = reads.find(({ resource }) => resource.urn === parent);
    if (above) place(above);
    open.delete(read);
    const resource: Resource = {
      ...read.resource,
      propertyDependencies: uses,
      dependencies: [...new Set(Object.values(uses).flat())],
    };
    placed.set(read, resource);
    out.push({ ...read, resource });
  };
  for (const read of reads) place(read);
  return out;
}

/** A secret is never named by something that is shown. */
function textsIn(value: Value): readonly string[] {
  if (typeof value === "string") return [value];
  if (isArray(value)) return value.flatMap(textsIn);
  return isMap(value) ? Object.values(value).flatMap(textsIn) : [];
}

/**
 * Package → module of a token → the path that the package's SDK for Node has its classes at, where its schema tells and the two are not alike. Source:
 * pulumi/pulumi `pkg/codegen/nodejs/importer.go` (`moduleToPackage`).
 */
export async function modulesOf(
  context: EngineContext,
  { steps }: Pick<Plan, "steps">,
  packages: readonly string[],
): Promise<ReadonlyMap<string, Readonly<Record<string, string>>>> {
  const registry = registryOf(context);
  const found = new Map<string, Readonly<Record<string, string>>>();
  for (const name of packages) {
    const step = steps.find((one) => one.op === "import" && packageOf(one.resource.type) === name);
    const provider = step?.op === "import" ? step.resource.provider : undefined;
    // Asked only where a token's module is not the path as it stands: schemas of large packages are large.
    const plain =
      step === undefined ||
      !steps.some(
        (one) =>
          one.op === "import" &&
          packageOf(one.resource.type) === name &&
          one.resource.type.split(":")[1]?.includes("."),
      );
    if (provider === undefined || plain) continue;
    const current = await registry.current(provider);
    const text = await current?.provider.getSchema?.().catch(() => undefined);
    const schema =
      text === undefined
        ? undefined
        : (JSON.parse(text) as { language?: { nodejs?: { moduleToPackage?: Record<string, string> } } });
    const modules = schema?.language?.nodejs?.moduleToPackage;
    if (modules) found.set(name, modules);
  }
  return found;
}
