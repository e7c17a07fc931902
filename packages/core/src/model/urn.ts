/** CONTRACT. URNs, as Pulumi writes them: `urn:pulumi:<stack>::<project>::<parent types>$<type>::<name>`. */
export type Urn = string & { readonly __urn?: never };

/** What every URN begins with. */
export const urnPrefix = "urn:pulumi:";
export const rootStackType = "pulumi:pulumi:Stack";
/** The outputs of another stack, read like a resource that somebody else manages. */
export const stackReferenceType = "pulumi:pulumi:StackReference";
export const providerTypePrefix = "pulumi:providers:";

export interface UrnParts {
  readonly stack: string;
  readonly project: string;
  /** The parents' types and the resource's own, joined by `$`. */
  readonly qualifiedType: string;
  readonly type: string;
  readonly name: string;
}

/** The root stack's type is left out of the chain; `parent` is the URN of the parent, if any. */
export function makeUrn(
  stack: string,
  project: string,
  parent: Urn | undefined,
  type: string,
  name: string,
): Urn {
  const parentType = parent === undefined ? "" : parseUrn(parent).qualifiedType;
  const prefix = parentType === "" || parentType === rootStackType ? "" : `${parentType}$`;
  return `urn:pulumi:${stack}::${project}::${prefix}${type}::${name}`;
}

/** Splits a URN; the name may itself hold `::`. Throws a TypeError on anything that is not a URN. */
export function parseUrn(urn: Urn): UrnParts {
  const parts = urn.split("::");
  if (!urn.startsWith(urnPrefix) || parts.length < 4)
    throw new TypeError(`not a URN: ${JSON.stringify(urn)}`);
  const qualifiedType = parts[2] as string;
  return {
    stack: (parts[0] as string).slice(urnPrefix.length),
    project: parts[1] as string,
    qualifiedType,
    type: qualifiedType.slice(qualifiedType.lastIndexOf("$") + 1),
    name: parts.slice(3).join("::"),
  };
}

/** `random:index/pet:Pet` → `random`; for a provider resource the package that it configures. */
export function packageOf(type: string): string {
  if (type.startsWith(providerTypePrefix)) return type.slice(providerTypePrefix.length);
  return type.slice(0, type.indexOf(":") < 0 ? undefined : type.indexOf(":"));
}
export const isProviderType = (type: string): boolean => type.startsWith(providerTypePrefix);

/**
 * A type token in the short form that Pulumi's own previews use: `aws:s3/bucket:Bucket` → `aws:s3:Bucket`,
 * `host:index:File` → `host:File`.
 */
export function shortType(type: string): string {
  let short = shortTypes.get(type);
  if (short === undefined) {
    short = shorten(type);
    shortTypes.set(type, short);
  }
  return short;
}

/** Plans hold thousands of resources of a few types. */
const shortTypes = new Map<string, string>();

function shorten(type: string): string {
  const [pkg, module, name, ...rest] = type.split(":");
  if (pkg === undefined || module === undefined || name === undefined || rest.length > 0) return type;
  const shortModule = moduleParts(module, name).join("/");
  return shortModule === "index" || shortModule === "" ? `${pkg}:${name}` : `${pkg}:${shortModule}:${name}`;
}

/** `s3/bucket` of `Bucket` is `s3`: bridged packages have a module for each class, which goes without saying. */
export function moduleParts(module: string, name: string): readonly string[] {
  const parts = module.split("/");
  if (parts.length > 1 && parts.at(-1)?.toLowerCase() === name.toLowerCase()) parts.pop();
  return parts;
}

/** `web (aws:s3/bucket:Bucket)`, for sentences. */
export function nameWithType(urn: Urn): string {
  const { name, type } = parseUrn(urn);
  return `${name} (${type})`;
}

/** A provider reference as the protocol writes it: `<urn>::<id>`. */
export function parseProviderRef(ref: string): { readonly urn: Urn; readonly id: string } {
  const i = ref.lastIndexOf("::");
  return { urn: ref.slice(0, i), id: ref.slice(i + 2) };
}
export const formatProviderRef = (urn: Urn, id: string): string => `${urn}::${id}`;
