/** `host:index:Command`: what only a script can do, with its own ways to change, undo and look. */
import { randomBytes } from "node:crypto";
import { type Failure, fail, OrchError } from "@orch/core/model/failure";
import { equal, type PropertyMap, reveal, type Value } from "@orch/core/model/value";
import { z } from "zod";
import { type Call, defineResource } from "../direct/index.js";
import { connectionProperty } from "./connection.js";
import type { ScriptResult } from "./machine.js";
import { connectionEffect } from "./properties.js";
import type { HostSession } from "./session.js";
import { ending, lastLines } from "./shell.js";

const script = z.string().min(1);
const inputs = z.strictObject({
  create: script.describe("Script that makes it. Exit code 0 means made."),
  update: script
    .optional()
    .describe(
      "Script for a change of a script, the environment or the input, and for drift. Default: `create` again, so that one should bear it.",
    ),
  delete: script.optional().describe("Script that undoes it. Default: nothing is done."),
  read: script
    .optional()
    .describe(
      "Script that prints what is there, for drift: other output than after the last run is a change; an exit code other than 0 means that it is gone (126 and 127: a failure).",
    ),
  triggers: z
    .array(z.unknown())
    .optional()
    .describe("Any values; when one changes, it is deleted and created anew."),
  environment: z
    .record(
      z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "a name of letters, digits and underscores"),
      z.union([z.string(), z.number(), z.boolean()]),
    )
    .optional()
    .describe("Variables of all the scripts; may be secret, and never show in a process list."),
  interpreter: z
    .array(z.string().min(1))
    .min(1)
    .optional()
    .describe(
      'Program and arguments that get a file with the script, such as ["python3"]. Default: /bin/sh.',
    ),
  cwd: z
    .string()
    .min(1)
    .optional()
    .describe("Folder to run in. Default: the login's home, or locally the project's folder."),
  stdin: z.string().optional().describe("Standard input of `create` and `update`."),
  timeout: z.number().positive().optional().describe("Seconds that one script may take. Default: no limit."),
  connection: connectionProperty,
});
const outputs = z.strictObject({
  stdout: z.string().describe("What `create` or `update` printed last (the last 256 KiB)."),
  stderr: z.string().describe("What it printed as errors."),
  exitCode: z.number().describe("0."),
  observed: z.string().optional().describe("What `read` printed when it last ran."),
  expected: z.string().optional().describe("What `read` printed right after the last `create` or `update`."),
});
type Inputs = z.output<typeof inputs>;
type Outputs = z.output<typeof outputs>;

/** A change of one of these runs `update`; `triggers` replaces; the others (delete, read, timeout) are only remembered. */
const runsUpdate = ["create", "update", "environment", "stdin", "interpreter", "cwd"] as const;

export const command = defineResource<HostSession>()({
  type: "host:index:Command",
  description:
    "Scripts on a machine. A script goes over standard input: it and its environment never show in a process list.",
  inputs,
  outputs,
  replaceOn: ["triggers"],
  deleteBeforeReplace: true,
  effect: connectionEffect,

  outputChanges: ({ oldOutputs }) =>
    drifted(oldOutputs) ? [{ path: "observed", reason: "`read` prints something else than it did" }] : [],

  predict({ inputs: given, prior }) {
    if (prior === undefined || mustRun(prior.inputs, given, prior.outputs)) return {};
    if (equal(reveal(prior.inputs.read ?? null), reveal(given.read ?? null))) return prior.outputs;
    const { observed: _observed, expected: _expected, ...rest } = prior.outputs;
    return rest;
  },

  async create(call) {
    const ran = await run(call, call.inputs, "create", call.inputs.create, call.inputs.stdin);
    const id = randomBytes(8).toString("hex");
    return { id, ...(await finished(call, call.inputs, ran)) };
  },

  async update(call) {
    const { inputs: given, oldInputs, oldOutputs } = call;
    if (mustRun(oldInputs as PropertyMap, given as PropertyMap, oldOutputs as PropertyMap)) {
      const [verb, text] =
        given.update === undefined
          ? (["create", given.create] as const)
          : (["update", given.update] as const);
      return finished(call, given, await run(call, withLast(given, oldOutputs), verb, text, given.stdin));
    }
    return finished(call, given, { ...oldOutputs });
  },

  async read({ id, inputs: given, outputs: last, ...call }) {
    if (given.create === undefined)
      return fail({
        reason: "unsupported",
        message: "A host.Command can't be imported: there is nothing to read its scripts from",
        next: ["Create it with orch; write `create` so that it does no harm when things are there already."],
      });
    const known = last as Outputs;
    if (given.read === undefined) return { id, inputs: given, outputs: known };
    const observed = await look(call, given as Inputs, given.read);
    if (observed === undefined) return undefined;
    return { id, inputs: given, outputs: { ...known, observed } };
  },

  async delete(call) {
    const { inputs: given, outputs: last } = call;
    if (given.delete === undefined) return;
    await run(call, withLast(given, last), "delete", given.delete, undefined);
  },
});

