/** Privileges: which there are for what, `ALL` spelled out, and what an access list says of one role. */
import { isArray, type PropertyMap, type Value } from "@orch/core/model/value";
import type { CheckFailure } from "@orch/core/provider/contract";

export const privilegesOf = {
  database: ["CONNECT", "CREATE", "TEMPORARY"],
  schema: ["CREATE", "USAGE"],
  table: ["DELETE", "INSERT", "REFERENCES", "SELECT", "TRIGGER", "TRUNCATE", "UPDATE"],
  sequence: ["SELECT", "UPDATE", "USAGE"],
  function: ["EXECUTE"],
  type: ["USAGE"],
} as const;
export type Kind = keyof typeof privilegesOf;
/** Since PostgreSQL 17; `ALL` does not mean it here, so that a plan says the same whatever the server. */
const more: Partial<Record<Kind, readonly string[]>> = { table: ["MAINTAIN"] };

/** Capital letters, in order, `ALL` as what it stands for; and what is no privilege of the kind, by its path. Unknowns stay. */
export function checkPrivileges(
  given: Value | undefined,
  kind: Kind,
): { readonly privileges: Value | undefined; readonly failures: readonly CheckFailure[] } {
  if (!isArray(given) || !given.every((each) => typeof each === "string"))
    return { privileges: given, failures: [] };
  const known: readonly string[] = [...privilegesOf[kind], ...(more[kind] ?? [])];
  const failures: CheckFailure[] = [];
  const all = (given as readonly string[]).flatMap((text, i) => {
    const word = text.toUpperCase().trim();
    if (/^ALL( PRIVILEGES)?$/.test(word)) return privilegesOf[kind];
    const privilege = word === "TEMP" ? "TEMPORARY" : word;
    if (!known.includes(privilege)) {
      const path = `privileges[${i}]`;
      const expected = `one of ${known.join(", ")}, ALL`;
      const found = JSON.stringify(text);
      failures.push({
        path,
        message: `${path} must be a privilege of a ${kind}, ${expected}, not ${found}`,
        expected,
        found,
      });
    }
    return [privilege];
  });
  return { privileges: [...new Set(all)].sort(), failures };
}

export const known = (inputs: PropertyMap, key: string): string | undefined => {
  const value = inputs[key];
  return typeof value === "string" ? value : undefined;
};

/** What one role may on something, and what of that it may pass on. */
export interface Held {
  readonly privileges: readonly string[];
  readonly grantable: readonly string[];
}
export const nothing: Held = { privileges: [], grantable: [] };
export const holds = (held: Held, privileges: readonly string[], withGrantOption: boolean): boolean =>
  held.privileges.join() === privileges.join() &&
  (withGrantOption ? privileges : []).every((each) => held.grantable.includes(each)) &&
  (withGrantOption || held.grantable.length === 0);
/** In words, for failures. */
export const heldText = ({ privileges, grantable }: Held): string =>
  privileges.length === 0
    ? "no privileges"
    : privileges.map((each) => (grantable.includes(each) ? `${each} (with grant option)` : each)).join(", ");
/** Passed on in full or not at all: `withGrantOption` is one word for all of them. */
export const isGrantable = ({ privileges, grantable }: Held): boolean =>
  privileges.length > 0 && privileges.every((each) => grantable.includes(each));
