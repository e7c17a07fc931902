/**
 * Former URNs of a resource. Source: pulumi/pulumi `pkg/resource/deploy/step_generator.go` (generateAliases) and
 * `source_eval.go` (transformAliasForNodeJSCompat).
 */
import type { Alias } from "../../model/resource.js";
import { makeUrn, parseUrn, rootStackType, type Urn } from "../../model/urn.js";
import type { ResourceMessages } from "../services.js";

export interface Aliased {
  readonly stack: string;
  readonly project: string;
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
  readonly parent: Urn | undefined;
  /** Of the parent, already expanded. */
  readonly parentAliases: readonly Urn[];
}

/** The request's aliases; both lists of the protocol, and the mistakes of older Node SDKs put right. */
export function readAliases(request: ResourceMessages.RegisterResourceRequest): Alias[] {
  const aliases: Alias[] = request.getAliasurnsList().map((urn) => ({ urn }));
  // Older SDKs sent "no parent" as an empty parent, and the other way round.
  const swapped = !request.getAliasspecs();
  for (const alias of request.getAliasesList()) {
    const spec = alias.getSpec();
    if (spec === undefined) {
      aliases.push({ urn: alias.getUrn() });
      continue;
    }
    let parent: Urn | null | undefined = spec.getParenturn() || undefined;
    if (parent === undefined && spec.getNoparent() !== swapped) parent = null;
    aliases.push({
      name: spec.getName(),
      type: spec.getType(),
      stack: spec.getStack(),
      project: spec.getProject(),
      parent,
    });
  }
  return aliases;
}

/**
 * Every URN the resource may have had: its own aliases, then each alias of its parent with its present and with each of its
 * former names and types. Most likely first, without the present URN. Throws a TypeError on something that is not a URN.
 */
export function expandAliases(aliases: readonly Alias[], of: Aliased): Urn[] {
  if (aliases.length === 0 && of.parentAliases.length === 0) return [];
  const own = aliases.map((alias) => aliasUrn(alias, of));
  const found = new Set(own);
  for (const parentAlias of of.parentAliases) {
    found.add(underParent(of.type, of.name, parentAlias, of));
    for (const urn of own) {
      const { type, name } = parseUrn(urn);
      found.add(underParent(type, name, parentAlias, of));
    }
  }
  found.delete(of.urn);
  return [...found];
}

function aliasUrn(alias: Alias, of: Aliased): Urn {
  if ("urn" in alias) {
    parseUrn(alias.urn);
    return alias.urn;
  }
  const parent = alias.parent === undefined ? of.parent : (alias.parent ?? undefined);
  return makeUrn(
    alias.stack || of.stack,
    alias.project || of.project,
    parent,
    alias.type || of.type,
    alias.name || of.name,
  );
}

/** Children are often named after their parent (`app` → `app-role`): then the former name follows the parent's former name. */
function underParent(type: string, name: string, parentAlias: Urn, of: Aliased): Urn {
  const parentName = of.parent === undefined ? "" : parseUrn(of.parent).name;
  const alias = parseUrn(parentAlias);
  const renamed =
    parentName !== "" && name.startsWith(parentName) ? alias.name + name.slice(parentName.length) : name;
  const isRoot = alias.qualifiedType === rootStackType;
  return makeUrn(of.stack, of.project, isRoot ? undefined : parentAlias, type, renamed);
}
