/** Sealing: a plan bound to what it was made against, and the file that carries it from review to apply. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Failure, OrchError } from "../model/failure.js";
import type { Plan } from "../model/plan.js";
import type { ResourceState } from "../model/resource.js";
import type { PropertyMap, Value } from "../model/value.js";
import type { Crypter, Snapshot, StackInfo } from "../state/contract.js";
import { decode, encode, encodeMap, type Json } from "../wire/json.js";

/** The key of a row in `Plan.prior`. */
export const priorKey = (row: Pick<ResourceState, "urn" | "deposed">): string =>
  row.deposed === undefined ? row.urn : `${row.urn}#${row.deposed}`;

/** Keyed, since a row may hold secrets. */
export function fingerprintRow(row: ResourceState, crypter: Crypter): string {
  const { source: _, ...rest } = row;
  return crypter.fingerprint(canonical(encodeMap(rest as unknown as PropertyMap, { secrets: "reveal" })));
}

/** Fingerprints of the rows with these URNs, deposed ones with them; the empty text for a URN that has no row. */
export function fingerprintPrior(
  snapshot: Snapshot,
  urns: ReadonlySet<string>,
  crypter: Crypter,
): Record<string, string> {
  const prints: Record<string, string> = {};
  for (const urn of urns) prints[urn] = "";
  for (const row of snapshot.resources)
    if (urns.has(row.urn)) prints[priorKey(row)] = fingerprintRow(row, crypter);
  return prints;
}

