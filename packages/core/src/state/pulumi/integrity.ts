/** Does a checkpoint hold together? What Pulumi's engine demands of its snapshots (pulumi/pulumi `pkg/resource/deploy/snapshot.go`, VerifyIntegrity). */
import type { Failure } from "../../model/failure.js";
import { isProviderType, parseProviderRef, parseUrn, type Urn } from "../../model/urn.js";
import type { StackInfo } from "../contract.js";
import type { CheckpointResource } from "./checkpoint.js";

/** Everything that is wrong, in the order of the file. */
export function brokenParts(resources: readonly CheckpointResource[], stack: StackInfo): Failure[] {
  const failures: Failure[] = [];
  const live = new Map<Urn, number>();
  const all = new Set<Urn>();
  const providers = new Set<string>();
  for (const [i, { urn, id, type, delete: pending }] of resources.entries()) {
    all.add(urn);
    if (isProviderType(type)) providers.add(`${urn}::${id}`);
    if (!pending && !live.has(urn)) live.set(urn, i);
  }
  for (const [i, given] of resources.entries()) {
    const { urn } = given;
    const add = (field: string, message: string, expected: string, found: string): void => {
      const path = `deployment.resources[${i}].${field}`;
      failures.push({ reason: "checkpoint-invalid", message, urn, path, expected, found });
    };
    const parts = partsOf(urn);
    if (parts === undefined) {
      add("urn", "It is no URN.", "urn:pulumi:STACK::PROJECT::TYPE::NAME", urn);
      continue;
    }
    if (parts.stack !== stack.stack || parts.project !== stack.project)
      add(
        "urn",
        "It belongs to another stack.",
        `${stack.project}/${stack.stack}`,
        `${parts.project}/${parts.stack}`,
      );
    if (parts.type !== given.type)
      add("type", "It is not the type that its URN names.", parts.type, given.type);
    if (!given.delete && live.get(urn) !== i)
      add("urn", "Two resources have this URN.", "one of them", `deployment.resources[${live.get(urn)}] too`);
    if (given.custom && !given.id)
      add("id", "An object that a provider made has no id.", "an id, or `custom: false`", "none");
    if (!given.custom && given.id) add("id", "A component has an id.", "none, or `custom: true`", given.id);
    const there = (field: string, of: Urn): void => {
      if (!all.has(of)) add(field, "It names a resource that is not in the file.", "one that is", of);
    };
    if (given.parent) there("parent", given.parent);
    for (const urn of given.dependencies ?? []) there("dependencies", urn);
    for (const [key, urns] of Object.entries(given.propertyDependencies ?? {}))
      for (const urn of urns ?? []) there(`propertyDependencies.${key}`, urn);
    if (given.provider) {
      const ref = parseProviderRef(given.provider);
      if (!isProviderType(partsOf(ref.urn)?.type ?? ""))
        add("provider", "It is no reference to a provider.", "URN::ID of a provider", given.provider);
      else if (!providers.has(given.provider))
        add("provider", "Its provider is not in the file.", "URN::ID of one that is", given.provider);
    } else if (given.custom && !isProviderType(given.type) && !isBuiltin(given.type)) {
      add("provider", "No provider is named that made it.", "URN::ID of a provider", "none");
    }
  }
  return failures.length > 0 ? failures : cycles(resources, live);
}

/** Stack references and the like: Pulumi's engine serves them itself. */
const isBuiltin = (type: string): boolean => type.startsWith("pulumi:pulumi:");

function partsOf(urn: string): ReturnType<typeof parseUrn> | undefined {
  try {
    return parseUrn(urn);
  } catch {
    return undefined;
  }
}

/** Resources that stand on each other in a circle, each circle once. */
function cycles(resources: readonly CheckpointResource[], live: ReadonlyMap<Urn, number>): Failure[] {
  const failures: Failure[] = [];
  const done = new Set<number>();
  for (const start of live.values()) {
    const path: { at: number; next: number[] }[] = [];
    const on = new Map<number, number>();
    const enter = (at: number): void => {
      on.set(at, path.length);
      path.push({ at, next: needed(resources[at] as CheckpointResource, live) });
    };
    if (!done.has(start)) enter(start);
    for (let frame = path.at(-1); frame !== undefined; frame = path.at(-1)) {
      const next = frame.next.pop();
      if (next === undefined) {
        path.pop();
        on.delete(frame.at);
        done.add(frame.at);
      } else if (on.has(next)) {
        const circle = path.slice(on.get(next)).map(({ at }) => (resources[at] as CheckpointResource).urn);
        failures.push({
          reason: "checkpoint-invalid",
          message: "Resources need each other in a circle.",
          urn: circle[0] as Urn,
          path: `deployment.resources[${next}]`,
          expected: "parents, providers and dependencies without a circle",
          found: [...circle, circle[0]].join(" → "),
        });
      } else if (!done.has(next)) enter(next);
    }
  }
  return failures;
}

function needed(given: CheckpointResource, live: ReadonlyMap<Urn, number>): number[] {
  const urns = [
    given.parent,
    ...(given.dependencies ?? []),
    ...Object.values(given.propertyDependencies ?? {}).flatMap((u) => u ?? []),
  ];
  if (given.provider) urns.push(parseProviderRef(given.provider).urn);
  return [...new Set(urns)].flatMap((urn) => (urn === undefined ? [] : (live.get(urn) ?? [])));
}
