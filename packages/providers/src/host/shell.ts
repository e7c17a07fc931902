/**
 * Running a script so that neither it, nor its environment, ever shows in a process list: a fixed shell line reads the script from
 * its standard input and evaluates it; what follows on the input is the script's own. `read` takes no byte too many from a pipe
 * (POSIX), so this needs nothing but a shell.
 */
import { randomBytes } from "node:crypto";
import { fail } from "@orch/core/model/failure";
import { outputLimit, quote, type ScriptRequest, type ScriptResult } from "./machine.js";

/**
 * For `sh -c`. Reads a token, answers with it and its own process id (the leader of the group) on standard output and with the token
 * on standard error, reads up to the token's next appearance, evaluates. One line and no quotes, so that any login shell passes it on.
 */
export const bootstrap = reader('echo "$_t $$" && echo "$_t" >&2 && ');

/** The same without an answer: for a shell that a script of {@link bootstrap} turns into, which has answered. */
export const silentBootstrap = reader("");

function reader(answer: string): string {
  return (
    `IFS= read -r _t && ${answer}_n=$(printf "\\012x") && _n=\${_n%x} && _s= && ` +
    'while IFS= read -r _l && [ "$_l" != "$_t" ]; do _s="$_s$_l$_n"; done && eval "$_s"'
  );
}

/** What goes to the standard input of {@link bootstrap}, and the token in it. Rejects scripts that a shell can't hold. */
export function compose(request: ScriptRequest): { readonly token: string; readonly input: Buffer } {
  const { script, interpreter, environment = {}, cwd, stdin = "" } = request;
  const lines = ["unset _t _n _s _l"];
  for (const [name, value] of Object.entries(environment)) {
    if (!/^[A-Za-z_][A-Za-z0-9_]*$/.test(name))
      fail({
        reason: "invalid-property",
        message: `${JSON.stringify(name)} can't be the name of an environment variable`,
        path: "environment",
        expected: "letters, digits and underscores",
        found: JSON.stringify(name),
      });
    lines.push(`export ${name}=${quote(value)}`);
  }
  if (cwd !== undefined)
    lines.push(`cd ${quote(cwd)} || { echo ${quote(`the folder ${cwd} can't be entered`)} >&2; exit 126; }`);
  if (interpreter === undefined) lines.push(script);
  else
    lines.push(
      `_f=$(umask 077; mktemp "\${TMPDIR:-/tmp}/orch.XXXXXX") || exit 126`,
      `trap 'rm -f "$_f"' EXIT; trap 'exit 130' INT HUP; trap 'exit 143' TERM`,
      `printf %s ${quote(script)} > "$_f" || exit 126`,
      `${interpreter.map(quote).join(" ")} "$_f"`,
    );
  const text = lines.join("\n");
  if (text.includes("\0") || (typeof stdin === "string" && stdin.includes("\0")))
    fail({
      reason: "invalid-property",
      message: "A script, its environment and its input can't hold a NUL character",
      expected: "text without NUL",
      found: "a NUL",
    });
  const token = `orch-${randomBytes(12).toString("hex")}`;
  return {
    token,
    input: Buffer.concat([Buffer.from(`${token}\n${text}\n${token}\n`), Buffer.from(stdin as string)]),
  };
}

/** Keeps the last bytes of a stream, up to a limit, after the line that the bootstrap begins with. */
export class Capture {
  private chunks: Buffer[] = [];
  private size = 0;
  private dropped = 0;
  private head: Buffer | undefined = Buffer.alloc(0);

  /** `started` is called with the rest of the token's line. What login scripts print before it is dropped. */
  constructor(
    private readonly token: string,
    private readonly limit: number = outputLimit,
    private readonly started: (rest: string) => void = () => {},
  ) {}

  add(chunk: Buffer): void {
    if (this.head !== undefined) {
      this.head = Buffer.concat([this.head, chunk]);
      const at = this.head.indexOf(this.token);
      const end = at < 0 ? -1 : this.head.indexOf(10, at);
      if (end < 0) return;
      const head = this.head;
      this.head = undefined;
      this.started(head.toString("utf8", at + this.token.length, end).trim());
      chunk = head.subarray(end + 1);
    }
    this.chunks.push(chunk);
    this.size += chunk.length;
    while (this.chunks[0] && this.size - this.chunks[0].length >= this.limit) {
      const gone = this.chunks.shift() as Buffer;
      this.size -= gone.length;
      this.dropped += gone.length;
    }
  }

  /** What came before the script had begun: a login shell's complaint, when it never did. */
  get preamble(): string {
    return this.head?.toString("utf8").trim() ?? "";
  }

  bytes(): Buffer {
    const all = Buffer.concat(this.chunks);
    return all.subarray(Math.max(0, all.length - this.limit));
  }

  text(): string {
    const kept = this.bytes();
    const dropped = this.dropped + Math.max(0, this.size - kept.length);
    const text = kept.toString("utf8");
    return dropped > 0 ? `[${dropped} bytes left out]\n${text}` : text;
  }
}

/** How a script ended, in words: `exit code 3` or `signal SIGKILL`. */
export const ending = (result: ScriptResult): string =>
  result.exitCode === null ? `signal ${result.signal ?? "unknown"}` : `exit code ${result.exitCode}`;

/** The last lines, for a failure's detail. */
export const lastLines = (text: string, count = 20): string =>
  text.trimEnd().split("\n").slice(-count).join("\n");

/** Milliseconds between asking a process group to end and ending it. */
export const killAfterMs = 5_000;
/** Milliseconds that output may still come after the script has ended: something it left running may hold the pipes open. */
export const drainMs = 500;
