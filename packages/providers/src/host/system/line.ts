/** `host:index:LineInFile`: one line of a file that somebody else brought. */
import { createHash } from "node:crypto";
import { fail, OrchError } from "@orch/core/model/failure";
import { z } from "zod";
import { type Call, defineResource } from "../../direct/index.js";
import { connectionProperty } from "../connection.js";
import { inspect } from "../inspect.js";
import type { Machine } from "../machine.js";
import { connectionEffect, pathProperty } from "../properties.js";
import type { HostSession } from "../session.js";
import { act, words } from "./report.js";

const expression = z
  .string()
  .min(1)
  .refine(
    (text) => {
      try {
        new RegExp(text);
        return true;
      } catch {
        return false;
      }
    },
    { error: "a regular expression (JavaScript's)" },
  );
const oneLine = z.string().regex(/^[^\n\r\0]*$/, "one line of text");

const inputs = z.strictObject({
  path: pathProperty,
  line: oneLine.describe("The line. May be secret."),
  match: expression
    .optional()
    .describe(
      "The line that it takes the place of: the last one that this regular expression fits. Default: an equal one.",
    ),
  after: expression
    .optional()
    .describe("A new line comes after the last one that this fits. Default: at the end."),
  before: expression.optional().describe("A new line comes before the first one that this fits."),
  absent: z.boolean().optional().describe("True: no line may fit `match` (or equal `line`)."),
  create: z
    .boolean()
    .optional()
    .describe("Make the file where there is none. Default false: that is a failure."),
  validate: z
    .string()
    .regex(/%s/, "a command with %s for the file, such as `visudo -cf %s`")
    .optional()
    .describe(
      "A command that must accept the new file (%s) before it is put in place, such as `visudo -cf %s`.",
    ),
  backup: z.boolean().optional().describe("Keep what is replaced as `<path>.<time>.bak`. Default false."),
  restore: z
    .boolean()
    .optional()
    .describe(
      "When it is deleted, put back the line that it took the place of. Default true; a line that was new is taken out.",
    ),
  connection: connectionProperty,
});
const outputs = z.strictObject({
  path: z.string().describe("The file."),
  line: z.string().describe("The line as it is there; empty where it is not, as wanted."),
  present: z.boolean().describe("Is it there?"),
  replaced: z.string().optional().describe("The line that it took the place of."),
});
type Inputs = z.output<typeof inputs>;

export interface Edited {
  readonly text: string;
  /** The line that went. */
  readonly replaced?: string;
}

/** The text with the line as wanted. Undefined: nothing to change. */
export function editLine(
  text: string,
  { line, match, after, before, absent }: Pick<Inputs, "line" | "match" | "after" | "before" | "absent">,
): Edited | undefined {
  const ended = text === "" || text.endsWith("\n");
  const lines = (ended ? text.slice(0, -1) : text).split("\n");
  if (text === "") lines.length = 0;
  const fits = match === undefined ? (one: string) => one === line : regexp(match);
  const done = (replaced?: string): Edited => ({
    text: lines.length === 0 ? "" : `${lines.join("\n")}\n`,
    ...(replaced === undefined ? {} : { replaced }),
  });
  if (absent) {
    const kept = lines.filter((one) => !fits(one) && one !== line);
    if (kept.length === lines.length) return undefined;
    const gone = lines.find((one) => fits(one) || one === line);
    lines.splice(0, lines.length, ...kept);
    return done(gone);
  }
  const at = lines.findLastIndex(fits);
  if (at >= 0 && lines[at] === line) return undefined;
  if (at >= 0) {
    const replaced = lines[at] as string;
    lines[at] = line;
    return done(replaced);
  }
  if (lines.includes(line)) return undefined;
  const anchor =
    after !== undefined
      ? lines.findLastIndex(regexp(after)) + 1
      : before !== undefined
        ? lines.findIndex(regexp(before))
        : -1;
  lines.splice(anchor < 0 || (after !== undefined && anchor === 0) ? lines.length : anchor, 0, line);
  return done();
}
const regexp = (text: string): ((line: string) => boolean) => {
  const compiled = new RegExp(text);
  return (line) => compiled.test(line);
};

const idOf = ({ path, line, match }: Pick<Inputs, "path" | "line" | "match">): string =>
  `${path}#${createHash("sha256")
    .update(match ?? line)
    .digest("hex")
    .slice(0, 16)}`;