const drifted = (last: PropertyMap): boolean =>
  last.expected !== undefined && !equal(reveal(last.expected), reveal(last.observed ?? null));

function mustRun(before: PropertyMap, after: PropertyMap, last: PropertyMap): boolean {
  const differs = (key: string): boolean => !equal(plainOf(before[key]), plainOf(after[key]));
  return drifted(last) || runsUpdate.some(differs);
}
const plainOf = (value: Value | undefined): Value => reveal(value ?? null);

/** `update` and `delete` learn what the last run printed. Longer texts than a variable may be are left out. */
function withLast(given: Inputs, last: Partial<Outputs>): Inputs {
  const short = (text: string | undefined): string =>
    text !== undefined && text.length <= 64 * 1024 ? text : "";
  return {
    ...given,
    environment: { ORCH_STDOUT: short(last.stdout), ORCH_STDERR: short(last.stderr), ...given.environment },
  };
}

type AnyCall = Pick<Call<HostSession>, "session" | "signal">;

/** The result of a script of the resource, whatever its exit code; a timeout is a failure. */
async function execute(
  call: AnyCall,
  given: Inputs,
  verb: string,
  text: string,
  stdin?: string,
): Promise<ScriptResult> {
  const machine = await call.session.machine(given.connection);
  const { environment, interpreter, cwd, timeout } = given;
  const timer = new AbortController();
  let limit: NodeJS.Timeout | undefined;
  const started = (): void => {
    if (timeout !== undefined)
      limit = setTimeout(
        () => timer.abort(new OrchError(tooLong(verb, timeout, machine.name))),
        timeout * 1000,
      );
  };
  try {
    return await machine.run({
      script: text,
      started,
      // It changes nothing, so there is nothing to clean up.
      ...(verb === "read" ? { killAfterMs: 500 } : {}),
      signal: AbortSignal.any([call.signal, timer.signal]),
      ...(environment
        ? {
            environment: Object.fromEntries(
              Object.entries(environment).map(([key, value]) => [key, String(value)]),
            ),
          }
        : {}),
      ...(interpreter ? { interpreter } : {}),
      ...(cwd === undefined ? {} : { cwd }),
      ...(stdin === undefined ? {} : { stdin }),
    });
  } finally {
    clearTimeout(limit);
  }
}

async function run(
  call: AnyCall,
  given: Inputs,
  verb: string,
  text: string,
  stdin: string | undefined,
): Promise<{ stdout: string; stderr: string; exitCode: number }> {
  const result = await execute(call, given, verb, text, stdin);
  const { stdout, stderr, exitCode } = result;
  if (exitCode === 0) return { stdout, stderr, exitCode };
  return fail(ended(verb, result, (await call.session.machine(given.connection)).name));
}

/** What `read` prints; undefined: gone. */
async function look(call: AnyCall, given: Inputs, text: string): Promise<string | undefined> {
  const result = await execute(call, given, "read", text);
  if (result.exitCode === 0) return result.stdout;
  if (result.exitCode === null || result.exitCode === 126 || result.exitCode === 127)
    return fail(ended("read", result, (await call.session.machine(given.connection)).name));
  return undefined;
}

/** Outputs after a run, with what `read` says now as what is expected from here on. */
async function finished(
  call: AnyCall,
  given: Inputs,
  { stdout, stderr, exitCode }: { stdout: string; stderr: string; exitCode: number },
): Promise<{ outputs: z.input<typeof outputs>; unfinished?: readonly string[] }> {
  const ran = { stdout, stderr, exitCode };
  if (given.read === undefined) return { outputs: ran };
  try {
    const observed = await look(call, given, given.read);
    if (observed !== undefined) return { outputs: { ...ran, observed, expected: observed } };
    return { outputs: ran, unfinished: ["`read` says that it is not there, although the script ended well"] };
  } catch (error) {
    // The script has done its work: that must not be lost because looking at it failed.
    if (!(error instanceof OrchError)) throw error;
    return { outputs: ran, unfinished: [[error.message, error.failure.detail].filter(Boolean).join(": ")] };
  }
}

const ended = (verb: string, result: ScriptResult, machine: string): Failure => ({
  reason: "provider-error",
  message: `The script \`${verb}\` ended with ${ending(result)} on ${machine}`,
  path: verb,
  expected: "exit code 0",
  found: ending(result),
  detail: lastLines(result.stderr.trim() === "" ? result.stdout : result.stderr),
  next: [`Correct the script \`${verb}\`, or what it found, and apply again.`],
});
const tooLong = (verb: string, seconds: number, machine: string): Failure => ({
  reason: "timeout",
  message: `The script \`${verb}\` was stopped after ${seconds} s on ${machine}`,
  path: "timeout",
  expected: `an end within ${seconds} s`,
  found: "still running",
  next: ["Raise `timeout`, or find out what the script waits for."],
});
