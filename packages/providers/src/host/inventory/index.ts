/** An existing Ansible inventory, for programs: its hosts with their variables and connections. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, extname, join, resolve } from "node:path";
import * as pulumi from "@pulumi/pulumi";
import type { Become, Connection, SshConnection } from "../resources/shared.js";
import { readIni } from "./ini.js";
import { InventoryError, type RawGroup, type RawInventory, type Variable, type Variables } from "./model.js";
import { parseYaml, readYaml } from "./yaml.js";

export interface InventoryHost {
  readonly name: string;
  /** How it is reached, from `ansible_host`, `ansible_port`, `ansible_user`, `ansible_ssh_private_key_file`, `ansible_become` …; passwords are secrets. */
  readonly connection: Connection;
  /** All variables: of `all`, of its groups from the farthest to the nearest, its own. Templates (`{{ … }}`) stay text. */
  readonly vars: Variables;
  /** The groups that it is in, also through others, sorted; without `all`. */
  readonly groups: readonly string[];
}
export interface Inventory {
  readonly hosts: readonly InventoryHost[];
  /** The hosts of each group, its children's too. `all` has every host. */
  readonly groups: Readonly<Record<string, readonly InventoryHost[]>>;
  /** A host by name. Throws where there is none. */
  host(name: string): InventoryHost;
  /** The hosts of a group. Throws where there is no such group. */
  group(name: string): readonly InventoryHost[];
}

/**
 * Reads an inventory: an INI or YAML file, or a folder of them, with `group_vars` and `host_vars` beside it. A path is relative to the
 * program's folder. Throws an Error that names the file and the place: on what is not understood, on vaulted values, on scripts.
 */
export function inventory(path: string): Inventory {
  const raw: RawInventory = { groups: new Map() };
  const at = resolve(path);
  if (!existsSync(at)) throw new InventoryError(path, "", "there is no such file or folder");
  const folder = statSync(at).isDirectory();
  const files = folder
    ? readdirSync(at)
        .filter((name) => !/^\.|~$|\.(orig|bak|cfg|retry|pyc|pyo|md)$/.test(name))
        .filter((name) => statSync(join(at, name)).isFile())
        .sort()
        .map((name) => join(at, name))
    : [at];
  for (const file of files) readOne(file, raw);
  const base = folder ? at : dirname(at);
  return assemble(raw, path, (kind, name) => fileVars(join(base, kind), name));
}

function readOne(file: string, into: RawInventory): void {
  const text = readFileSync(file, "utf8");
  if (text.startsWith("#!"))
    throw new InventoryError(
      file,
      "",
      "it is a script. Write its output to a file: `ansible-inventory --list -y`",
    );
  const yaml = [".yml", ".yaml", ".json"].includes(extname(file)) || /^---\s*$/m.test(text.slice(0, 200));
  if (yaml) readYaml(text, file, into);
  else readIni(text, file, into);
}

/** `group_vars/web`, `group_vars/web.yml`, or a folder of that name. */
function fileVars(folder: string, name: string): Record<string, Variable> {
  const vars: Record<string, Variable> = {};
  for (const candidate of [name, `${name}.yml`, `${name}.yaml`, `${name}.json`]) {
    const path = join(folder, candidate);
    if (!existsSync(path)) continue;
    const files = statSync(path).isDirectory()
      ? readdirSync(path)
          .filter((one) => !one.startsWith("."))
          .sort()
          .map((one) => join(path, one))
      : [path];
    for (const file of files) {
      const parsed = parseYaml(readFileSync(file, "utf8"), file);
      if (parsed === null) continue;
      if (typeof parsed !== "object" || Array.isArray(parsed))
        throw new InventoryError(file, "", "expected variables, a name and a value each");
      Object.assign(vars, parsed);
    }
  }
  return vars;
}

