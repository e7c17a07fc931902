/** `host:index:File`: one regular file with its content, mode and owner. */
import { posix } from "node:path";
import { fail } from "@orch/core/model/failure";
import { Asset, hasSecret, hasUnknown, type PropertyMap, reveal, Secret } from "@orch/core/model/value";
import { z } from "zod";
import { asset, type Call, defineResource, type ReadResult } from "../direct/index.js";
import { connectionProperty } from "./connection.js";
import { asText, contentBytes, resolveContent, sha256, textLimit } from "./content.js";
import { type FileInfo, type Machine, MachineError } from "./machine.js";
import {
  adjust,
  connectionEffect,
  describeInfo,
  formatMode,
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

const inputs = z.strictObject({
  path: pathProperty,
  content: z.string().optional().describe("The content as text (UTF-8)."),
  source: asset()
    .optional()
    .describe("The content as an asset of the program's: a file, a text or a URL; may be binary."),
  template: z
    .union([z.string(), asset()])
    .optional()
    .describe("The content as a Liquid template, filled in with `variables`."),
  variables: z
    .record(z.string(), z.unknown())
    .optional()
    .describe(
      "What the template may use. A variable that the template names and that is not here is an error.",
    ),
  mode: modeProperty
    .optional()
    .describe('Permission bits in octal. Default "0644", or "0600" when the content is secret.'),
  owner: ownerProperty.optional(),
  group: groupProperty.optional(),
  overwrite: z
    .boolean()
    .optional()
    .describe(
      "Replace content that orch has neither put there nor shown in a plan. Default false: then such a file is a failure that says so.",
    ),
  backup: z
    .boolean()
    .optional()
    .describe("Keep what is replaced beside the file, as `<path>.<time>.bak`. Default false."),
  connection: connectionProperty,
});

const outputs = z.strictObject({
  path: z.string().describe("Where it is."),
  sha256: z.string().describe("SHA-256 of the content, lower-case hex."),
  size: z.number().describe("Bytes."),
  mode: z.string().describe('Permission bits, such as "0644".'),
  owner: z.string().describe("The user it belongs to."),
  group: z.string().describe("The group it belongs to."),
  content: z
    .string()
    .optional()
    .describe(`The content, where it is text of at most ${textLimit / 1024} KiB.`),
});
type Inputs = z.output<typeof inputs>;

export const file = defineResource<HostSession>()({
  type: "host:index:File",
  importId: "its path",
  description:
    "A file on a machine. It is written whole, beside its place and then moved there, so nobody ever sees half of it.",
  inputs,
  outputs,
  replaceOn: ["path"],
  stables: ["path"],
  secretOutputs: (given) =>
    hasSecret(given.content) || hasSecret(given.source) ? ["content", "sha256"] : [],
  idOf: ({ path }) => path,

  async check({ inputs: given, session }) {
    const resolved = await resolveContent(given, session?.context.projectDir ?? process.cwd());
    const mode = resolved.inputs.mode ?? (isSecretContent(resolved.inputs) ? "0600" : "0644");
    return {
      ...resolved,
      inputs: { ...resolved.inputs, mode: typeof mode === "string" ? fourDigits(mode) : mode },
    };
  },

  effect(change, call) {
    const [top] = change.path;
    const { content: before } = call.oldInputs;
    const { content: after } = call.newInputs;
    // The lines of the content say it; while they are not known, what they are made of does.
    if (top === "template" || top === "variables")
      return hasUnknown(after) ? { effect: "update", reason: "the content is made of it" } : "unseen";
    if (top === "source" && before !== undefined && after !== undefined) return "unseen";
    return connectionEffect(change, call);
  },

  predict({ inputs: given, prior }) {
    const { content } = given;
    const known = content !== undefined && !hasUnknown(content);
    const bytes = known ? Buffer.from(reveal(content) as string, "utf8") : undefined;
    const sourceHash = reveal(given.source ?? null);
    const hash =
      bytes !== undefined
        ? sha256(bytes)
        : content === undefined && sourceHash instanceof Asset
          ? sourceHash.hash
          : undefined;
    const kept = (key: "owner" | "group"): PropertyMap => {
      const value = given[key] ?? prior?.outputs[key];
      // A number becomes a name when it is read back.
      return value === undefined || (typeof value === "string" && /^\d+$/.test(value))
        ? {}
        : { [key]: value };
    };
    return {
      path: given.path as string,
      ...(given.mode === undefined ? {} : { mode: given.mode }),
      ...kept("owner"),
      ...kept("group"),
      ...(content === undefined ? {} : { content }),
      ...(hash === undefined ? {} : { sha256: hash }),
      ...(bytes === undefined ? {} : { size: bytes.length }),
    };
  },

  async create(call) {
    const machine = await call.session.machine(call.inputs.connection);
    return { id: call.inputs.path, outputs: await place(machine, call, call.inputs, []) };
  },

  async read({ id, inputs: given, outputs: last, session }) {
    const machine = await session.machine(given.connection);
    const path = given.path ?? id;
    const info = await machine.stat(path);
    if (info?.kind !== "file") return undefined;
    return observe(machine, path, given, last, info, await machine.read(path));
  },

  readMany: ({ reads, session, signal }) =>
    readFiles(session, signal, reads, async (machine, { id, inputs: given, outputs: last }, found) => {
      const path = given.path ?? id;
      if (found.info.kind !== "file") return undefined;
      return observe(machine, path, given, last, found.info, found.content);
    }),

  async update(call) {
    const machine = await call.session.machine(call.inputs.connection);
    const { sha256: last } = call.oldOutputs;
    return { outputs: await place(machine, call, call.inputs, last === undefined ? [] : [last]) };
  },

  async delete({ inputs: { path, connection }, session }) {
    const machine = await session.machine(connection);
    const info = await machine.stat(path);
    if (info === undefined) return;
    if (info.kind !== "file")
      notAFile(machine, path, info, "Remove it by hand, or take it out of the state.");
    await gone(machine.remove(path));
  },
});

/** Without `content`, it is what `last` says. */
async function observe(
  machine: Machine,
  path: string,
  given: Partial<Inputs>,
  last: Partial<z.output<typeof outputs>>,
  info: FileInfo,
  content: Buffer | undefined,
): Promise<ReadResult<typeof inputs, typeof outputs>> {
  const now =
    content === undefined
      ? {
          path,
          sha256: last.sha256 ?? "",
          size: info.size,
          ...(await describeInfo(machine, info)),
          ...(last.content === undefined ? {} : { content: last.content }),
        }
      : await describe(machine, path, info, content);
  const text = now.content;
  const observed: Partial<Inputs> = {
    ...given,
    path,
    mode: now.mode,
    ...(await observedOwners(machine, given, info)),
  };
  if (now.sha256 === last.sha256 || (given.content !== undefined && text === given.content))
    return { inputs: observed, outputs: now };
  // What is really there, in the form that the inputs have it.
  const { content: _content, ...rest } = observed;
  if (text !== undefined && (given.content !== undefined || given.source === undefined))
    return { inputs: { ...rest, content: text }, outputs: now };
  const source = new Asset({ kind: "uri", uri: `file://${path}` }, now.sha256);
  return { inputs: { ...rest, source }, outputs: now };
}

const isSecretContent = (given: PropertyMap): boolean =>
  hasSecret(given.content) || given.source instanceof Secret;

/** Puts the file there, unless it is there already. `seen`: hashes of content that may be replaced without asking. */
async function place(
  machine: Machine,
  call: Call<HostSession>,
  given: Inputs,
  seen: readonly string[],
): Promise<z.input<typeof outputs>> {
  const { path } = given;
  const content = await contentBytes(given, call.session.context.projectDir, call.signal);
  const hash = sha256(content);
  const mode = parseMode(given.mode ?? "0644");
  const now = await machine.stat(path);
  if (now !== undefined && now.kind !== "file" && !(given.overwrite && now.kind === "link"))
    notAFile(
      machine,
      path,
      now,
      now.kind === "link"
        ? "Manage the file that it points to, or set `overwrite: true`."
        : "Choose another path.",
    );
  const existing = now?.kind === "file" ? await machine.read(path) : undefined;
  const existingHash = existing && sha256(existing);
  call.signal.throwIfAborted();
  const ids = await wantedIds(machine, given);
  if (now !== undefined && existingHash === hash) {
    await adjust(machine, path, now, mode, ids);
  } else {
    if (existing && existingHash && !given.overwrite && !seen.includes(existingHash))
      refuse(machine, path, content, existing, seen.length > 0);
    if (given.backup && existing && now) await backUp(machine, path, existing, now);
    await write(machine, call, path, content, mode, ids, now?.kind === "file" ? now : undefined);
  }
  const after = await machine.stat(path);
  if (after?.kind !== "file")
    return fail({
      reason: "provider-error",
      message: `${path} on ${machine.name} was written, and is ${after ? kindInWords[after.kind] : "gone"} now`,
      expected: "the file that was just written",
      found: after ? kindInWords[after.kind] : "nothing",
      next: ["Find out what else writes there."],
    });
  return describe(machine, path, after, content);
}

/** Beside its place, on the disk, with mode and owner; then in one step to its place. A temporary file of a run that was killed is replaced. */
async function write(
  machine: Machine,
  call: Call<HostSession>,
  path: string,
  content: Buffer,
  mode: number,
  ids: { readonly uid: number; readonly gid: number },
  replaced: FileInfo | undefined,
): Promise<void> {
  const temporary = posix.join(posix.dirname(path), `.${posix.basename(path).slice(0, 200)}.orch-new`);
  if (await machine.stat(temporary)) await gone(machine.remove(temporary));
  try {
    // Nobody else may read it before it has its owner.
    await machine.writeNew(temporary, content, 0o600);
    const made = await machine.stat(temporary);
    const uid = ids.uid >= 0 ? ids.uid : (replaced?.uid ?? -1);
    const gid = ids.gid >= 0 ? ids.gid : (replaced?.gid ?? -1);
    if (made && ((uid >= 0 && uid !== made.uid) || (gid >= 0 && gid !== made.gid))) {
      try {
        await machine.chown(temporary, uid, gid);
      } catch (error) {
        if (!(error instanceof MachineError) || ids.uid >= 0 || ids.gid >= 0) throw error;
        call.log(
          "warning",
          `${path} changes its owner: this login may not give the new content to the former one`,
        );
      }
    }
    await machine.chmod(temporary, mode);
    call.signal.throwIfAborted();
    await machine.rename(temporary, path);
  } catch (error) {
    // The first failure is what matters; a leftover is replaced by the next try.
    await machine.remove(temporary).catch(() => {});
    throw error;
  }
}

async function backUp(machine: Machine, path: string, content: Buffer, now: FileInfo): Promise<void> {
  const time = new Date().toISOString().replace(/[-:]|\.\d+/g, "");
  await machine.writeNew(`${path}.${time}.bak`, content, now.mode & 0o777);
}

async function describe(
  machine: Machine,
  path: string,
  info: FileInfo,
  content: Buffer,
): Promise<z.input<typeof outputs>> {
  const text = asText(content);
  return {
    path,
    sha256: sha256(content),
    size: content.length,
    ...(await describeInfo(machine, info)),
    ...(text === undefined ? {} : { content: text }),
  };
}

/** Removing what somebody else has removed meanwhile is done. */
async function gone(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (error) {
    if (!(error instanceof MachineError) || error.code !== "ENOENT") throw error;
  }
}

function notAFile(machine: Machine, path: string, info: FileInfo, next: string): never {
  return fail({
    reason: "provider-error",
    message: `${path} on ${machine.name} is ${kindInWords[info.kind]}, not a file`,
    path: "path",
    expected: "a file, or nothing",
    found: `${kindInWords[info.kind]} with mode ${formatMode(info.mode)}`,
    next: [next],
  });
}

function refuse(machine: Machine, path: string, wanted: Buffer, existing: Buffer, update: boolean): never {
  return fail({
    reason: "provider-error",
    message: update
      ? `${path} on ${machine.name} was changed behind orch's back since it was last read`
      : `${path} on ${machine.name} exists, with content that orch did not put there`,
    path: "content",
    expected: `${wanted.length} bytes, SHA-256 ${sha256(wanted)}`,
    found: `${existing.length} bytes, SHA-256 ${sha256(existing)}`,
    next: update
      ? [
          "Look at it: orch drift",
          "Then plan with what is really there: orch plan --refresh",
          "Or set `overwrite: true`.",
        ]
      : [
          `Take it over as it is, with the resource option \`import: ${JSON.stringify(path)}\`.`,
          "Or replace it: set `overwrite: true` (and `backup: true` to keep the old one).",
        ],
  });
}
