/** `host:index:User`: an account of the machine's own, with shadow's tools (useradd, usermod, userdel). */
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { accountName, oneLine, overwriteProperty } from "./common.js";
import { defineSystem, withActual } from "./define.js";
import { words } from "./report.js";

const noColon = (what: string) => z.string().regex(/^[^:\n\0]*$/, what);
const path = z.string().regex(/^\/[^:\n\0]*$/, "an absolute path");

const inputs = z.strictObject({
  name: accountName("a user's name").describe("Login name. Another one is another user: it replaces."),
  uid: z.int().min(0).max(4294967294).optional().describe("Number. Default: the next free one."),
  group: z
    .string()
    .regex(/^[^:\s]+$/, "a group's name or number")
    .optional()
    .describe("Primary group, by name or number; must exist. Default: one of the user's own name."),
  groups: z
    .array(z.string().regex(/^[^:,\s]+$/, "a group's name"))
    .optional()
    .describe("All other groups: the user is taken out of those not named. Default: left as they are."),
  comment: noColon("one line without a colon").optional().describe("Full name."),
  home: path.optional().describe("Home folder. Default: as useradd makes it, mostly /home/<name>."),
  shell: path.optional().describe("Login shell. Default: the system's."),
  system: z
    .boolean()
    .optional()
    .describe("A system account: a low number, no home folder. Only looked at when it is made."),
  createHome: z
    .boolean()
    .optional()
    .describe("Make the home folder, with what is in /etc/skel. Default true, for system accounts false."),
  passwordHash: oneLine("a hash as crypt(5) has it, such as $y$…, or ! to lock the password")
    .regex(/^[^:]+$/, "a hash as crypt(5) has it, such as $y$…, or ! to lock the password")
    .optional()
    .meta({ secret: true })
    .describe(
      "The password's hash (`mkpasswd`). Default: left alone; a new user has none and can't log in with one.",
    ),
  removeHome: z
    .boolean()
    .optional()
    .describe("Delete the home folder with all that is in it when the user is deleted. Default false."),
  overwrite: overwriteProperty,
  connection: connectionProperty,
});
const outputs = z.strictObject({
  name: z.string().describe("Login name."),
  uid: z.number().describe("Number."),
  gid: z.number().describe("Number of the primary group."),
  group: z.string().describe("Name of the primary group."),
  groups: z.array(z.string()).describe("The other groups, sorted."),
  comment: z.string().describe("Full name."),
  home: z.string().describe("Home folder."),
  shell: z.string().describe("Login shell."),
});

export const user = defineSystem({
  type: "host:index:User",
  importId: "its name",
  description: "A user of a machine.",
  inputs,
  outputs,
  replaceOn: ["name"],
  stables: ["name"],
  idOf: ({ name }) => name,
  fromId: (name) => (/^[^:\s]+$/.test(name) ? { name } : undefined),
  title: (name) => `the user ${name}`,
  exclusive: "accounts",
  mayDiffer: ["system", "createHome", "removeHome", "overwrite"],
  list: "{ getent passwd || cat /etc/passwd; } | awk -F: '{ print $1 \"\\t\" $5 }'",

  look: ({ inputs: { name = "", passwordHash } }) => `
    if e=$(entry passwd ${words(name)}); then
      put entry "$e"; put group "$(id -gn -- ${words(name)})"; put groups "$(id -Gn -- ${words(name)})"
      ${passwordHash === undefined ? "" : `put hash "$(entry shadow ${words(name)} | cut -d: -f2)"`}
    fi`,
  observe(found, at) {
    const [name = "", , uid, gid, comment = "", home = "", shell = ""] = found.text("entry").split(":");
    const group = found.text("group");
    const groups = found
      .text("groups")
      .split(" ")
      .filter((one) => one !== "" && one !== group)
      .sort();
    const now = { name, uid: Number(uid), gid: Number(gid), group, groups, comment, home, shell };
    const { group: wanted, groups: given } = at.inputs;
    const sameGroups = given !== undefined && [...given].sort().join() === groups.join();
    return {
      inputs: withActual(at, {
        uid: now.uid,
        group: wanted === gid ? wanted : group,
        groups: sameGroups ? given : groups,
        comment,
        home,
        shell,
        ...(at.inputs.passwordHash === undefined ? {} : { passwordHash: found.text("hash") }),
      }),
      outputs: now,
    };
  },
  apply({ inputs: given, now }) {
    const { name, uid, group, groups, comment, home, shell, system, passwordHash } = given;
    const differs = (key: keyof typeof given): boolean =>
      given[key] !== undefined &&
      JSON.stringify((now?.inputs as typeof given | undefined)?.[key]) !== JSON.stringify(given[key]);
    const flags: (string | number)[] = [];
    const flag = (key: keyof typeof given, ...words_: (string | number)[]): void => {
      if (differs(key)) flags.push(...words_);
    };
    flag("uid", "-u", uid ?? 0);
    flag("group", "-g", group ?? "");
    flag("groups", "-G", groups?.join(",") ?? "");
    flag("comment", "-c", comment ?? "");
    flag("shell", "-s", shell ?? "");
    const lines: string[] = [];
    if (now === undefined) {
      const makeHome = given.createHome ?? !system;
      if (home !== undefined) flags.push("-d", home);
      lines.push(`useradd ${words(...flags, ...(system ? ["-r"] : []), makeHome ? "-m" : "-M", "--", name)}`);
    } else {
      // What is in it moves along.
      flag("home", "-d", home ?? "", "-m");
      if (flags.length > 0) lines.push(`usermod ${words(...flags, "--", name)}`);
    }
    if (differs("passwordHash"))
      lines.push(`printf '%s\\n' ${words(`${name}:${passwordHash}`)} | chpasswd -e`);
    return { script: lines.join("\n") };
  },
  remove: ({ inputs: { name, removeHome } }) =>
    `! entry passwd ${words(name)} >/dev/null || userdel ${removeHome ? "-r " : ""}-- ${words(name)}`,
});
