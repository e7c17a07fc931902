/** Properties that files and directories have in common. */
import { posix } from "node:path";
import type { ChangeEffect } from "@orch/core/model/diff";
import { OrchError } from "@orch/core/model/failure";
import { z } from "zod";
import type { DiffCall, PropertyDifference } from "../direct/index.js";
import { machineName } from "./connection.js";
import type { FileInfo, Machine } from "./machine.js";
import { nameOf, numberOf } from "./owners.js";
import type { HostSession } from "./session.js";

export const pathProperty = z
  .string()
  .refine(
    (path) => path.startsWith("/") && path !== "/" && posix.normalize(path) === path && !/\/$|\0/.test(path),
    {
      error: "an absolute path without `.`, `..` or a slash at the end, such as /etc/motd",
    },
  )
  .describe("Absolute path on the machine. Another path is another object: it replaces.");
export const modeProperty = z
  .string()
  .regex(/^0?[0-7]{3,4}$/, 'a string of octal digits such as "0644"')
  .describe('Permission bits in octal, such as "0644".');
const ownerText = /^[^:\s]+$/;
export const ownerProperty = z
  .string()
  .regex(ownerText, "a user's name or number")
  .describe("User's name or number. Default: whoever has it already, or the login's user.");
export const groupProperty = z
  .string()
  .regex(ownerText, "a group's name or number")
  .describe("Group's name or number. Default: as with `owner`.");

export const formatMode = (mode: number): string => mode.toString(8).padStart(4, "0");
export const parseMode = (text: string): number => Number.parseInt(text, 8);
export const fourDigits = (text: string): string => formatMode(parseMode(text));

/** Moving to another machine is a new object there; other changes of how it is reached touch nothing. */
export function connectionEffect(
  change: PropertyDifference,
  call: DiffCall<HostSession>,
): { effect: ChangeEffect; reason: string } | undefined {
  if (change.path[0] !== "connection") return undefined;
  const own = call.session?.connection;
  const [before, after] = [
    machineName(call.oldInputs.connection, own),
    machineName(call.newInputs.connection, own),
  ];
  return before !== undefined && before === after
    ? { effect: "update", reason: "only how the machine is reached" }
    : { effect: "replace", reason: "it moves to another machine" };
}

interface Owned {
  readonly owner?: string | undefined;
  readonly group?: string | undefined;
}

/** The ids that are wanted; -1 where the inputs leave it. */
export async function wantedIds(machine: Machine, inputs: Owned): Promise<{ uid: number; gid: number }> {
  return {
    uid: inputs.owner === undefined ? -1 : await numberOf(machine, "user", inputs.owner),
    gid: inputs.group === undefined ? -1 : await numberOf(machine, "group", inputs.group),
  };
}

/** Mode and owner of what is there made as wanted, where they differ. */
export async function adjust(
  machine: Machine,
  path: string,
  now: FileInfo,
  mode: number | undefined,
  ids: { readonly uid: number; readonly gid: number },
): Promise<void> {
  const owned = (ids.uid < 0 || ids.uid === now.uid) && (ids.gid < 0 || ids.gid === now.gid);
  if (!owned) await machine.chown(path, ids.uid, ids.gid);
  // Changing the owner takes setuid and setgid away.
  if (mode !== undefined && (mode !== now.mode || (!owned && mode > 0o777))) await machine.chmod(path, mode);
}

/** Mode and owner as outputs say them. */
export async function describeInfo(
  machine: Machine,
  info: FileInfo,
): Promise<{ mode: string; owner: string; group: string }> {
  const [owner, group] = await Promise.all([
    nameOf(machine, "user", info.uid),
    nameOf(machine, "group", info.gid),
  ]);
  return { mode: formatMode(info.mode), owner, group };
}

/** Managed inputs with what is really there put in: a name stays as given while it still means the same. */
export async function observedOwners(machine: Machine, inputs: Owned, info: FileInfo): Promise<Owned> {
  const now = await describeInfo(machine, info);
  const same = async (kind: "user" | "group", given: string, id: number): Promise<boolean> => {
    try {
      return (await numberOf(machine, kind, given)) === id;
    } catch (error) {
      if (!(error instanceof OrchError) || error.failure.reason !== "invalid-property") throw error;
      return false; // The name is not there any more.
    }
  };
  return {
    ...(inputs.owner === undefined
      ? {}
      : { owner: (await same("user", inputs.owner, info.uid)) ? inputs.owner : now.owner }),
    ...(inputs.group === undefined
      ? {}
      : { group: (await same("group", inputs.group, info.gid)) ? inputs.group : now.group }),
  };
}

export const kindInWords = {
  file: "a file",
  directory: "a folder",
  link: "a symbolic link",
  other: "a device, socket or pipe",
} as const;
