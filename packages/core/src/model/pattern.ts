/** Patterns that people name resources and objects with: on the command line and in the project's rules. Pure. */
import { shortType, type Urn, urnPrefix } from "./urn.js";

/** Does a text fit a pattern, in which `*` stands for any text? The rest is taken as it is, capitals included. */
export function fits(pattern: string, text: string): boolean {
  const [first = "", ...parts] = pattern.split("*");
  const last = parts.pop();
  if (last === undefined) return pattern === text;
  if (!text.startsWith(first)) return false;
  let at = first.length;
  for (const part of parts) {
    const found = text.indexOf(part, at);
    if (found < 0) return false;
    at = found + part.length;
  }
  return text.length - at >= last.length && text.endsWith(last);
}

/** What a pattern can name of a resource. */
export interface Named {
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
}

/**
 * Does a pattern name this resource? It is a URN, a name, or `type::name`, each with `*` for any text: `web`, `web-*`, `aws:s3/bucket:Bucket::*` (or
 * `aws:s3:Bucket::*`, as plans write the type),
 * `urn:pulumi:dev::shop::*`. `**`, as Pulumi writes it, is the same as `*`.
 */
export function namesResource(pattern: string, { urn, type, name }: Named): boolean {
  if (pattern.startsWith(urnPrefix)) return fits(pattern, urn);
  if (fits(pattern, name)) return true;
  // A name may hold `::` itself, so both ways to read it count.
  const at = pattern.indexOf("::");
  if (at < 1 || !fits(pattern.slice(at + 2), name)) return false;
  const wanted = pattern.slice(0, at);
  return fits(wanted, type) || fits(wanted, shortType(type));
}
