/** `host:index:AuthorizedKey`: one line of a user's ~/.ssh/authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT). The others are left alone. */
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { oneLine, overwriteProperty } from "./common.js";
import { defineSystem, withActual } from "./define.js";
import { keyFunctions, keyLine, lineOf, parts, placeKeys, userProperty } from "./key-lines.js";
import { words } from "./report.js";

const inputs = z.strictObject({
  user: userProperty.describe("Whose login it opens. Another user replaces."),
  key: z
    .string()
    .regex(keyLine, "a public key in one line, such as `ssh-ed25519 AAAA… comment`, without options")
    .describe("The public key, as in a `.pub` file. Another key replaces; another comment does not."),
  options: oneLine('options as sshd(8) has them, such as `restrict,command="/usr/bin/backup"`')
    .optional()
    .describe('What the key may do, such as `restrict,command="/usr/bin/backup"`. Default: everything.'),
  overwrite: overwriteProperty,
  connection: connectionProperty,
});
const outputs = z.strictObject({
  user: z.string().describe("Whose login it opens."),
  key: z.string().describe("The public key."),
  path: z.string().describe("The file that it is in."),
});

/** Does a line of the file hold the key? Its type and body stand next to each other, after options with or without spaces. */
const sameKey = `index(" " $0 " ", " " k " ")`;

export const authorizedKey = defineSystem({
  type: "host:index:AuthorizedKey",
  importId: "`USER TYPE KEY`, such as `deploy ssh-ed25519 AAAA…`",
  description: "A public key that opens a user's login over SSH. The other keys of that user are left alone.",
  inputs,
  outputs,
  replaceOn: ["user"],
  stables: ["user", "path"],
  idOf: ({ user, key }) => `${user} ${parts(key).slice(0, 2).join(" ")}`,
  fromId(id) {
    const at = id.indexOf(" ");
    const [user, key] = [id.slice(0, at), id.slice(at + 1)];
    return at > 0 && keyLine.test(key) ? { user, key } : undefined;
  },
  title: (id) =>
    `the key ${id
      .split(" ")
      .map((word) => (word.length > 24 ? `…${word.slice(-12)}` : word))
      .join(" ")}`,
  exclusive: ({ user }) => `authorized_keys of ${user}`,
  mayDiffer: ["overwrite"],
  functions: keyFunctions,
  effect: ({ path, before, after }) =>
    path[0] === "key" && typeof before === "string" && typeof after === "string"
      ? {
          effect: parts(before).slice(0, 2).join() === parts(after).slice(0, 2).join() ? "update" : "replace",
        }
      : path[0] === "key"
        ? { effect: "replace" }
        : undefined,

  look: ({ inputs: { user = "", key = "" } }) => `
    if entry passwd ${words(user)} >/dev/null; then
      keyfile ${words(user)}
      if [ -e "$f" ]; then
        [ -r "$f" ] || { echo "$f: Permission denied"; exit 1; }
        l=$(k=${words(parts(key).slice(0, 2).join(" "))}; awk -v k="$k" '!/^#/ && ${sameKey} { print; exit }' "$f")
        if [ -n "$l" ]; then put path "$f"; put line "$l"; fi
      elif [ -e "$d" ] && [ ! -x "$d" ]; then echo "$d: Permission denied"; exit 1; fi
    fi`,
  observe(found, at) {
    const { user = "", key = "", options } = at.inputs;
    const line = found.text("line");
    const body = parts(key).slice(0, 2).join(" ");
    const start = line.indexOf(body);
    const actual = line.slice(start).trim();
    const before = line.slice(0, start).trim();
    return {
      inputs: {
        ...withActual(at, { key: actual }),
        ...(before === (options ?? "") ? {} : { options: before }),
      },
      outputs: { user, key: actual, path: found.text("path") },
    };
  },
  apply: ({ inputs: given, now }) => {
    const actual = now && lineOf(now.inputs as { key: string; options?: string });
    if (actual === lineOf(given)) return { script: "" };
    const { user } = given;
    return {
      script: `
        keyfile ${words(user)}
        k=${words(parts(given.key).slice(0, 2).join(" "))}
        ${placeKeys(
          user,
          `if [ -e "$f" ]; then awk -v k="$k" '/^#/ || !${sameKey}' "$f"; fi
           printf '%s\\n' ${words(lineOf(given))}`,
        )}`,
    };
  },
  remove: ({ inputs: { user, key } }) => `
    if entry passwd ${words(user)} >/dev/null; then
      keyfile ${words(user)}
      if [ -e "$f" ]; then
        k=${words(parts(key).slice(0, 2).join(" "))}
        ${placeKeys(user, `awk -v k="$k" '/^#/ || !${sameKey}' "$f"`)}
      fi
    fi`,
});
