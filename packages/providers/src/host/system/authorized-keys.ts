/** `host:index:AuthorizedKeys`: all keys of a user's ~/.ssh/authorized_keys (sshd(8)). Those that are not listed are taken out. */
import { fail } from "@orch/core/model/failure";
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { oneLine } from "./common.js";
import { defineSystem } from "./define.js";
import { untilDecided } from "./guard.js";
import {
  type KeyEntry,
  keyFunctions,
  keyLine,
  lineOf,
  parseLine,
  parts,
  placeKeys,
  userProperty,
} from "./key-lines.js";
import { words } from "./report.js";

const key = z
  .string()
  .regex(keyLine, "a public key in one line, such as `ssh-ed25519 AAAA… comment`, without options");
const entry = z.union([
  key,
  z.strictObject({
    key: key.describe("The public key, as in a `.pub` file."),
    options: oneLine("options as sshd(8) has them")
      .optional()
      .describe('What the key may do, such as `restrict,command="/usr/bin/backup"`. Default: everything.'),
  }),
]);

const inputs = z.strictObject({
  user: userProperty.describe("Whose login they open. Another user replaces."),
  keys: z
    .array(entry)
    .describe(
      "All public keys that open the login, as in `.pub` files, or `{ key, options }`. Every other one in the file is taken out. An empty list lets nobody in by a key.",
    ),
  guard: z
    .int()
    .min(0)
    .max(600)
    .optional()
    .describe(
      "Where orch itself logs in as that user: seconds within which a new login must work with the new keys; else the machine takes the former ones again by itself. Default 20; 0: orch may lock itself out.",
    ),
  overwrite: z
    .boolean()
    .optional()
    .describe(
      "Also take out keys that are there when the resource is made, which no plan has shown. Default false: then they are a failure that names them.",
    ),
  connection: connectionProperty,
});
const outputs = z.strictObject({
  user: z.string().describe("Whose login they open."),
  path: z.string().describe("The file that they are in."),
});

const entryOf = (given: string | KeyEntry): KeyEntry => (typeof given === "string" ? { key: given } : given);
const same = (a: KeyEntry, b: KeyEntry): boolean => lineOf(a) === lineOf(b);
const bodyOf = ({ key: text }: KeyEntry): string => parts(text).slice(0, 2).join(" ");
/** For people: the comment, and the end of the key, which is what differs. */
const short = (one: KeyEntry): string => {
  const [type, body, comment] = parts(one.key);
  return type === "" ? one.key : `${type} …${body.slice(-12)}${comment ? ` ${comment}` : ""}`;
};

/** What the file holds, in the order and form of `given` where it is as given, and then all else. A line that is no key is shown as it is. */
function actual(file: string, given: readonly (string | KeyEntry)[]): (string | KeyEntry)[] {
  const found = file
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.trim().startsWith("#"))
    .map((line): KeyEntry => parseLine(line) ?? { key: line.trim() });
  const shown = given.flatMap((one) => {
    const there = found.findIndex((other) => bodyOf(other) === bodyOf(entryOf(one)));
    const [taken] = there < 0 ? [] : found.splice(there, 1);
    return taken === undefined ? [] : [same(taken, entryOf(one)) ? one : form(taken)];
  });
  return [...shown, ...found.map(form)];
}
const form = (one: KeyEntry): string | KeyEntry => (one.options ? one : one.key);