export const lineInFile = defineResource<HostSession>()({
  type: "host:index:LineInFile",
  description: "A line of a file that somebody else brought: put in, put in place of another, or taken out.",
  inputs,
  outputs,
  replaceOn: ["path", "match"],
  stables: ["path"],
  idOf,
  effect: (change, call) =>
    // Without `match` the line itself is what it is known by.
    change.path[0] === "line" && call.newInputs.match === undefined
      ? { effect: "replace" }
      : connectionEffect(change, call),
  check: ({ inputs: given }) => ({
    inputs: given,
    failures:
      given.after !== undefined && given.before !== undefined
        ? [
            {
              path: "before",
              message: "a line comes after one line or before another, not both",
              expected: "one of after and before",
              found: "both",
            },
          ]
        : [],
  }),
  predict: ({ inputs: given, prior }) => ({
    path: given.path ?? "",
    present: given.absent !== true,
    line: given.absent === true ? "" : (given.line ?? ""),
    ...(prior?.outputs.replaced === undefined ? {} : { replaced: prior.outputs.replaced }),
  }),

  async create(call) {
    return { id: idOf(call.inputs), outputs: await put(call, call.inputs, undefined) };
  },
  async read({ id, inputs: given, outputs: last, session, signal }) {
    if (given.path === undefined || given.line === undefined)
      return fail({
        reason: "unsupported",
        message: "A host.LineInFile can't be imported: its id does not say the line",
        next: ["Create it with orch: a line that is there already is taken over."],
      });
    const machine = await session.machine(given.connection);
    const { text } = await textOf(machine, given.path, signal);
    const { path, line, match, absent } = given;
    const { replaced } = last;
    const kept = replaced === undefined ? {} : { replaced };
    const lines = (text ?? "").split("\n");
    const fits = match === undefined ? (one: string) => one === line : regexp(match);
    const found = lines.findLast((one) => one === line) ?? lines.findLast(fits);
    if (absent) {
      const outputs = { path, line: found ?? "", present: found !== undefined, ...kept };
      return { id, inputs: { ...given, absent: found === undefined }, outputs };
    }
    if (found === undefined) return undefined;
    return { id, inputs: { ...given, line: found }, outputs: { path, line: found, present: true, ...kept } };
  },
  async update(call) {
    return { outputs: await put(call, call.inputs, call.oldOutputs.replaced) };
  },
  async delete(call) {
    const { inputs: given, outputs: last } = call;
    if (given.absent) return;
    const machine = await call.session.machine(given.connection);
    await call.session.inTurn(machine, given.path, async () => {
      const { text, hash } = await textOf(machine, given.path, call.signal);
      if (text === undefined) return;
      const { replaced } = last;
      const back = replaced !== undefined && (given.restore ?? true);
      const { line } = given;
      const edited = back
        ? editLine(text, { line: replaced, match: `^${literal(line)}$` })
        : editLine(text, { line, absent: true });
      if (edited) await write(call, machine, given, edited.text, hash);
    });
  },
});
const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

async function textOf(
  machine: Machine,
  path: string,
  signal: AbortSignal,
): Promise<{ readonly text?: string; readonly hash?: string }> {
  const [found] = await inspect(machine, [{ path }], signal);
  if (found === undefined) return {};
  if ("failure" in found) throw new OrchError(found.failure);
  if (found.content === undefined)
    return fail({
      reason: "invalid-property",
      message: `${path} on ${machine.name} is no regular file`,
      path: "path",
      expected: "a file",
      found: found.info.kind,
      next: ["Name the file itself, not a link to it."],
    });
  return { text: found.content.toString("utf8"), hash: found.sha256 as string };
}

async function put(
  call: Call<HostSession>,
  given: Inputs,
  before: string | undefined,
): Promise<z.input<typeof outputs>> {
  const { path, line, absent } = given;
  const machine = await call.session.machine(given.connection);
  // Several lines of one file are edited one after another.
  return call.session.inTurn(machine, path, async () => {
    const { text, hash } = await textOf(machine, path, call.signal);
    if (text === undefined && !given.create && !absent)
      return fail({
        reason: "provider-error",
        message: `There is no file ${path} on ${machine.name}`,
        path: "path",
        expected: "a file",
        found: "nothing",
        next: ["Correct the path, or set `create: true`."],
      });
    const edited = editLine(text ?? "", given);
    if (edited) await write(call, machine, given, edited.text, hash);
    const replaced = before ?? edited?.replaced;
    return {
      path,
      line: absent ? "" : line,
      present: absent !== true,
      ...(replaced === undefined ? {} : { replaced }),
    };
  });
}

/** With the mode and owner that it had, unless somebody wrote to it since it was read. */
async function write(
  call: Call<HostSession>,
  machine: Machine,
  { path, validate, backup }: Inputs,
  text: string,
  hash: string | undefined,
): Promise<void> {
  const at = path.lastIndexOf("/");
  const temporary = `${path.slice(0, at)}/.${path.slice(at + 1)}.orch-new`;
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  const same =
    hash === undefined
      ? `[ ! -e ${words(path)} ]`
      : `[ "$( (sha256sum -- ${words(path)} || shasum -a 256 -- ${words(path)}) 2>/dev/null | cut -c1-64)" = ${hash} ]`;
  await act(machine, call.signal, "", {
    what: `Editing ${path}`,
    stdin: text,
    script: `
      new=${words(temporary)}; rm -f -- "$new"
      if [ -e ${words(path)} ]; then ( umask 077; cp -p -- ${words(path)} "$new" ); fi
      cat >"$new"
      ${
        validate === undefined
          ? ""
          : `if ! e=$( { ${validate.replaceAll("%s", words(temporary))}
             } 2>&1 </dev/null ); then rm -f -- "$new"; printf '%s\\n' "$e" >&2
               refuse line ${words(`a file that \`${validate}\` accepts`)} "$(printf %s "$e" | tr '\\t\\n' '  ')"; fi`
      }
      ${same} || { rm -f -- "$new"; refuse path 'the file as it was when it was read' 'another content: apply again'; }
      ${backup && hash !== undefined ? `cp -p -- ${words(path)} ${words(`${path}.${time}.bak`)}` : ""}
      mv -f -- "$new" ${words(path)}`,
  });
}
