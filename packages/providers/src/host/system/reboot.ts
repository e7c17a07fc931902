/** `host:index:Reboot`: the machine restarted when something changes, and waited for. */
import { setTimeout as sleep } from "node:timers/promises";
import { fail, OrchError } from "@orch/core/model/failure";
import { z } from "zod";
import { type Call, defineResource } from "../../direct/index.js";
import { connectionProperty } from "../connection.js";
import { type Machine, within } from "../machine.js";
import { connectionEffect } from "../properties.js";
import type { HostSession } from "../session.js";
import { act, Found, look, words } from "./report.js";

const inputs = z.strictObject({
  triggers: z
    .array(z.unknown())
    .optional()
    .describe("Any values, such as a kernel's version; when one changes, the machine is restarted."),
  onlyIfNeeded: z
    .boolean()
    .optional()
    .describe(
      "Restart only where the system says that it needs it (/run/reboot-required; `needs-restarting -r`). Default false.",
    ),
  command: z
    .string()
    .min(1)
    .optional()
    .describe("What restarts it. Default: `systemctl reboot`, or `reboot`."),
  wait: z.number().min(1).max(7200).optional().describe("Seconds until it must be back. Default 600."),
  connection: connectionProperty,
});
const outputs = z.strictObject({
  bootId: z.string().describe("The kernel's id of this start of the machine."),
  rebooted: z.boolean().describe("The last apply restarted it."),
});
type Inputs = z.output<typeof inputs>;

const lookAtBoot = `
  put boot "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null || sysctl -n kern.bootsessionuuid)"
  if [ -e /run/reboot-required ] || [ -e /var/run/reboot-required ]; then put needed yes
  elif have needs-restarting && ! needs-restarting -r >/dev/null 2>&1; then put needed yes; fi`;
/** Marks what a step has begun, so that the same step, sent again after a crash, does not restart the machine once more. */
const markOf = (token: string): string => `/var/lib/orch/reboot-${token.replace(/[^A-Za-z0-9-]/g, "")}`;

export const reboot = defineResource<HostSession>()({
  type: "host:index:Reboot",
  description:
    "Restarts a machine when it is made and when one of its triggers changes, and waits until it is back.",
  inputs,
  outputs,
  findAgain: "token",
  effect: (change, call) => connectionEffect(change, call),
  predict: ({ inputs: given, prior }) =>
    prior !== undefined && JSON.stringify(prior.inputs.triggers) === JSON.stringify(given.triggers)
      ? prior.outputs
      : {},

  async create(call) {
    const machine = await call.session.machine(call.inputs.connection);
    const done = await restart(call, machine, call.inputs, call.token);
    return { id: `reboot-${done.bootId}`, outputs: done };
  },
  async read({ id, inputs: given, outputs: last, session, signal }) {
    const machine = await session.machine(given.connection);
    return {
      id,
      inputs: given,
      outputs: { bootId: await bootOf(machine, signal), rebooted: last.rebooted ?? false },
    };
  },
  async update(call) {
    const machine = await call.session.machine(call.inputs.connection);
    const same = JSON.stringify(call.oldInputs.triggers ?? []) === JSON.stringify(call.inputs.triggers ?? []);
    if (same) return { outputs: { ...call.oldOutputs, rebooted: false } };
    return { outputs: await restart(call, machine, call.inputs, undefined) };
  },
});

async function facts(machine: Machine, signal: AbortSignal): Promise<Found> {
  const [found] = await look(machine, signal, "", [
    { what: "Looking at the machine's start", script: lookAtBoot },
  ]);
  if (found instanceof Found) return found;
  throw new OrchError(found?.failure ?? { reason: "provider-error", message: "no answer" });
}
const bootOf = async (machine: Machine, signal: AbortSignal): Promise<string> =>
  (await facts(machine, signal)).text("boot");

async function restart(
  call: Call<HostSession>,
  machine: Machine,
  given: Inputs,
  token: string | undefined,
): Promise<z.input<typeof outputs>> {
  if (machine.name.startsWith("this machine"))
    fail({
      reason: "unsupported",
      message: "orch does not restart the machine that it runs on",
      path: "connection",
      expected: "another machine, over SSH",
      found: machine.name,
      next: ["Run orch elsewhere, or restart it by hand."],
    });
  const { signal } = call;
  const found = await facts(machine, signal);
  const before = found.text("boot");
  if (given.onlyIfNeeded && !found.has("needed")) return { bootId: before, rebooted: false };
  const mark = token === undefined ? undefined : markOf(token);
  const command =
    given.command ??
    "if have systemctl && [ -d /run/systemd/system ]; then systemctl reboot; else reboot; fi";
  // The script has to end before the machine does, and what restarts it must not end with the login.
  const later = `PATH=$PATH:/usr/sbin:/sbin; have() { command -v "$1" >/dev/null 2>&1; }; sleep 1; ${command}`;
  await act(machine, signal, "", {
    what: "Restarting the machine",
    script: `
      ${
        mark === undefined
          ? ""
          : `mkdir -p /var/lib/orch
             if [ -e ${mark} ] && [ "$(cat ${mark})" != ${words(before)} ]; then exit 0; fi
             printf '%s' ${words(before)} >${mark}`
      }
      [ "$(id -u)" = 0 ] || { echo 'restarting: Permission denied'; exit 1; }
      if have setsid; then setsid sh -c ${words(later)} >/dev/null 2>&1 </dev/null &
      else nohup sh -c ${words(later)} >/dev/null 2>&1 </dev/null & fi`,
  });
  const done = mark === undefined ? undefined : await marked(machine, mark, before, signal);
  if (done) {
    await act(machine, signal, "", { what: "Tidying up", script: `rm -f -- ${mark}` });
    return { bootId: before, rebooted: true };
  }
  const seconds = given.wait ?? 600;
  const deadline = Date.now() + seconds * 1000;
  let last = "it did not go down";
  while (Date.now() < deadline) {
    await sleep(1_000, undefined, { signal }).catch(() => signal.throwIfAborted());
    signal.throwIfAborted();
    try {
      const now = await bootOf(machine, AbortSignal.any([signal, within(30, "Looking for the machine")]));
      if (now !== before) {
        if (mark !== undefined)
          await act(machine, signal, "", { what: "Tidying up", script: `rm -f -- ${mark}` });
        return { bootId: now, rebooted: true };
      }
    } catch (error) {
      signal.throwIfAborted();
      if (!(error instanceof OrchError)) throw error;
      const { reason } = error.failure;
      // Going down and coming up look like this; another key or a refused login does not pass by waiting.
      if (reason === "host-key-mismatch") throw error;
      last = error.message;
    }
  }
  return fail({
    reason: "timeout",
    message: `${machine.name} did not come back within ${seconds} s`,
    path: "wait",
    expected: "a new start of the machine",
    found: last,
    next: ["Look at its console. When it is back, apply again.", "Or give it longer with `wait`."],
  });
}

/** Was this step's restart done by an earlier try? */
async function marked(machine: Machine, mark: string, now: string, signal: AbortSignal): Promise<boolean> {
  const [found] = await look(machine, signal, "", [
    { what: "Looking for an earlier try", script: `put mark "$(cat ${mark} 2>/dev/null)"` },
  ]).catch((error: unknown) => {
    // It is going down already.
    if (error instanceof OrchError && error.failure.reason.startsWith("connection-")) return [];
    throw error;
  });
  return found instanceof Found && found.text("mark") !== "" && found.text("mark") !== now;
}
