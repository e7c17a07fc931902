/** How resources are called on screen. */
import { parseUrn, type Urn } from "@orch/core/model/urn";
import { visible } from "./text.js";

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
  const parts = module.split("/");
  const last = parts.at(-1) as string;
  if (parts.length > 1 && last.toLowerCase() === name.toLowerCase()) parts.pop();
  const shortModule = parts.join("/");
  return shortModule === "index" || shortModule === "" ? `${pkg}:${name}` : `${pkg}:${shortModule}:${name}`;
}

/** `host:File web-config`: type and name, for sentences. Whatever does not parse is shown as it is. */
export function shortUrn(urn: Urn): string {
  try {
    const { type, name } = parseUrn(urn);
    return visible(`${shortType(type)} ${name}`);
  } catch {
    return visible(urn);
  }
}

/** Only the name. */
export function nameOf(urn: Urn): string {
  try {
    return visible(parseUrn(urn).name);
  } catch {
    return visible(urn);
  }
}
