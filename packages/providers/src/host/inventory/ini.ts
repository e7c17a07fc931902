/** Ansible's INI inventories: `[group]`, `[group:children]`, `[group:vars]`, and hosts with variables in their line. */
import { expandRange, groupOf, InventoryError, type RawInventory, type Variable } from "./model.js";

export function readIni(text: string, file: string, into: RawInventory): void {
  let group = "ungrouped";
  let kind: "hosts" | "children" | "vars" = "hosts";
  for (const [i, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#") || line.startsWith(";")) continue;
    const where = `line ${i + 1}`;
    const section = /^\[([^\]:]+)(?::(\w+))?\]\s*(?:[#;].*)?$/.exec(line);
    if (section) {
      group = section[1] as string;
      const named = section[2] ?? "hosts";
      if (named !== "hosts" && named !== "children" && named !== "vars")
        throw new InventoryError(file, where, `[${group}:${named}] is none of hosts, children and vars`);
      kind = named;
      groupOf(into, group);
      continue;
    }
    if (kind === "children") {
      const child = withoutComment(line);
      groupOf(into, child);
      groupOf(into, group).children.add(child);
    } else if (kind === "vars") {
      const at = line.indexOf("=");
      if (at < 1) throw new InventoryError(file, where, `expected name=value, found ${line}`);
      groupOf(into, group).vars[line.slice(0, at).trim()] = literal(line.slice(at + 1).trim());
    } else {
      const [pattern = "", ...pairs] = split(
        line,
        () => new InventoryError(file, where, "a quote is not closed"),
      );
      const vars: Record<string, Variable> = {};
      for (const pair of pairs) {
        const at = pair.indexOf("=");
        if (at < 1) throw new InventoryError(file, where, `expected name=value, found ${pair}`);
        vars[pair.slice(0, at)] = literal(pair.slice(at + 1));
      }
      const [, bare = pattern, port] = /^([^[\]:]*(?:\[[^\]]*\][^[\]:]*)*):(\d+)$/.exec(pattern) ?? [];
      let names: readonly string[];
      try {
        names = expandRange(bare);
      } catch (error) {
        throw new InventoryError(file, where, (error as Error).message);
      }
      for (const name of names)
        groupOf(into, group).hosts.set(name, {
          ...groupOf(into, group).hosts.get(name),
          ...(port === undefined ? {} : { ansible_port: Number(port) }),
          ...vars,
        });
    }
  }
}

const withoutComment = (line: string): string => line.replace(/\s[#;].*$/, "").trim();

/** Words as a shell has them: quotes keep blanks together. */
function split(line: string, open: () => Error): readonly string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (const [i, letter] of [...line].entries()) {
    if (quote !== "") {
      if (letter === quote) quote = "";
      else word = `${word ?? ""}${letter}`;
    } else if (letter === '"' || letter === "'") {
      quote = letter;
      word ??= "";
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else if (letter === "#" && (i === 0 || word === undefined)) break;
    else word = `${word ?? ""}${letter}`;
  }
  if (quote !== "") throw open();
  if (word !== undefined) words.push(word);
  return words;
}

/** INI values are Python literals where they look like one, and text otherwise. */
function literal(text: string): Variable {
  const bare = /^(["'])(.*)\1$/.exec(text);
  if (bare) return bare[2] as string;
  if (/^-?\d+$/.test(text) && !/^-?0\d/.test(text)) return Number(text);
  if (/^-?\d+\.\d+$/.test(text)) return Number(text);
  if (text === "True" || text === "False") return text === "True";
  if (text === "None") return null;
  if (/^[[{]/.test(text)) {
    try {
      return JSON.parse(
        text
          .replaceAll("'", '"')
          .replace(/\bTrue\b/g, "true")
          .replace(/\bFalse\b/g, "false")
          .replace(/\bNone\b/g, "null"),
      ) as Variable;
    } catch {
      return text; // A template or something of its own: text, as Ansible takes it.
    }
  }
  return text;
}
