/** An inventory as it was read: hosts, groups and their variables (Ansible's inventory guide, "How to build your inventory"). */

/** A value as YAML, JSON or an INI literal gives it. */
export type Variable =
  | null
  | boolean
  | number
  | string
  | readonly Variable[]
  | { readonly [key: string]: Variable };
export type Variables = Readonly<Record<string, Variable>>;

export interface RawGroup {
  readonly name: string;
  readonly hosts: Map<string, Record<string, Variable>>;
  readonly children: Set<string>;
  readonly vars: Record<string, Variable>;
}
export interface RawInventory {
  readonly groups: Map<string, RawGroup>;
}

export function groupOf(inventory: RawInventory, name: string): RawGroup {
  const known = inventory.groups.get(name);
  if (known) return known;
  const made: RawGroup = { name, hosts: new Map(), children: new Set(), vars: {} };
  inventory.groups.set(name, made);
  return made;
}

/** What is wrong with a file, and where. */
export class InventoryError extends Error {
  constructor(file: string, where: string, what: string) {
    super(`The inventory ${file} can't be read: ${where === "" ? "" : `${where}: `}${what}`);
    this.name = "InventoryError";
  }
}

/** `web[01:10:2]` and `db-[a:c]` as all the names that it stands for, with leading zeros kept. */
export function expandRange(pattern: string): readonly string[] {
  const match = /\[([^\]]+)\]/.exec(pattern);
  if (!match) return [pattern];
  const [whole, inside = ""] = match;
  const [from = "", to = "", step = "1"] = inside.split(":");
  const [before, after] = [pattern.slice(0, match.index), pattern.slice(match.index + whole.length)];
  const by = Number(step);
  const numbers = /^\d+$/.test(from) && /^\d+$/.test(to);
  const letters = /^[A-Za-z]$/.test(from) && /^[A-Za-z]$/.test(to);
  const [first, last] = numbers
    ? [Number(from), Number(to)]
    : [from.codePointAt(0) ?? 0, to.codePointAt(0) ?? 0];
  if ((!numbers && !letters) || !Number.isInteger(by) || by < 1 || last < first)
    throw new RangeError(`${pattern} is no range such as web[01:10] or db[a:c]`);
  const names: string[] = [];
  for (let at = first; at <= last; at += by) {
    const text = numbers
      ? String(at).padStart(from.startsWith("0") ? from.length : 1, "0")
      : String.fromCodePoint(at);
    names.push(...expandRange(`${before}${text}${after}`));
  }
  return names;
}
