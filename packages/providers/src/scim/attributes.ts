/** Between a program's properties and the attributes of a SCIM resource. Pure functions. */
import { isDeepStrictEqual } from "node:util";
import { enterpriseSchema } from "./schemas.js";

export type Attributes = Readonly<Record<string, unknown>>;

const isObject = (value: unknown): value is Attributes =>
  typeof value === "object" && value !== null && !Array.isArray(value);
/** RFC 7643, 2.5: unassigned, null and an empty list are the same. */
export const isUnassigned = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  (Array.isArray(value) && value.length === 0) ||
  (isObject(value) && Object.values(value).every(isUnassigned));

/** Properties as the attributes of a resource: extensions under their URNs. What orch alone needs to know is left out. */
export function toAttributes({ enterprise, extensions, onDelete: _, ...own }: Attributes): Attributes {
  return {
    ...own,
    ...(enterprise === undefined ? {} : { [enterpriseSchema]: enterprise }),
    ...(extensions as Attributes | undefined),
  };
}

/** For a request's body: with the schemas that the attributes come from. */
export function withSchemas(core: string, attributes: Attributes): Attributes {
  const used = Object.keys(attributes).filter((key) => key.startsWith("urn:"));
  return { schemas: [core, ...used], ...attributes };
}

/**
 * What is really there, in the form that the program gave it: the given properties with the service's values put in. Of lists and objects only what was given is
 * looked at; an entry too many shows. `given` empty: all that `known` names (an import).
 */
export function observe(resource: Attributes, given: Attributes, known: readonly string[]): Attributes {
  const imported = Object.keys(given).length === 0;
  const seen: Record<string, unknown> = {};
  const keep = (key: string, wanted: unknown, there: unknown): void => {
    const value = project(wanted, settableOf(key, there), imported);
    if (value !== undefined) seen[key] = value;
    else if (wanted !== undefined && isUnassigned(wanted)) seen[key] = wanted;
  };
  for (const key of known) {
    if (key === "enterprise" || key === "extensions" || !(imported || key in given)) continue;
    keep(key, given[key], resource[key]);
  }
  if (imported ? resource[enterpriseSchema] !== undefined : given.enterprise !== undefined)
    if (known.includes("enterprise")) keep("enterprise", given.enterprise, resource[enterpriseSchema]);
  const others = imported
    ? Object.keys(resource).filter((key) => key.startsWith("urn:") && key !== enterpriseSchema)
    : Object.keys((given.extensions ?? {}) as object);
  if (others.length > 0) {
    const wanted = (given.extensions ?? {}) as Attributes;
    const found = others.flatMap((urn) => {
      const value = project(wanted[urn], resource[urn], imported);
      return value === undefined ? [] : [[urn, value] as const];
    });
    if (found.length > 0 || given.extensions !== undefined) seen.extensions = Object.fromEntries(found);
  }
  return seen;
}

/** Without what services add to references: names for people, addresses. */
function settableOf(key: string, there: unknown): unknown {
  if (key === "members" && Array.isArray(there))
    return there.map(({ value, type }: Attributes) => ({ value, ...(type === undefined ? {} : { type }) }));
  if (key === "enterprise" && isObject(there) && isObject(there.manager))
    return { ...there, manager: { value: there.manager.value } };
  return there;
}