export const authorizedKeys = defineSystem({
  type: "host:index:AuthorizedKeys",
  importId: "the user's name",
  description:
    "All public keys that open a user's login over SSH: those that are not listed are taken out. When it is deleted, the keys stay.",
  inputs,
  outputs,
  replaceOn: ["user"],
  stables: ["user", "path"],
  idOf: ({ user }) => user,
  fromId: (id) => (userProperty.safeParse(id).success ? { user: id } : undefined),
  title: (id) => `the authorized keys of ${id}`,
  exclusive: ({ user }) => `authorized_keys of ${user}`,
  // Keys that are there and would go are looked at in `apply`.
  mayDiffer: ["keys", "guard", "overwrite"],
  guarded: ["keys"],
  functions: keyFunctions,
  check({ inputs: given }) {
    const { keys } = given;
    const seen = new Map<string, number>();
    const failures = (Array.isArray(keys) ? keys : []).flatMap((one, i) => {
      const parsed = entryOfUnknown(one);
      if (parsed === undefined) return [];
      const before = seen.get(bodyOf(parsed));
      seen.set(bodyOf(parsed), i);
      return before === undefined
        ? []
        : [
            {
              path: `keys[${i}]`,
              message: "the key is listed twice",
              expected: "each key once",
              found: `that of keys[${before}]`,
            },
          ];
    });
    return { inputs: given, failures };
  },

  look: ({ inputs: { user = "" } }) => `
    ${untilDecided(guardName(user))}
    if entry passwd ${words(user)} >/dev/null; then
      keyfile ${words(user)}
      if [ -e "$f" ]; then
        [ -r "$f" ] || { echo "$f: Permission denied"; exit 1; }
        put path "$f"; blob file <"$f"
      elif [ -e "$d" ] && [ ! -x "$d" ]; then echo "$d: Permission denied"; exit 1; fi
    fi`,
  observe(found, at) {
    const { user = "", keys = [] } = at.inputs;
    return {
      inputs: { ...at.inputs, user, keys: actual(found.text("file"), keys) },
      outputs: { user, path: found.text("path") },
    };
  },
  apply({ inputs: given, now, last, call }) {
    const { user } = given;
    const wanted = given.keys.map(entryOf);
    const there = (now?.inputs.keys ?? []).map(entryOf);
    if (
      now !== undefined &&
      there.length === wanted.length &&
      there.every((one, i) => same(one, wanted[i] as KeyEntry))
    )
      return { script: "" };
    const foreign = there.filter((one) => !wanted.some((other) => bodyOf(other) === bodyOf(one)));
    if (last === undefined && !given.overwrite && foreign.length > 0)
      fail({
        reason: "conflict",
        message: `${foreign.length === 1 ? "A key" : `${foreign.length} keys`} of ${user} would be taken out that no plan has shown`,
        path: "keys",
        expected: "no other keys than those listed",
        found: foreign.map(short).join("; "),
        next: [
          `Take over what is there, with the resource option \`import: ${JSON.stringify(user)}\`.`,
          "Or list them in `keys`; or set `overwrite: true` to take them out.",
        ],
      });
    const connection = given.connection ?? call.session.connection;
    const own = connection?.type === "ssh" && connection.user === user;
    const seconds = own ? (given.guard ?? 20) : 0;
    const script = `
      keyfile ${words(user)}
      ${placeKeys(
        user,
        `if [ -e "$f" ]; then grep '^[[:space:]]*#' "$f" || :; fi
         ${wanted.length === 0 ? ":" : `printf '%s\\n' ${words(...wanted.map(lineOf))}`}`,
      )}`;
    if (seconds === 0) return { script };
    return {
      script,
      guard: {
        name: guardName(user),
        seconds,
        save: `keyfile ${words(user)}; printf %s "$f" >"$g/path"; if [ -e "$f" ]; then cp -p -- "$f" "$g/old"; fi`,
        undo: `f=$(cat "$g/path")
          if [ -e "$g/old" ]; then cp -p -- "$g/old" "$f.orch-old" && mv -f -- "$f.orch-old" "$f"; else rm -f -- "$f"; fi`,
        keep: "",
        path: "keys",
        next: [
          `List the key that orch logs in with in \`keys\`, or log in as another user than ${user}.`,
          "Or, to lock orch out: `guard: 0`.",
        ],
      },
    };
  },
});

const guardName = (user: string): string => `keys-${user.replace(/[^A-Za-z0-9-]/g, "-")}`;

/** While planning a key may be unknown or wrong. */
function entryOfUnknown(value: unknown): KeyEntry | undefined {
  const text = typeof value === "object" && value !== null && "key" in value ? value.key : value;
  return typeof text === "string" && keyLine.test(text) ? { key: text } : undefined;
}
