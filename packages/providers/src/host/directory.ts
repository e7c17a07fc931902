/** `host:index:Directory`: one folder with its mode and owner, not what is in it. */
import { posix } from "node:path";
import { fail } from "@orch/core/model/failure";
import type { PropertyMap } from "@orch/core/model/value";
import { z } from "zod";
import { type Call, defineResource, type ReadResult } from "../direct/index.js";
import { connectionProperty } from "./connection.js";
import { type FileInfo, type Machine, MachineError, quote } from "./machine.js";
import {
  adjust,
  connectionEffect,
  describeInfo,
  fourDigits,
  groupProperty,
  kindInWords,
  modeProperty,
  observedOwners,
  ownerProperty,
  parseMode,
  pathProperty,
  wantedIds,
} from "./properties.js";
import { readFiles } from "./read-files.js";
import type { HostSession } from "./session.js";
import { ending, lastLines } from "./shell.js";

const inputs = z.strictObject({
  path: pathProperty,
  mode: modeProperty
    .optional()
    .describe('Permission bits in octal. Default: as it is, and "0755" for a new folder.'),
  owner: ownerProperty.optional(),
  group: groupProperty.optional(),
  parents: z
    .boolean()
    .optional()
    .describe("Make missing folders above it too (mode 0755); they stay when it is deleted. Default true."),
  purge: z
    .boolean()
    .optional()
    .describe("Delete it with all that is in it. Default false: a folder that is not empty is not deleted."),
  connection: connectionProperty,
});
const outputs = z.strictObject({
  path: z.string().describe("Where it is."),
  mode: z.string().describe('Permission bits, such as "0755".'),
  owner: z.string().describe("The user it belongs to."),
  group: z.string().describe("The group it belongs to."),
});
type Inputs = z.output<typeof inputs>;

export const directory = defineResource<HostSession>()({
  type: "host:index:Directory",
  importId: "its path",
  description: "A folder on a machine. One that is there already is taken over as it is.",
  inputs,
  outputs,
  replaceOn: ["path"],
  stables: ["path"],
  idOf: ({ path }) => path,
  effect: connectionEffect,

  check({ inputs: given }) {
    const { mode, path, purge } = given;
    return {
      inputs: typeof mode === "string" ? { ...given, mode: fourDigits(mode) } : given,
      failures:
        purge === true && typeof path === "string" && path.lastIndexOf("/") === 0
          ? [
              {
                path: "purge",
                message: `purge is refused for ${path}: it would delete a whole top-level folder`,
                expected: "a folder at least two levels deep",
                found: path,
              },
            ]
          : [],
    };
  },

  predict({ inputs: given, prior }) {
    const known = (key: "mode" | "owner" | "group"): PropertyMap => {
      const value = given[key] ?? prior?.outputs[key];
      return value === undefined || (key !== "mode" && typeof value === "string" && /^\d+$/.test(value))
        ? {}
        : { [key]: value };
    };
    return { path: given.path as string, ...known("mode"), ...known("owner"), ...known("group") };
  },

  async create(call) {
    return { id: call.inputs.path, outputs: await ensure(call, call.inputs) };
  },

  async read({ id, inputs: given, session }) {
    const machine = await session.machine(given.connection);
    const path = given.path ?? id;
    const info = await machine.stat(path);
    return info?.kind === "directory" ? observe(machine, path, given, info) : undefined;
  },

  readMany: ({ reads, session, signal }) =>
    readFiles(session, signal, reads, async (machine, { id, inputs: given }, { info }) =>
      info.kind === "directory" ? observe(machine, given.path ?? id, given, info) : undefined,
    ),

  async update(call) {
    return { outputs: await ensure(call, call.inputs) };
  },

  async delete(call) {
    const { path, connection, purge } = call.inputs;
    const machine = await call.session.machine(connection);
    const info = await machine.stat(path);
    if (info === undefined) return;
    if (info.kind !== "directory") notAFolder(machine, path, info);
    const names = await machine.list(path);
    if (names.length === 0) return machine.removeDirectory(path);
    if (!purge) notEmpty(machine, path, names);
    const result = await machine.run({ script: `rm -rf -- ${quote(path)}`, signal: call.signal });
    if (result.exitCode !== 0)
      fail({
        reason: "provider-error",
        message: `${path} on ${machine.name} could not be deleted: ${ending(result)}`,
        detail: lastLines(result.stderr),
      });
  },
});

async function observe(
  machine: Machine,
  path: string,
  given: Partial<Inputs>,
  info: FileInfo,
): Promise<ReadResult<typeof inputs, typeof outputs>> {
  const now = await describeInfo(machine, info);
  return {
    inputs: {
      ...given,
      path,
      ...(given.mode === undefined && given.path !== undefined ? {} : { mode: now.mode }),
      ...(await observedOwners(machine, given, info)),
    },
    outputs: { path, ...now },
  };
}

async function ensure(call: Call<HostSession>, given: Inputs): Promise<z.input<typeof outputs>> {
  const { path } = given;
  const machine = await call.session.machine(given.connection);
  const ids = await wantedIds(machine, given);
  const mode = given.mode === undefined ? undefined : parseMode(given.mode);
  const before = await machine.stat(path);
  if (before === undefined) {
    if (given.parents ?? true) await makeParents(machine, posix.dirname(path));
    await makeOne(machine, path, mode ?? 0o755);
  }
  const info = before ?? (await machine.stat(path));
  if (info?.kind !== "directory") return notAFolder(machine, path, info);
  await adjust(machine, path, info, mode, ids);
  return { path, ...(await describeInfo(machine, (await machine.stat(path)) ?? info)) };
}

async function makeParents(machine: Machine, path: string): Promise<void> {
  if (path === "/" || (await machine.stat(path)) !== undefined) return;
  await makeParents(machine, posix.dirname(path));
  await makeOne(machine, path, 0o755);
}

/** Another resource may be making the same parent at this moment. */
async function makeOne(machine: Machine, path: string, mode: number): Promise<void> {
  try {
    await machine.makeDirectory(path, mode);
  } catch (error) {
    if (!(error instanceof MachineError) || (await machine.stat(path))?.kind !== "directory") throw error;
  }
}

function notAFolder(machine: Machine, path: string, info: FileInfo | undefined): never {
  return fail({
    reason: "provider-error",
    message: `${path} on ${machine.name} is ${info ? kindInWords[info.kind] : "gone"}, not a folder`,
    path: "path",
    expected: "a folder, or nothing",
    found: info ? kindInWords[info.kind] : "nothing",
    next: ["Remove it by hand, or choose another path."],
  });
}

function notEmpty(machine: Machine, path: string, names: readonly string[]): never {
  const shown = [...names].sort().slice(0, 10);
  const rest = names.length - shown.length;
  return fail({
    reason: "provider-error",
    message: `${path} on ${machine.name} is not empty, so it is not deleted`,
    path: "purge",
    expected: "an empty folder, or `purge: true`",
    found: `${shown.join(", ")}${rest > 0 ? ` and ${rest} more` : ""}`,
    next: [
      "Delete what is in it, or apply once with `purge: true` and then delete it.",
      "Or keep it: resource option `retainOnDelete: true`.",
    ],
  });
}