function project(wanted: unknown, there: unknown, imported: boolean): unknown {
  if (isUnassigned(there)) return undefined;
  if (Array.isArray(there)) return projectList(Array.isArray(wanted) ? wanted : [], there, imported);
  if (!isObject(there)) return there;
  const keys = isObject(wanted) && !imported ? Object.keys(wanted) : Object.keys(there);
  const entries = keys
    .filter((key) => key !== "$ref")
    .map((key) => [key, project(isObject(wanted) ? wanted[key] : undefined, there[key], imported)] as const)
    .filter(([, value]) => value !== undefined);
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** In the program's order, whatever the service's is; then what the program does not have. */
function projectList(wanted: readonly unknown[], there: readonly unknown[], imported: boolean): unknown[] {
  const left = [...there];
  const found: unknown[] = [];
  for (const item of wanted) {
    const exact = left.findIndex((one) => isDeepStrictEqual(project(item, one, false), item));
    const at =
      exact >= 0 ? exact : left.findIndex((one) => isObject(one) && isObject(item) && sameKind(one, item));
    if (at >= 0) found.push(project(item, left.splice(at, 1)[0], false));
  }
  return [
    ...found,
    ...left.map((one) => project(undefined, one, imported)).filter((one) => one !== undefined),
  ];
}
const sameKind = (one: Attributes, other: Attributes): boolean =>
  (other.value !== undefined && one.value === other.value) ||
  (other.type !== undefined && one.type === other.type);

export interface PatchOperation {
  readonly op: "add" | "remove" | "replace";
  readonly path: string;
  readonly value?: unknown;
}
/** How the service wants a member removed: RFC 7644's filter in the path, or the value beside it. */
export type MemberRemoval = "filter" | "value";

/** RFC 7644, 3.5.2: the fewest operations from one set of attributes to another. Only what differs is named. */
export function patchOperations(
  before: Attributes,
  after: Attributes,
  removal: MemberRemoval,
): readonly PatchOperation[] {
  const operations: PatchOperation[] = [];
  const set = (path: string, from: unknown, to: unknown): void => {
    if (isDeepStrictEqual(from, to) || (isUnassigned(from) && isUnassigned(to))) return;
    if (isUnassigned(to)) operations.push({ op: "remove", path });
    else operations.push({ op: isUnassigned(from) ? "add" : "replace", path, value: to });
  };
  for (const key of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [from, to] = [before[key], after[key]];
    if (key === "members") {
      operations.push(...memberOperations(listOf(from), listOf(to), removal));
    } else if (isObject(from) && isObject(to)) {
      // `name.givenName`, and `urn:…:User:department` of an extension.
      const prefix = `${key}${key.startsWith("urn:") ? ":" : "."}`;
      for (const sub of new Set([...Object.keys(from), ...Object.keys(to)]))
        set(`${prefix}${sub}`, from[sub], to[sub]);
    } else set(key, from, to);
  }
  return operations;
}

const listOf = (value: unknown): readonly Attributes[] => (Array.isArray(value) ? value : []);

export function memberOperations(
  from: readonly Attributes[],
  to: readonly Attributes[],
  removal: MemberRemoval,
): readonly PatchOperation[] {
  const lacks = (list: readonly Attributes[]) => (member: Attributes) =>
    !list.some(({ value }) => value === member.value);
  const gone = from.filter(lacks(to));
  const come = to.filter(lacks(from));
  const removed: readonly PatchOperation[] =
    removal === "filter"
      ? gone.map(({ value }) => ({ op: "remove", path: `members[value eq ${quoted(String(value))}]` }))
      : gone.length === 0
        ? []
        : [{ op: "remove", path: "members", value: gone.map(({ value }) => ({ value })) }];
  return come.length === 0 ? removed : [...removed, { op: "add", path: "members", value: come }];
}

/** A string within a filter (RFC 7644, 3.4.2.2: as in JSON). */
export const quoted = (value: string): string => JSON.stringify(value);

/** The whole resource for a PUT: as it is, with the differences put in. What the program does not manage stays. */
export function putBody(current: Attributes, before: Attributes, after: Attributes): Attributes {
  const { meta: _, ...body } = current as Record<string, unknown>;
  for (const key of Object.keys(before)) if (!(key in after)) delete body[key];
  for (const [key, value] of Object.entries(after)) {
    const there = body[key];
    if (isUnassigned(value)) delete body[key];
    else if (isObject(value) && isObject(there)) {
      const from = before[key];
      const merged: Record<string, unknown> = { ...there, ...value };
      if (isObject(from)) for (const sub of Object.keys(from)) if (!(sub in value)) delete merged[sub];
      body[key] = merged;
    } else body[key] = value;
  }
  const urns = Object.keys(body).filter((key) => key.startsWith("urn:"));
  const schemas = (Array.isArray(body.schemas) ? body.schemas : []) as string[];
  return { ...body, schemas: [...new Set([...schemas, ...urns])] };
}
