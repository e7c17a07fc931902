/** Objects that are there and that the state does not know, by the project's rules. */
import { Limit } from "../graph/limit.js";
import { type Failure, fail, toFailure } from "../model/failure.js";
import { fits } from "../model/pattern.js";
import type { ResourceState } from "../model/resource.js";
import { isProviderType, packageOf, type Urn } from "../model/urn.js";
import { equal, type PropertyMap } from "../model/value.js";
import type { UnmanagedRule } from "../project/drift-rules.js";
import type { ListedObject } from "../provider/contract.js";
import type { ProviderRegistry } from "../provider/registry.js";

/** What one rule found with one provider. */
export interface Unmanaged {
  readonly rule: UnmanagedRule;
  readonly provider: Urn;
  /** Objects within the scope, managed or not. */
  readonly listed: number;
  /** Left out by the rule's `ignore`. */
  readonly ignored: number;
  readonly objects: readonly ListedObject[];
}

export interface UnmanagedSearch {
  readonly rules: readonly UnmanagedRule[];
  readonly rows: readonly ResourceState[];
  readonly registry: ProviderRegistry;
  readonly parallel: number;
  readonly signal?: AbortSignal;
}

/** Never rejects: what can't be listed is a failure beside the others. After an abort the rest is missing. */
export async function findUnmanaged({ rules, rows, registry, parallel, signal }: UnmanagedSearch): Promise<{
  readonly found: readonly Unmanaged[];
  readonly failures: readonly Failure[];
}> {
  const limit = new Limit(parallel);
  const failures: Failure[] = [];
  const searches = rules.map(async (rule): Promise<readonly (Unmanaged | undefined)[]> => {
    try {
      return await Promise.all(
        systemsOf(rule, rows).map((system) =>
          limit.run(async () => {
            if (signal?.aborted) return undefined;
            try {
              return await search(rule, system, registry, signal);
            } catch (error) {
              if (!signal?.aborted) failures.push(aboutRule(rule, system, toFailure(error)));
              return undefined;
            }
          }),
        ),
      );
    } catch (error) {
      failures.push(toFailure(error));
      return [];
    }
  });
  const found = (await Promise.all(searches)).flat().filter((one) => one !== undefined);
  return { found, failures };
}

/** A configured provider, and the ids of its objects by type. Providers with one configuration (of several versions) are one system. */
interface System {
  readonly provider: ResourceState;
  readonly known: ReadonlySet<string>;
}

function systemsOf(rule: UnmanagedRule, rows: readonly ResourceState[]): readonly System[] {
  const name = packageOf(rule.type);
  const providers = rows.filter(
    (row) => isProviderType(row.type) && packageOf(row.type) === name && row.deposed === undefined,
  );
  const wanted = providers.filter((row) => rule.provider === undefined || row.name === rule.provider);
  if (wanted.length === 0) {
    return fail({
      reason: "provider-config",
      message: `A rule for unmanaged objects asks for ${rule.type}, and this stack has no such provider to ask`,
      source: rule.source,
      expected:
        rule.provider === undefined
          ? `a provider of the package ${name}`
          : `a provider ${name} named ${rule.provider}`,
      found: providers.map((row) => row.name).join(", ") || "none",
      next: ["Correct the rule's type or provider in the project file."],
    });
  }
  const systems: { provider: ResourceState; all: ResourceState[] }[] = [];
  for (const provider of wanted) {
    if (systems.some((system) => sameSystem(system.provider, provider))) continue;
    systems.push({ provider, all: providers.filter((other) => sameSystem(other, provider)) });
  }
  return systems.map(({ provider, all }) => {
    const urns = new Set(all.map(({ urn }) => urn));
    const own = rows.filter((row) => row.type === rule.type && urns.has(row.provider ?? ""));
    return { provider, known: new Set(own.map(({ id }) => id).filter((id) => id !== undefined)) };
  });
}

const sameSystem = (a: ResourceState, b: ResourceState): boolean => equal(settings(a), settings(b));
/** What the SDK adds to a provider's own configuration is not about where it points. */
function settings({ inputs }: ResourceState): PropertyMap {
  const { version: _version, pluginDownloadURL: _url, ...own } = inputs;
  return own;
}

async function search(
  rule: UnmanagedRule,
  { provider: row, known }: System,
  registry: ProviderRegistry,
  signal: AbortSignal | undefined,
): Promise<Unmanaged> {
  const { provider } = await registry.fromState(row);
  if (provider.list === undefined || provider.listTypes?.has(rule.type) === false) {
    return fail({
      reason: "unsupported",
      message: `The objects of ${rule.type} can't be listed`,
      expected: [...(provider.listTypes ?? [])].join(", ") || "a provider that lists",
      found: rule.type,
      next: ["Take the rule out of the project file, or ask for a type that can be listed."],
    });
  }
  let listed = 0;
  let ignored = 0;
  const objects: ListedObject[] = [];
  const request = {
    type: rule.type,
    ...(rule.scope ? { scope: rule.scope as PropertyMap } : {}),
    ...(signal ? { signal } : {}),
  };
  for await (const object of provider.list(request)) {
    listed++;
    if (known.has(object.id)) continue;
    const names = object.title === undefined ? [object.id] : [object.id, object.title];
    if (rule.ignore.some((pattern) => names.some((name) => fits(pattern, name)))) ignored++;
    else objects.push(object);
  }
  return { rule, provider: row.urn, listed, ignored, objects };
}

const aboutRule = (rule: UnmanagedRule, { provider }: System, failure: Failure): Failure => ({
  ...failure,
  message: `What nobody manages of ${rule.type} could not be found out: ${failure.message}`,
  urn: failure.urn ?? provider.urn,
  source: failure.source ?? rule.source,
});
