/** Resources of the state as a tree, and one in full. */
import { OrchError } from "@orch/core/model/failure";
import { byOrch } from "@orch/core/model/plan";
import type { ResourceState } from "@orch/core/model/resource";
import type { Urn } from "@orch/core/model/urn";
import { type PropertyMap, reveal } from "@orch/core/model/value";
import { didYouMean } from "@orch/core/state/closest";
import { shortType, shortUrn } from "./names.js";
import { properties } from "./plan.js";
import { timestamp, visible } from "./text.js";
import type { Theme } from "./theme.js";

export const shownResources = (resources: readonly ResourceState[], all: boolean): ResourceState[] =>
  resources.filter(({ urn }) => all || !byOrch(urn));

/** One line per resource, children indented below their parent where the parent is shown. */
export function stateTree(resources: readonly ResourceState[], theme: Theme): string[] {
  const shown = new Set(resources.map(({ urn }) => urn));
  const children = new Map<Urn | undefined, ResourceState[]>();
  for (const resource of resources) {
    const parent = resource.parent !== undefined && shown.has(resource.parent) ? resource.parent : undefined;
    const list = children.get(parent);
    if (list === undefined) children.set(parent, [resource]);
    else list.push(resource);
  }
  const lines: string[] = [];
  // With a stack of its own: components may be nested deeper than calls may.
  const todo = (children.get(undefined) ?? []).map((resource) => ({ resource, depth: 0 })).reverse();
  for (;;) {
    const next = todo.pop();
    if (next === undefined) return lines;
    const { resource, depth } = next;
    lines.push(`${"  ".repeat(depth)}${line(resource, theme)}`);
    // A deposed row stands beside the live one of its URN and has no children of its own.
    if (resource.deposed !== undefined) continue;
    for (const child of [...(children.get(resource.urn) ?? [])].reverse())
      todo.push({ resource: child, depth: depth + 1 });
  }
}

function line(resource: ResourceState, theme: Theme): string {
  const id = !resource.id ? "" : ` ${theme.dim(`(${visible(resource.id)})`)}`;
  const marks = [
    ...(resource.deposed === undefined ? [] : ["old half of a replace"]),
    ...(resource.external === true ? ["read only"] : []),
    ...(resource.options.protect === true ? ["protected"] : []),
    ...((resource.initErrors?.length ?? 0) > 0 ? ["half-done"] : []),
  ];
  const notes = marks.length === 0 ? "" : ` ${theme.warning(`[${marks.join(", ")}]`)}`;
  return `${visible(shortType(resource.type))} ${theme.name(visible(resource.name))}${id}${notes}`;
}

/** By URN, or by a name that is unique. Fails with `config-missing`-like advice otherwise. */
export function findResource<R extends Pick<ResourceState, "urn" | "name" | "deposed">>(
  resources: readonly R[],
  wanted: string,
  stack: string,
): R {
  const byUrn = resources.find((resource) => resource.urn === wanted);
  if (byUrn !== undefined) return byUrn;
  const named = resources.filter((resource) => resource.name === wanted && resource.deposed === undefined);
  const [only, ...others] = named;
  if (only !== undefined && others.length === 0) return only;
  if (only !== undefined)
    throw new OrchError({
      reason: "invalid-flag",
      message: `Several resources of stack ${stack} are named ${wanted}.`,
      next: ["Give the URN of one:", ...named.map(({ urn }) => urn)],
    });
  throw new OrchError({
    reason: "invalid-flag",
    message: `Stack ${stack} holds no resource ${wanted}.`,
    next: [
      ...didYouMean(
        wanted,
        resources.map((r) => (wanted.startsWith("urn:") ? r.urn : r.name)),
      ),
      "See what there is with `orch state ls`.",
    ],
  });
}

/** `internals`: also what SDKs keep for themselves. */
export function renderState(
  resource: ResourceState,
  theme: Theme,
  { showSecrets, internals }: { readonly showSecrets: boolean; readonly internals: boolean },
): string[] {
  const out = [line(resource, theme), theme.dim(visible(resource.urn))];
  const fact = (name: string, value: string | undefined): void => {
    if (value !== undefined) out.push(`${theme.dim(`${name}:`)} ${value}`);
  };
  const at = (ms: number | undefined): string | undefined => (ms === undefined ? undefined : timestamp(ms));
  fact("parent", resource.parent === undefined ? undefined : shortUrn(resource.parent));
  fact("provider", resource.provider === undefined ? undefined : shortUrn(resource.provider));
  fact(
    "depends on",
    resource.dependencies.length === 0 ? undefined : resource.dependencies.map(shortUrn).join(", "),
  );
  fact("created", at(resource.createdAt));
  fact("changed", at(resource.modifiedAt));
  const options = Object.entries(resource.options).filter(
    ([, value]) => value !== undefined && value !== false,
  );
  fact("options", options.length === 0 ? undefined : options.map(([key]) => key).join(", "));
  for (const error of resource.initErrors ?? []) fact("half-done", visible(error));
  const section = (title: string, map: PropertyMap): void => {
    const lines = properties(
      showSecrets ? (reveal(map) as PropertyMap) : map,
      { theme, full: true },
      internals,
    );
    if (lines.length > 0) out.push("", theme.bold(title), ...lines.map((text) => `  ${text}`));
  };
  section("Inputs", resource.inputs);
  section("Outputs", resource.outputs);
  return out;
}
