/**
 * How scripts tell what they found: a line per fact, `<tab>key=value`, or `<tab>key@base64` for what may have several lines. Everything
 * else that they print is words for people. Several objects are looked at by one script, each part of it on its own.
 */
import { type Failure, OrchError } from "@orch/core/model/failure";
import { type Machine, quote, type ScriptResult } from "../machine.js";
import { codeOf } from "../scripted-files.js";
import { ending, lastLines } from "../shell.js";

/** Bytes that a look at many objects may print. */
const limit = 256 * 1024 * 1024;
/** Objects that one script looks at. */
const most = 1_000;

/** For all scripts of orch's own: known words, the administrators' programs, and the functions that report. */
export const prelude = `
export LC_ALL=C LANGUAGE=C; unset QUOTING_STYLE TIME_STYLE LS_OPTIONS POSIXLY_CORRECT
PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin"; export PATH
put() { printf '\\t%s=%s\\n' "$1" "$2"; }
blob() { printf '\\t%s@' "$1"; base64 | tr -d '\\n'; echo; }
have() { command -v "$1" >/dev/null 2>&1; }
refuse() { printf '\\trefused=%s\\t%s\\t%s\\n' "$1" "$2" "$3" >&2; exit 65; }
entry() { if have getent; then getent "$1" "$2"; else awk -F: -v n="$2" '$1 == n { print; f = 1 } END { exit !f }' "/etc/$1"; fi; }
`;

/** What one look found. */
export class Found {
  constructor(private readonly facts: ReadonlyMap<string, string>) {}
  has(key: string): boolean {
    return this.facts.has(key);
  }
  /** Empty where the script did not say it. */
  text(key: string): string {
    return this.facts.get(key) ?? "";
  }
  get empty(): boolean {
    return this.facts.size === 0;
  }
}

/** One answer per part, in order. A part that fails does not keep the others from answering; what concerns all is thrown. */
export async function look(
  machine: Machine,
  signal: AbortSignal,
  functions: string,
  parts: readonly { readonly script: string; readonly what: string }[],
): Promise<readonly (Found | { readonly failure: Failure })[]> {
  const answers: (Found | { readonly failure: Failure })[] = [];
  for (let from = 0; from < parts.length; from += most) {
    const some = parts.slice(from, from + most);
    const script = [
      prelude,
      functions,
      // Nothing that a part starts may read the script's own input.
      ...some.map(({ script }) => `( ${script}\n) </dev/null 2>&1; echo "@$?"`),
    ].join("\n");
    const result = await machine.run({ script, signal, limit });
    const found = parse(result.stdout);
    for (const [i, { what }] of some.entries()) {
      const part = found[i];
      answers.push(
        part === undefined
          ? { failure: failed(machine, what, result, result.stdout) }
          : part.code === 0
            ? new Found(part.facts)
            : { failure: failed(machine, what, { ...result, exitCode: part.code }, part.words) },
      );
    }
  }
  return answers;
}

interface Part {
  readonly facts: ReadonlyMap<string, string>;
  readonly words: string;
  readonly code: number;
}

/** The parts that ended, in order. */
export function parse(output: string): readonly Part[] {
  const parts: Part[] = [];
  let facts = new Map<string, string>();
  let words: string[] = [];
  for (const line of output.split("\n")) {
    const end = /^(.*)@(\d+)$/.exec(line);
    if (line.startsWith("\trefused=")) words.push(line);
    else if (line.startsWith("\t")) {
      const [, key = "", kind, value = ""] = /^\t([\w.]+)([=@])(.*)$/.exec(line) ?? [];
      facts.set(key, kind === "@" ? Buffer.from(value, "base64").toString("utf8") : value);
    } else if (end) {
      if (end[1]) words.push(end[1]);
      parts.push({ facts, words: words.join("\n"), code: Number(end[2]) });
      facts = new Map();
      words = [];
    } else words.push(line);
  }
  return parts;
}

