/**
 * What differs, and what it needs. Inputs are compared; where they differ, the server's dry run says what else would change (defaults, admission webhooks), whether the change is
 * possible in place, and whether somebody else has set the same field.
 */
import { formatPath, getPath, type PropertyPath, parsePath } from "@orch/core/model/path";
import { type PropertyMap, reveal, Secret, unknown, type Value } from "@orch/core/model/value";
import type { DetailedChange, DiffResponse } from "@orch/core/provider/contract";
import type { PropertyDifference } from "../direct/define.js";
import { differences, diffResponse } from "../direct/diff.js";
import { secretTexts } from "../direct/secrets.js";
import { pathIn } from "./apply.js";
import type { Mutable } from "./immutable.js";
import { replaceOn } from "./immutable.js";
import { isSecretKind, type Kind } from "./kinds.js";
import { autonamed } from "./naming.js";
import { sameJson } from "./object.js";
import { importedKey } from "./outputs.js";

export interface Comparing {
  readonly kind: Kind;
  readonly oldInputs: PropertyMap;
  readonly newInputs: PropertyMap;
  readonly ignoreChanges: readonly string[];
  readonly mutable: Mutable;
  /** Of objects that name none. */
  readonly defaultNamespace: string;
}

/** How the server would answer: found out only when inputs differ. */
export type DryRun =
  | {
      readonly kind: "would-be";
      readonly before: PropertyMap;
      readonly after: PropertyMap;
      /** Fields that somebody else set last. */
      readonly taken: readonly { readonly path: string; readonly manager: string }[];
    }
  /** The fields that it won't change in place. */
  | { readonly kind: "immutable"; readonly paths: readonly string[] }
  | { readonly kind: "unknown" };

export async function compareInputs(request: Comparing, ask: () => Promise<DryRun>): Promise<DiffResponse> {
  const { kind, ignoreChanges, mutable } = request;
  const immutable = reveal(request.oldInputs.immutable ?? false) === true;
  const patterns = replaceOn(kind, mutable, immutable);
  const found = inputDifferences(request);
  const rules = {
    replaceOn: patterns,
    ignoreChanges,
    stables: ["apiVersion", "kind"],
    deleteBeforeReplace: sameName(request),
    outputChanges: [],
  };
  const answer = diffResponse(found, rules);
  if (answer.changes === "none" || answer.replaces.length > 0) return answer;
  const dry = await ask();
  switch (dry.kind) {
    case "unknown":
      return answer;
    case "immutable":
      return diffResponse(found, {
        ...rules,
        effect: (change) =>
          dry.paths.length === 0 || dry.paths.some((path) => touches(path, change))
            ? { effect: "replace", reason: "the server does not change it in place" }
            : undefined,
      });
    case "would-be":
      return withServerSide(answer, dry, request);
  }
}

const touches = (text: string, { path }: PropertyDifference): boolean => {
  const field = parsePath(text);
  const length = Math.min(field.length, path.length);
  return field.slice(0, length).every((segment, i) => String(segment) === String(path[i]));
};

/** A namespace that is not given is the default one. Of what was imported only what the program names is compared. */
function inputDifferences({
  oldInputs,
  newInputs,
  defaultNamespace,
}: Comparing): readonly PropertyDifference[] {
  const imported = oldInputs[importedKey] === true;
  const { [importedKey]: _, ...before } = oldInputs;
  return differences(before, newInputs).filter((change) => {
    const text = formatPath(change.path);
    if (text === "metadata.namespace")
      return (change.before ?? defaultNamespace) !== (change.after ?? defaultNamespace);
    if (imported && (change.after === undefined || text === "stringData" || isNothing(change))) return false;
    return true;
  });
}
/** Nothing, however it is written. */
const isNothing = ({ before, after }: PropertyDifference): boolean =>
  before === undefined && (after === null || (typeof after === "object" && Object.keys(after).length === 0));

/** The new object can't stand beside the old one. */
function sameName({ oldInputs, newInputs, defaultNamespace }: Comparing): boolean {
  const name = (inputs: PropertyMap): Value | undefined => getPath(reveal(inputs), ["metadata", "name"]);
  const namespace = (inputs: PropertyMap): Value =>
    getPath(reveal(inputs), ["metadata", "namespace"]) ?? defaultNamespace;
  const generated = getPath(newInputs, ["metadata", "annotations", autonamed]) === "true";
  return !generated && name(oldInputs) === name(newInputs) && namespace(oldInputs) === namespace(newInputs);
}

/** Addresses and ports that the server hands out: the next try gives another one. */
const isDrawn = ({ group, kind }: Kind, path: PropertyPath, was: Value | undefined): boolean =>
  group === "" &&
  kind === "Service" &&
  was === undefined &&
  ["clusterIP", "clusterIPs", "nodePort", "healthCheckNodePort"].includes(
    String(path.findLast((segment) => typeof segment === "string")),
  );

/** Changes that nobody asked for by name: what a default, a webhook or a removed field brings about. */
function withServerSide(
  answer: DiffResponse,
  { before, after, taken }: DryRun & { kind: "would-be" },
  { kind, newInputs, oldInputs }: Comparing,
): DiffResponse {
  const secrets = secretTexts(newInputs, before);
  const told = (answer.detailed ?? []).map(({ path }) => parsePath(path));
  const extra = differences(before, after).filter(
    ({ path }) =>
      !["status", "stringData"].includes(String(path[0])) &&
      !String(path[0]).startsWith("__") &&
      !(
        path[0] === "metadata" &&
        ["resourceVersion", "uid", "creationTimestamp", "deletionTimestamp"].includes(String(path[1]))
      ) &&
      !told.some(
        (one) =>
          one.every((segment, i) => segment === path[i]) || path.every((segment, i) => segment === one[i]),
      ) &&
      !(isSecretKind(kind) && getPath(reveal(newInputs), ["stringData", ...path.slice(1)]) !== undefined) &&
      getPath(reveal(newInputs), path) === undefined &&
      getPath(reveal(oldInputs), path) === undefined,
  );
  const owner = (path: PropertyPath): string | undefined =>
    taken.find((one) => sameJson(pathIn(one.path, newInputs), path))?.manager;
  const own = (answer.detailed ?? []).map((change): DetailedChange => {
    const manager = owner(parsePath(change.path));
    return manager === undefined ? change : { ...change, reason: `set by ${JSON.stringify(manager)} last` };
  });
  const hide = (value: Value, path: PropertyDifference["path"]): Value =>
    (isSecretKind(kind) && path[0] === "data") || secrets.some((text) => JSON.stringify(value).includes(text))
      ? new Secret(value)
      : value;
  const detailed = extra.map(
    ({ path, before: was, after: becomes }): DetailedChange => ({
      path: formatPath(path),
      kind: was === undefined ? "add" : becomes === undefined ? "delete" : "update",
      effect: "update",
      inputDiff: false,
      reason: "by the server: a default or an admission webhook",
      ...(was === undefined ? {} : { before: hide(was, path) }),
      ...(becomes === undefined ? {} : { after: isDrawn(kind, path, was) ? unknown : hide(becomes, path) }),
    }),
  );
  return { ...answer, detailed: [...own, ...detailed] };
}
