/** Sealing: a plan bound to what it was made against, and the file that carries it from review to apply. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { relative, resolve } from "node:path";
import { gunzipSync, gzipSync } from "node:zlib";
import { type Failure, OrchError } from "../model/failure.js";
import type { Plan } from "../model/plan.js";
import type { ResourceState } from "../model/resource.js";
import type { PropertyMap, Value } from "../model/value.js";
import type { Crypter, Snapshot } from "../state/contract.js";
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
  /** Keyed digest over the whole plan, its ciphertexts included: what a person can compare, and what the run is recorded under. */
  readonly digest: string;
}

/** gzip of canonical JSON `{digest, format, plan}`; secrets inside are encrypted with the stack's key. */
export function sealPlan(
  plan: Plan,
  crypter: Crypter,
): { readonly bytes: Uint8Array; readonly digest: string } {
  const json = canonical(encode(plan as unknown as Value, { secrets: (text) => crypter.encrypt(text) }));
  const digest = crypter.fingerprint(json);
  return {
    bytes: gzipSync(`{"digest":${JSON.stringify(digest)},"format":"orch-plan-1","plan":${json}}`),
    digest,
  };
}

/** Rejects (throws `plan-invalid`) whatever is not, byte for byte, a plan that was sealed with this stack's key. */
export function openPlan(bytes: Uint8Array, crypter: Crypter, name: string): SealedPlan {
  const refuse = (message: string, found: string): never => {
    throw new OrchError({
      reason: "plan-invalid",
      message,
      expected: "a plan file as `orch plan --out` wrote it for this stack",
      found,
      next: ["orch plan --out FILE"],
    });
  };
  let text: string;
  try {
    text = gunzipSync(bytes).toString("utf8");
  } catch (error) {
    return refuse(`${name} is not a plan file.`, (error as Error).message);
  }
  const head = /^\{"digest":"([0-9a-f]+)","format":"(orch-plan-\d+)","plan":/.exec(text);
  if (head === null) return refuse(`${name} is not a plan file.`, "something else");
  if (head[2] !== "orch-plan-1")
    return refuse(`${name} was written by another version of orch.`, head[2] as string);
  const json = text.slice(head[0].length, -1);
  if (crypter.fingerprint(json) !== head[1]) {
    return refuse(
      `${name} was changed after it was made, or belongs to another stack.`,
      "contents that do not fit its digest",
    );
  }
  const plan = decode(JSON.parse(json) as Json, { decrypt: (t) => crypter.decrypt(t) }) as unknown as Plan;
  return { plan, digest: head[1] as string };
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
): Failure | undefined {
  const causes: Failure[] = [];
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