function assemble(
  raw: RawInventory,
  path: string,
  more: (kind: "group_vars" | "host_vars", name: string) => Record<string, Variable>,
): Inventory {
  const { groups } = raw;
  const parents = new Map<string, Set<string>>();
  for (const group of groups.values())
    for (const child of group.children) parents.set(child, (parents.get(child) ?? new Set()).add(group.name));
  const depths = new Map<string, number>();
  /** `all` is 0; each other group is one deeper than its deepest parent. */
  const depth = (name: string, through: readonly string[] = []): number => {
    if (name === "all") return 0;
    if (through.includes(name))
      throw new InventoryError(path, [...through, name].join(" > "), "a group can't be its own child");
    const known = depths.get(name);
    if (known !== undefined) return known;
    const deepest = Math.max(
      0,
      ...[...(parents.get(name) ?? [])].map((one) => depth(one, [...through, name])),
    );
    depths.set(name, deepest + 1);
    return deepest + 1;
  };
  const above = (name: string, into: Set<string>): void => {
    if (into.has(name)) return;
    into.add(name);
    for (const parent of parents.get(name) ?? []) above(parent, into);
  };
  for (const name of groups.keys()) depth(name);

  const names = [...new Set([...groups.values()].flatMap((group) => [...group.hosts.keys()]))];
  const groupVars = new Map<string, Variables>();
  const varsOf = (group: RawGroup | undefined, name: string): Variables => {
    const known = groupVars.get(name) ?? { ...group?.vars, ...more("group_vars", name) };
    groupVars.set(name, known);
    return known;
  };
  const hosts = names.map((name): InventoryHost => {
    const mine = new Set<string>();
    for (const group of groups.values()) if (group.hosts.has(name)) above(group.name, mine);
    mine.delete("all");
    // The nearer group wins; of two as near, the later in the alphabet, unless a priority says otherwise.
    const priority = (group: string): number =>
      Number(varsOf(groups.get(group), group).ansible_group_priority ?? 1);
    const order = [...mine].sort(
      (a, b) => depth(a) - depth(b) || priority(a) - priority(b) || (a < b ? -1 : 1),
    );
    const vars: Record<string, Variable> = {};
    for (const group of ["all", ...order]) Object.assign(vars, varsOf(groups.get(group), group));
    for (const group of ["all", ...order]) Object.assign(vars, groups.get(group)?.hosts.get(name));
    Object.assign(vars, more("host_vars", name));
    return {
      name,
      vars,
      groups: [...mine].filter((group) => group !== "ungrouped").sort(),
      connection: connectionOf(name, vars, path),
    };
  });
  const members = (group: string): readonly InventoryHost[] =>
    hosts.filter((host) => group === "all" || isIn(host.name, group));
  const isIn = (host: string, group: string): boolean => {
    const mine = new Set<string>();
    for (const one of groups.values()) if (one.hosts.has(host)) above(one.name, mine);
    return mine.has(group);
  };
  const byGroup = Object.fromEntries(["all", ...groups.keys()].map((group) => [group, members(group)]));
  const one = <T>(found: T | undefined, kind: string, name: string, known: readonly string[]): T => {
    if (found !== undefined) return found;
    throw new InventoryError(
      path,
      "",
      `there is no ${kind} ${name}; there are ${known.join(", ") || "none"}`,
    );
  };
  return {
    hosts,
    groups: byGroup,
    host: (name) =>
      one(
        hosts.find((host) => host.name === name),
        "host",
        name,
        names,
      ),
    group: (name) =>
      one(Object.hasOwn(byGroup, name) ? byGroup[name] : undefined, "group", name, Object.keys(byGroup)),
  };
}

/** Ansible's "Connecting to hosts: behavioral inventory parameters". */
function connectionOf(name: string, vars: Variables, path: string): Connection {
  const text = (...keys: readonly string[]): string | undefined => {
    for (const key of keys) {
      const value = vars[key];
      if (value === undefined || value === null) continue;
      if (typeof value === "string" && value.includes("{{"))
        throw new InventoryError(
          path,
          `${name}: ${key}`,
          "it is a template, which orch does not fill in here",
        );
      return String(value);
    }
    return undefined;
  };
  const yes = (value: Variable | undefined): boolean =>
    value === true || /^(yes|true|on|1)$/i.test(String(value ?? ""));
  const secret = (value: string | undefined): pulumi.Output<string> | undefined =>
    value === undefined ? undefined : pulumi.secret(value);

  const kind = text("ansible_connection") ?? "ssh";
  const becomeUser = text("ansible_become_user");
  const becomePassword = secret(text("ansible_become_password", "ansible_become_pass", "ansible_sudo_pass"));
  const method = text("ansible_become_method") ?? "sudo";
  if (yes(vars.ansible_become) && method !== "sudo" && method !== "doas")
    throw new InventoryError(
      path,
      `${name}: ansible_become_method`,
      `orch knows sudo and doas, not ${method}`,
    );
  const become: { become?: Become } = yes(vars.ansible_become)
    ? {
        become: {
          method: method as "sudo" | "doas",
          ...(becomeUser === undefined ? {} : { user: becomeUser }),
          ...(becomePassword === undefined ? {} : { password: becomePassword }),
        },
      }
    : {};
  if (kind === "local") return { type: "local", ...become };
  if (!["ssh", "paramiko", "paramiko_ssh", "smart"].includes(kind))
    throw new InventoryError(
      path,
      `${name}: ansible_connection`,
      `orch reaches machines over ssh, not ${kind}`,
    );
  const port = text("ansible_port", "ansible_ssh_port");
  const user = text("ansible_user", "ansible_ssh_user");
  const privateKeyFile = text("ansible_ssh_private_key_file", "ansible_private_key_file");
  const password = secret(text("ansible_password", "ansible_ssh_pass", "ansible_ssh_password"));
  const jump = jumpOf(text("ansible_ssh_common_args", "ansible_ssh_extra_args"));
  return {
    type: "ssh",
    host: text("ansible_host", "ansible_ssh_host") ?? name,
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(user === undefined ? {} : { user }),
    ...(privateKeyFile === undefined ? {} : { privateKeyFile }),
    ...(password === undefined ? {} : { password }),
    ...(jump === undefined ? {} : { jump }),
    ...become,
  };
}

/** `-J user@host:port` or `-o ProxyJump=…`; other arguments of ssh are not orch's. */
function jumpOf(args: string | undefined): SshConnection["jump"] | undefined {
  const match = /(?:-J\s*|ProxyJump[= ])["']?([^\s"']+)/.exec(args ?? "");
  if (!match) return undefined;
  return (match[1] as string).split(",").map((one) => {
    const [, user, host = one, port] = /^(?:([^@]+)@)?([^:]+)(?::(\d+))?$/.exec(one) ?? [];
    return { host, ...(user ? { user } : {}), ...(port ? { port: Number(port) } : {}) };
  });
}
