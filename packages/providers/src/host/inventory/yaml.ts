/** Ansible's YAML: inventories, and files of variables. Vaulted values are refused: orch has no key for them. */
import { createRequire } from "node:module";
import type * as YAML from "yaml";
import { expandRange, groupOf, InventoryError, type RawInventory, type Variable } from "./model.js";

/** Loaded when an inventory is read: programs without one start faster. */
const yaml = (): typeof YAML => createRequire(import.meta.url)("yaml") as typeof YAML;

export function parseYaml(text: string, file: string): Variable {
  if (text.startsWith("$ANSIBLE_VAULT;"))
    throw new InventoryError(
      file,
      "",
      "it is encrypted with ansible-vault, and orch does not open vaults. Put the values into secret configuration (`orch config set --secret`)",
    );
  const document = yaml().parseDocument(text, {
    customTags: [
      {
        tag: "!vault",
        resolve: () => {
          throw new InventoryError(
            file,
            "",
            "a value is encrypted with ansible-vault (!vault), and orch does not open vaults. Put it into secret configuration (`orch config set --secret`)",
          );
        },
      },
      { tag: "!unsafe", resolve: (value: string) => value },
    ],
  });
  const [error] = document.errors;
  if (error) throw new InventoryError(file, "", error.message);
  return document.toJS() as Variable;
}

const isMap = (value: Variable | undefined): value is { readonly [key: string]: Variable } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

export function readYaml(text: string, file: string, into: RawInventory): void {
  const root = parseYaml(text, file);
  if (root === null) return;
  if (!isMap(root)) throw new InventoryError(file, "", "expected groups, such as `all:`");
  for (const [name, group] of Object.entries(root)) readGroup(name, group, name, file, into);
}

function readGroup(name: string, given: Variable, where: string, file: string, into: RawInventory): void {
  const group = groupOf(into, name);
  if (given === null) return;
  if (!isMap(given)) throw new InventoryError(file, where, "expected hosts, children and vars");
  for (const [key, value] of Object.entries(given)) {
    const at = `${where}.${key}`;
    if (value === null) continue;
    if (!isMap(value)) throw new InventoryError(file, at, "expected names with what belongs to them");
    if (key === "vars") Object.assign(group.vars, value);
    else if (key === "children")
      for (const [child, inner] of Object.entries(value)) {
        group.children.add(child);
        readGroup(child, inner, `${at}.${child}`, file, into);
      }
    else if (key === "hosts")
      for (const [pattern, vars] of Object.entries(value)) {
        if (vars !== null && !isMap(vars))
          throw new InventoryError(file, `${at}.${pattern}`, "expected variables");
        let names: readonly string[];
        try {
          names = expandRange(pattern);
        } catch (error) {
          throw new InventoryError(file, at, (error as Error).message);
        }
        for (const host of names) group.hosts.set(host, { ...group.hosts.get(host), ...vars });
      }
    else throw new InventoryError(file, at, "expected one of hosts, children and vars");
  }
}