/** SHA-256 by path relative to the project. A file that is not there has the empty digest, so that its appearance counts as a change. */
export async function digestFiles(
  projectDir: string,
  files: readonly string[],
): Promise<Record<string, string>> {
  const digests: Record<string, string> = {};
  await Promise.all(
    files.map(async (file) => {
      const path = relative(projectDir, resolve(projectDir, file)).replaceAll("\\", "/");
      digests[path] = await readFile(resolve(projectDir, file)).then(
        (bytes) => createHash("sha256").update(bytes).digest("hex"),
        () => "",
      );
    }),
  );
  return Object.fromEntries(Object.entries(digests).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** JSON with sorted keys: equal for equal plans whatever order they were made in. */
export function canonical(json: Json): string {
  if (typeof json !== "object" || json === null) return JSON.stringify(json);
  if (Array.isArray(json)) return `[${json.map(canonical).join(",")}]`;
  const keys = Object.keys(json).sort();
  return `{${keys.map((key) => `${JSON.stringify(key)}:${canonical(json[key] as Json)}`).join(",")}}`;
}

export interface SealedPlan {
  readonly plan: Plan;
  /** Keyed digest over every byte of the file but itself: what a person can compare, and what the run is recorded under. */
  readonly digest: string;
}

const fileFormat = 1;

/** What the digest is made of: the rest of the first line, and the compressed bytes as they lie in the file. */
const digestOf = (about: string, body: Uint8Array, crypter: Crypter): string =>
  crypter.fingerprint(`${about}\n${createHash("sha256").update(body).digest("hex")}`);

/**
 * A first line `orch-plan-1 DIGEST BYTES LINEAGE PROJECT/STACK`, then BYTES bytes: the plan as canonical JSON (docs/schemas/plan-1.json), with
 * secrets encrypted with the stack's key, in gzip. The digest is over what is compressed as it lies there, so that bytes count that
 * unpacking ignores.
 */
export function sealPlan(
  plan: Plan,
  crypter: Crypter,
): { readonly bytes: Uint8Array; readonly digest: string } {
  const json = canonical(encode(plan as unknown as Value, { secrets: (text) => crypter.encrypt(text) }));
  const body = gzipSync(json);
  const format = `orch-plan-${fileFormat}`;
  const rest = `${body.length} ${plan.lineage} ${plan.project}/${plan.stack}`;
  const digest = digestOf(`${format} ${rest}`, body, crypter);
  return { bytes: Buffer.concat([Buffer.from(`${format} ${digest} ${rest}\n`), body]), digest };
}

/**
 * Keyed digest of a plan that is in no file, over the same JSON with secrets in clear: what its run is recorded under. No two are equal, as each names
 * when it was made.
 */
export const digestPlan = (plan: Plan, crypter: Crypter): string =>
  crypter.fingerprint(`orch-plan ${JSON.stringify(encode(plan as unknown as Value, { secrets: "reveal" }))}`);

/** Rejects (throws `plan-invalid`) whatever is not, byte for byte, a plan that was sealed for this stack with its key. */
export function openPlan(bytes: Uint8Array, crypter: Crypter, name: string, stack?: StackInfo): SealedPlan {
  const expected = "a plan file as `orch plan --out` wrote it for this stack";
  const refuse = (message: string, more: Partial<Failure>): never => {
    throw new OrchError({
      reason: "plan-invalid",
      message: `${name} ${message} Nothing was done.`,
      expected,
      next: ["Make a new plan and review it: `orch plan --out FILE`."],
      ...more,
    });
  };
  if (bytes.length === 0) return refuse("is empty.", { found: "a file of 0 bytes" });
  const end = bytes.indexOf(0x0a);
  const line = Buffer.from(bytes.subarray(0, end === -1 ? 0 : end)).toString("utf8");
  const format = /^orch-plan-(0|[1-9]\d{0,8}) /.exec(line)?.[1];
  if (format === undefined) return refuse("is not a plan file.", { found: "a file that begins otherwise" });
  if (Number(format) !== fileFormat) {
    const newer = Number(format) > fileFormat;
    return refuse(`was written by ${newer ? "a newer" : "an older"} orch.`, {
      expected: `plan format ${fileFormat}`,
      found: `plan format ${format}`,
      next: [
        `Apply it with the orch that made it, or make a new plan with this one.`,
        ...(newer ? ["See which orch this is with `orch --version`."] : []),
      ],
    });
  }
  const [, digest = "", rest = "", length = "", lineage = "", of = ""] =
    /^\S+ ([0-9a-f]{64}) ((\d+) (\S+) (.+))$/.exec(line) ?? [];
  if (digest === "") return refuse("was changed after it was made.", { found: "a damaged first line" });
  if (stack !== undefined && lineage !== stack.lineage) {
    return refuse("belongs to another stack.", {
      expected: `${stack.project}/${stack.stack} (${stack.lineage})`,
      found: `${of} (${lineage})`,
      next: ["Select that stack with --stack, or make a plan of this one: `orch plan --out FILE`."],
    });
  }
  const body = bytes.subarray(end + 1);
  if (body.length < Number(length)) {
    return refuse("is cut short.", {
      expected: `${length} bytes after the first line`,
      found: `${body.length}`,
    });
  }
  if (digestOf(`orch-plan-${fileFormat} ${rest}`, body, crypter) !== digest) {
    return refuse("was changed after it was made, or sealed with another key.", {
      found: "contents that do not fit its digest",
    });
  }
  const json = JSON.parse(gunzipSync(body).toString("utf8")) as Json;
  const plan = decode(json, { decrypt: (t) => crypter.decrypt(t) }) as unknown as Plan;
  return { plan, digest };
}

/** What is not as it was when the plan was made; undefined when all is. Checked before any provider is called. */
export function staleness(
  plan: Plan,
  now: {
    readonly config: Readonly<Record<string, string>>;
    readonly program: Readonly<Record<string, string>>;
    readonly prior: Readonly<Record<string, string>>;
  },
  changedBy: ReadonlyMap<string, number>,
  /** Providers that are not the plan's. */
  plugins: readonly Failure[] = [],
): Failure | undefined {
  const causes: Failure[] = [...plugins];
  const differ = (a: Readonly<Record<string, string>>, b: Readonly<Record<string, string>>): string[] =>
    [...new Set([...Object.keys(a), ...Object.keys(b)])].filter((key) => a[key] !== b[key]).sort();
  for (const file of differ(plan.program, now.program)) {
    causes.push({ reason: "plan-stale", message: `${file} was changed since the plan was made.` });
  }
  for (const key of differ(plan.config, now.config)) {
    causes.push({
      reason: "plan-stale",
      message: `The configuration value ${key} was changed since the plan was made.`,
    });
  }
  for (const urn of differ(plan.prior, now.prior)) {
    const run = changedBy.get(urn);
    causes.push({
      reason: "plan-stale",
      message: `The state of ${urn} was changed since the plan was made${run === undefined ? "" : `, by run ${run}`}.`,
      urn,
    });
  }
  if (causes.length === 0) return undefined;
  return {
    reason: "plan-stale",
    message: "The plan does not fit any more. Nothing was done.",
    causes,
    next: ["Make a new plan and review it."],
  };
}
