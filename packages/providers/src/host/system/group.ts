/** `host:index:Group`: a group of the machine's own. */
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { accountName, overwriteProperty } from "./common.js";
import { defineSystem, withActual } from "./define.js";
import { words } from "./report.js";

const inputs = z.strictObject({
  name: accountName("a group's name").describe("Its name. Another one is another group: it replaces."),
  gid: z.int().min(0).max(4294967294).optional().describe("Number. Default: the next free one."),
  members: z
    .array(z.string().regex(/^[^:,\s]+$/, "a user's name"))
    .optional()
    .describe(
      "All who have it as a further group. Default: left alone, so that users may say it with their `groups`.",
    ),
  system: z.boolean().optional().describe("A low number. Only looked at when it is made."),
  overwrite: overwriteProperty,
  connection: connectionProperty,
});
const outputs = z.strictObject({
  name: z.string().describe("Its name."),
  gid: z.number().describe("Number."),
  members: z.array(z.string()).describe("Who has it as a further group, sorted."),
});

export const group = defineSystem({
  type: "host:index:Group",
  importId: "its name",
  description: "A group of a machine.",
  inputs,
  outputs,
  replaceOn: ["name"],
  stables: ["name"],
  idOf: ({ name }) => name,
  fromId: (name) => (/^[^:\s]+$/.test(name) ? { name } : undefined),
  title: (name) => `the group ${name}`,
  exclusive: "accounts",
  mayDiffer: ["system", "overwrite"],
  list: "{ getent group || cat /etc/group; } | cut -d: -f1",

  look: ({ inputs: { name = "" } }) => `if e=$(entry group ${words(name)}); then put entry "$e"; fi`,
  observe(found, at) {
    const [name = "", , gid, list = ""] = found.text("entry").split(":");
    const members = list.split(",").filter(Boolean).sort();
    const given = at.inputs.members;
    const same = given !== undefined && [...given].sort().join() === members.join();
    const now = { name, gid: Number(gid), members };
    return {
      inputs: withActual(at, { gid: now.gid, members: same ? given : members }),
      outputs: now,
    };
  },
  apply({ inputs: { name, gid, members, system }, now }) {
    const lines: string[] = [];
    const number = gid === undefined || gid === now?.outputs.gid ? [] : ["-g", gid];
    if (now === undefined) lines.push(`groupadd ${words(...number, ...(system ? ["-r"] : []), "--", name)}`);
    else if (number.length > 0) lines.push(`groupmod ${words(...number, "--", name)}`);
    if (members !== undefined && [...members].sort().join() !== (now?.outputs.members ?? []).join())
      lines.push(`gpasswd -M ${words(members.join(","), name)}`);
    return { script: lines.join("\n") };
  },
  remove: ({ inputs: { name } }) => `! entry group ${words(name)} >/dev/null || groupdel -- ${words(name)}`,
});
