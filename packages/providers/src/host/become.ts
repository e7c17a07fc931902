/** A machine as another user: every script through sudo or doas, and files by scripts, because SFTP stays the login's. */
import { fail, OrchError } from "@orch/core/model/failure";
import type { Become } from "./connection.js";
import { type Machine, quote, type ScriptRequest, type ScriptResult, within } from "./machine.js";
import { scriptedFiles } from "./scripted-files.js";
import { compose, killAfterMs, lastLines, silentBootstrap } from "./shell.js";

/** Nothing is asked of the machine before it is used. Its first script looks whether the login may become that user (`permission-denied`). */
export function becoming(machine: Machine, become: Become): Machine {
  const name = `${machine.name} as ${become.user}`;
  let looked: Promise<Way> | undefined;
  const way = (): Promise<Way> => {
    looked ??= find(machine, become);
    // What was refused may be allowed by the next step, or after a person has seen to it.
    looked.catch(() => {
      looked = undefined;
    });
    return looked;
  };
  const run = async (request: ScriptRequest): Promise<ScriptResult> =>
    runAs(machine, await way(), become, request);
  return { name, run, ...scriptedFiles(name, run) };
}

/** Does it ask for the password? It asks anew each time (`-k`), so what comes first on the input is never a matter of chance. */
type Way = "asks" | "asks-not";

async function find(machine: Machine, become: Become): Promise<Way> {
  const { method, user, password } = become;
  const signal = (): AbortSignal => within(60, `Becoming ${user} on ${machine.name}`);
  const shell = "/bin/sh -c 'exit 0'";
  const free = await machine.run({
    script: `export LC_ALL=C; ${method} -n ${method === "sudo" ? "-k " : ""}-u ${quote(user)} -- ${shell}`,
    signal: signal(),
  });
  if (free.exitCode === 0) return "asks-not";
  const said = lastLines(free.stderr, 5);
  const refused = (found: string, next: readonly string[]): never =>
    fail({
      reason: "permission-denied",
      message: `The login on ${machine.name} can't become ${user} with ${method}`,
      path: "connection.become",
      expected: `the right to run /bin/sh as ${user}`,
      found,
      next,
    });
  if (free.exitCode === 127)
    return refused(`no ${method} there`, [`Install ${method}, or log in as ${user} without \`become\`.`]);
  const wantsPassword = method === "sudo" && /password is required/i.test(said);
  if (!wantsPassword)
    return refused(said, [
      method === "sudo"
        ? `Add a rule with \`visudo\` on that machine that lets the login run /bin/sh as ${user}.`
        : `Add \`permit nopass <login> as ${user}\` to doas.conf on that machine.`,
    ]);
  if (password === undefined)
    return refused("sudo asks for a password, and none is given", [
      "Give it as `connection.become.password` (a secret), or allow the login NOPASSWD in sudoers.",
    ]);
  const asked = await machine.run({
    script: `export LC_ALL=C; exec ${sudo(user, "asks")} ${shell}`,
    stdin: `${password}\n`,
    signal: signal(),
  });
  if (asked.exitCode === 0) return "asks";
  const answer = lastLines(asked.stderr, 5);
  return refused(
    /incorrect password|try again|no password was provided/i.test(answer)
      ? "sudo did not accept the password"
      : answer,
    [`Correct \`connection.become.password\`, or the rule in sudoers for ${user}.`],
  );
}

const sudo = (user: string, way: Way): string =>
  way === "asks" ? `sudo -k -S -p '' -H -u ${quote(user)} --` : `sudo -n -k -H -u ${quote(user)} --`;

async function runAs(
  machine: Machine,
  way: Way,
  become: Become,
  request: ScriptRequest,
): Promise<ScriptResult> {
  request.signal.throwIfAborted();
  const { user, method, password } = become;
  const { limit, signal, started } = request;
  const { input } = compose(request);
  const prefix = method === "sudo" ? sudo(user, way) : `doas -n -u ${quote(user)} --`;
  // The login may not end what another user runs: that is asked of sudo, too. Its group is that of the shell it replaced.
  let group: number | undefined;
  const given = new AbortController();
  const killGroup = async (kind: "TERM" | "KILL"): Promise<void> => {
    // Not told yet: it is ended as soon as it is.
    if (group === undefined) return;
    const killer = {
      script: `kill -s ${kind} -- -${group}`,
      signal: within(30, "Ending a script"),
    };
    await runAs(machine, way, become, killer).catch((error: unknown) => {
      if (!(error instanceof OrchError)) throw error;
      given.abort(signal.reason);
    });
  };
  const timers: NodeJS.Timeout[] = [];
  const stop = (): void => {
    void killGroup("TERM");
    const patience = request.killAfterMs ?? killAfterMs;
    timers.push(setTimeout(() => void killGroup("KILL"), patience));
    timers.push(setTimeout(() => given.abort(signal.reason), patience + killAfterMs));
  };
  signal.addEventListener("abort", stop, { once: true });
  try {
    const result = await machine.run({
      script: `exec ${prefix} /bin/sh -c '${silentBootstrap}'`,
      stdin: way === "asks" ? Buffer.concat([Buffer.from(`${password}\n`), input]) : input,
      signal: given.signal,
      ...(limit === undefined ? {} : { limit }),
      started: (id) => {
        group = id;
        started?.(id);
        if (signal.aborted) stop();
      },
    });
    // What the script started and that did not end with it.
    if (signal.aborted) await killGroup("KILL");
    signal.throwIfAborted();
    return result;
  } finally {
    for (const timer of timers) clearTimeout(timer);
    signal.removeEventListener("abort", stop);
  }
}