/** A script that did not end well, as a failure: with the property that the machine refused, or the right that is missing, where it says so. */
export function failed(machine: Machine, what: string, result: ScriptResult, words: string): Failure {
  const refused = /^\trefused=([^\t]*)\t([^\t]*)\t(.*)$/m.exec(words);
  const said = lastLines(words.replace(/^\t.*$/gm, "").trim());
  if (refused) {
    const [, path = "", expected = "", found = ""] = refused;
    return {
      reason: "invalid-property",
      message: `${what} on ${machine.name} was refused: ${path} must be ${expected}`,
      path,
      expected,
      found,
      ...(said === "" ? {} : { detail: said }),
      next: [`Correct ${path}, or the machine, and apply again.`],
    };
  }
  const denied =
    codeOf(said) === "EACCES" ||
    /are you root|must be (run as )?root|superuser|only root|interactive authentication required|access denied/i.test(
      said,
    );
  const missing = /(?:^|[:\s])([\w.-]+): (?:command )?not found/.exec(said)?.[1];
  return {
    reason: denied ? "permission-denied" : codeOf(said) === "ENOSPC" ? "disk-full" : "provider-error",
    message: `${what} on ${machine.name} failed: ${ending(result)}`,
    ...(denied
      ? { expected: "a user who may do that", found: lastLines(said, 1) }
      : missing === undefined
        ? {}
        : { expected: `the program ${missing}`, found: "no such program" }),
    ...(said === "" ? {} : { detail: said }),
    next: denied
      ? ["Log in as root, or become it: `connection: { …, become: {} }` uses sudo."]
      : missing === undefined
        ? ["Correct what the machine complains of, and apply again."]
        : [`Install ${missing} on that machine first.`],
  };
}

/** Does `script`, then looks. Throws what failed. */
export async function act(
  machine: Machine,
  signal: AbortSignal,
  functions: string,
  work: { readonly script: string; readonly stdin?: string | Buffer; readonly what: string },
  then?: { readonly script: string },
): Promise<Found> {
  const script = [
    prelude,
    functions,
    "set -e",
    `{ :; ${work.script}\n} >&2${work.stdin === undefined ? " </dev/null" : ""}`,
    "set +e",
    ...(then ? [`( ${then.script}\n) </dev/null 2>&1; echo "@$?"`] : []),
  ].join("\n");
  const result = await machine.run({
    script,
    signal,
    limit,
    ...(work.stdin === undefined ? {} : { stdin: work.stdin }),
  });
  if (result.exitCode !== 0)
    throw new OrchError(failed(machine, work.what, result, `${result.stderr}\n${result.stdout}`));
  if (then === undefined) return new Found(new Map());
  const [part] = parse(result.stdout);
  if (part === undefined || part.code !== 0)
    throw new OrchError(
      failed(
        machine,
        `${work.what}, and looking at it afterwards,`,
        part ? { ...result, exitCode: part.code } : result,
        part?.words ?? result.stdout,
      ),
    );
  return new Found(part.facts);
}

/** A value in a failure. */
export function quoted(value: unknown): string {
  const text = value === undefined ? "nothing" : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

/** Words for a shell: each quoted. */
export const words = (...texts: readonly (string | number)[]): string =>
  texts.map((text) => quote(String(text))).join(" ");

/**
 * Shell text that puts a file in its place in one step, owned by root unless told otherwise; `check` may refuse it before, with the file
 * in `$new`. `content` must not be secret in a process list: it goes through `printf`, which shells have built in.
 */
export function putFile(path: string, content: string, mode: string, check = ""): string {
  const at = path.lastIndexOf("/");
  const [folder, name] = [path.slice(0, at) || "/", path.slice(at + 1)];
  return [
    `mkdir -p -- ${quote(folder)}`,
    `new=${quote(`${folder}/.${name}.orch-new`)}`,
    `( umask 077; printf %s ${quote(content)} >"$new" )`,
    `chmod ${mode} -- "$new"`,
    check,
    `mv -f -- "$new" ${quote(path)}`,
  ]
    .filter(Boolean)
    .join("\n");
}
