/**
 * A change that may cut orch off from the machine: it is made with a timer on the machine that takes it back, and the timer is stopped over a
 * connection that was made after the change. Whatever happens to orch meanwhile, the machine comes back by itself.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { type Failure, fail, OrchError, toFailure } from "@orch/core/model/failure";
import type { Call } from "../../direct/index.js";
import type { Connection } from "../connection.js";
import { type Machine, within } from "../machine.js";
import type { HostSession } from "../session.js";
import { act, Found, look, words } from "./report.js";

export interface Guard {
  /** Letters, digits and `-`: of what is changed. Changes of one name are made one after another. */
  readonly name: string;
  /** The time that orch has to connect anew. */
  readonly seconds: number;
  /** Shell text that writes into the folder `$g`, before the change, what {@link Guard.undo} needs. */
  readonly save: string;
  /** Shell text that takes the change back, with what is in `$g`. It is all that runs when orch is gone. */
  readonly undo: string;
  /** Shell text after orch has come back: what makes the change last. */
  readonly keep: string;
  /** The property that cut orch off. */
  readonly path: string;
  /** What to do about it. */
  readonly next: readonly string[];
}

/** Sets `$g`. Nobody but root, or the user, can put something there. */
const folder = (name: string): string =>
  `g=/run/orch/${name}; [ "$(id -u)" = 0 ] || g=$HOME/.cache/orch/${name}`;

/** Waits while a change of that name is neither kept nor taken back: orch was killed in the middle of it. Its time is in the file. */
export const untilDecided = (name: string): string => `
  ${folder(name)}
  for p in "$g"/pending-*; do
    while [ -e "$p" ] && [ "$(date +%s)" -le "$(( $(cat -- "$p" 2>/dev/null || echo 0) + 2 ))" ]; do sleep 1; done
  done`;

/**
 * The timer first, then the change. Who renames `pending` decides, and only one can: orch by keeping, or the timer by undoing. The timer is
 * no child of the login, which may end with the connection; and a restart of the machine brings back what was kept last.
 */
function arm(guard: Guard, token: string, change: string): string {
  const undo = `PATH=$PATH:/usr/sbin:/sbin:/usr/bin:/bin; export PATH LC_ALL=C; g=\${0%/*}
[ "$1" = now ] || sleep ${guard.seconds}
mv -- "$g/pending-${token}" "$g/undoing-${token}" 2>/dev/null || exit 0
{ ${guard.undo}
} >"$g/said" 2>&1 && mv -- "$g/undoing-${token}" "$g/undone-${token}"`;
  return `
    ${folder(guard.name)}; rm -rf -- "$g"; ( umask 077; mkdir -p -- "$g"
      ${guard.save}
      printf '%s\\n' ${words(undo)} >"$g/undo"
      echo "$(( $(date +%s) + ${guard.seconds} ))" >"$g/pending-${token}" )
    if [ -d /run/systemd/system ] && have systemd-run &&
      systemd-run --quiet --unit=${words(`orch-${guard.name}-${token}`)} /bin/sh "$g/undo" </dev/null; then :
    elif have setsid; then setsid /bin/sh "$g/undo" </dev/null >/dev/null 2>&1 &
    else ( trap '' HUP; exec /bin/sh "$g/undo" </dev/null >/dev/null 2>&1 ) &
    fi
    set +e; ( set -e
      ${change}
    ); c=$?; set -e
    [ $c -eq 0 ] || { rm -rf -- "$g"; exit $c; }`;
}

/** Seconds beyond the guard's that an answer may take once the way is free again: what was lost meanwhile is sent anew at growing intervals. */
const patience = 60;

/**
 * Does the work's script, connects anew, keeps the change there and looks. Where orch can't connect within the guard's seconds, the change is
 * taken back, at once where the former connection still lives and else by the machine's timer; then it fails with `conflict`, which says whether
 * the former state is back.
 */
export async function guarded(
  machine: Machine,
  call: Pick<Call<HostSession>, "session" | "signal">,
  connection: Connection | undefined,
  functions: string,
  work: { readonly script: string; readonly guard: Guard; readonly what: string },
  then: { readonly script: string },
): Promise<Found> {
  const { guard, what } = work;
  const { session, signal } = call;
  const token = crypto.randomUUID().slice(0, 8);
  const limit = AbortSignal.any([signal, within(guard.seconds + patience, what)]);
  try {
    await act(machine, limit, functions, { script: arm(guard, token, work.script), what });
  } catch (error) {
    // No answer: what was changed may be just why. The machine's refusals are another thing.
    if (signal.aborted || !isCutOff(toFailure(error))) throw error;
  }
  const keep = `
    set -e; ${folder(guard.name)}
    if mv -- "$g/pending-${token}" "$g/kept" 2>/dev/null; then
      { :; ${guard.keep}
        rm -rf -- "$g"; } >&2
      set +e
      ${then.script}
    else put undone yes; fi`;
  let why: Failure;
  try {
    const found = await session.anew(connection, guard.seconds, async (fresh) => {
      const [one] = await look(fresh, limit, functions, [{ script: keep, what }]);
      if (one instanceof Found) return one;
      throw new OrchError((one as { failure: Failure }).failure);
    });
    if (!found.has("undone")) return found;
    why = { reason: "timeout", message: `no new connection within ${guard.seconds} s` };
  } catch (error) {
    why = toFailure(error);
    if (signal.aborted || !isCutOff(why)) throw error;
  }
  const restored = await takenBack(machine, guard, token, functions, what);
  return fail({
    reason: "conflict",
    message: `${what} cut orch off from ${machine.name}: ${why.message}. ${
      restored === true
        ? "What was there before is back"
        : `The machine takes it back by itself after ${guard.seconds} s, which orch could not see`
    }`,
    path: guard.path,
    expected: `a new connection to ${machine.name} within ${guard.seconds} s`,
    found: why.found ?? why.message,
    ...(restored === true ? {} : { detail: restored }),
    next: guard.next,
  });
}

const isCutOff = ({ reason }: Failure): boolean =>
  ["connection-failed", "connection-lost", "authentication-failed", "timeout"].includes(reason);

/** True: it is. Else why that could not be seen. */
async function takenBack(
  machine: Machine,
  guard: Guard,
  token: string,
  functions: string,
  what: string,
): Promise<true | string> {
  const script = `
    ${folder(guard.name)}
    /bin/sh "$g/undo" now
    n=0; while [ -e "$g/undoing-${token}" ] && [ $n -lt 20 ]; do sleep 1; n=$((n+1)); done
    if [ -e "$g/undone-${token}" ]; then put back yes; else put back no; fi`;
  const deadline = Date.now() + (guard.seconds + 2) * 1000;
  let problem = "";
  for (const wait of [0, 1]) {
    // A second try when the machine's timer has fired: the way may be free only then.
    if (wait) await sleep(Math.max(0, deadline - Date.now()));
    try {
      const [found] = await look(machine, within(guard.seconds + patience, what), functions, [
        { script, what },
      ]);
      if (found instanceof Found && found.text("back") === "yes") return true;
      problem =
        found instanceof Found ? "the former state could not be loaded" : (found?.failure.message ?? "");
    } catch (error) {
      problem = toFailure(error).message;
    }
  }
  return problem;
}
