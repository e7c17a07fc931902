/** `orch stack import`: the file of `pulumi stack export` becomes the state of an empty stack, as one run with history. */
import { type Failure, fail, OrchError } from "../../model/failure.js";
import { formatPath } from "../../model/path.js";
import type { ResourceState } from "../../model/resource.js";
import { isProviderType, rootStackType } from "../../model/urn.js";
import { hasUnknown, type PropertyMap, type Value } from "../../model/value.js";
import { decode, decodeMap, type Json } from "../../wire/json.js";
import type { Intent, Outcome, StackStore, StateWrite } from "../contract.js";
import { openText } from "../crypter.js";
import type { KeySources } from "../keys/contract.js";
import { type CheckpointResource, type Deployment, invalid, parseDeployment } from "./checkpoint.js";
import { brokenParts } from "./integrity.js";
import { rowOfCheckpoint } from "./rows.js";
import { openKey } from "./secrets.js";

export interface ImportSource {
  readonly text: string;
  /** Of the file, for people. */
  readonly name: string;
}

export interface Imported {
  readonly runId: number;
  readonly resources: number;
  /** Operations that Pulumi had begun: the next plan looks into them. */
  readonly unfinished: number;
  /** What the file says and the state does not keep, in words. */
  readonly notes: readonly string[];
}

/**
 * Rejects with `checkpoint-invalid`, `key-missing`, `wrong-passphrase`, `secret-unreadable`, `stack-not-empty` or `state-locked`; nothing is written
 * then. All is written in one transaction.
 */
export async function importCheckpoint(
  store: StackStore,
  source: ImportSource,
  sources: KeySources,
  who: string,
): Promise<Imported> {
  await refuseUnlessEmpty(store);
  const { rows, pending, notes } = await readCheckpoint(store, source, sources);
  const run = await store.beginRun({ kind: "import", startedAt: Date.now(), who });
  try {
    await refuseUnlessEmpty(store);
    await run.append([...rows.map(recordOf), ...pending]);
    await run.finish("succeeded");
  } catch (error) {
    await run.finish("failed").catch(() => undefined);
    throw error;
  }
  return { runId: run.id, resources: rows.length, unfinished: pending.length, notes };
}

async function refuseUnlessEmpty({ snapshot, info }: StackStore): Promise<void> {
  const { resources, unfinished } = await snapshot();
  if (resources.length === 0 && unfinished.length === 0) return;
  fail({
    reason: "stack-not-empty",
    message: `Stack ${info.stack} holds ${resources.length} resources already; a checkpoint is imported into an empty one. Nothing was imported.`,
    next: ["Import into a stack that was just made, or remove this one first: `orch stack rm`."],
  });
}

export interface ReadCheckpoint {
  readonly rows: readonly ResourceState[];
  readonly pending: readonly Intent[];
  readonly notes: readonly string[];
}

/** The file as rows and intents; everything is checked. */
export async function readCheckpoint(
  store: Pick<StackStore, "info">,
  { text, name }: ImportSource,
  sources: KeySources,
): Promise<ReadCheckpoint> {
  const deployment = parseDeployment(text, name);
  const broken = brokenParts(deployment.resources, store.info);
  if (broken.length > 0) return invalid(name, broken);
  const decrypt = await decrypter(deployment, text, name, sources);
  const failures: Failure[] = [];
  const convert = (given: CheckpointResource, path: string): ResourceState | undefined => {
    try {
      return rowOfCheckpoint(given, {
        map: (map, field) =>
          known(decodeMap(map as { [key: string]: Json }, { decrypt }), field) as PropertyMap,
        value: (value, field) => known(decode(value as Json, { decrypt }), field),
      });
    } catch (error) {
      if (error instanceof OrchError && error.failure.reason !== "checkpoint-invalid") throw error;
      failures.push({
        reason: "checkpoint-invalid",
        message: "A value can't be read.",
        urn: given.urn,
        path,
        // Parsers quote what they read, which may be a secret.
        found: error instanceof TypeError ? error.message : "a secret that does not hold JSON",
      });
      return undefined;
    }
  };
  const notes: string[] = [];
  const rows: ResourceState[] = [];
  for (const [i, given] of deployment.resources.entries()) {
    const row = convert(given, `deployment.resources[${i}]`);
    if (row === undefined) continue;
    if (given.pendingReplacement) {
      notes.push(
        `${given.urn} was deleted by Pulumi in the middle of a replace; the next apply makes it anew.`,
      );
      continue;
    }
    rows.push(given.delete ? { ...row, deposed: `pulumi-${i}` } : row);
  }
  const pending = deployment.pending.flatMap(({ resource, type }, i) => {
    const row = convert(resource, `deployment.pending_operations[${i}].resource`);
    const op = operations[type];
    if (row === undefined) return [];
    if (op === undefined) {
      notes.push(
        `${type} of ${row.urn} was not finished by Pulumi; it changes nothing outside, and is done again when the program asks for it.`,
      );
      return [];
    }
    return [intentOf(i, op, row, rows)];
  });
  if (failures.length > 0) return invalid(name, failures);
  if (deployment.unknownFields.length > 0)
    notes.push(`Not kept of resources: ${deployment.unknownFields.join(", ")}.`);
  const aliased = deployment.resources.filter(({ aliases }) => aliases?.length).length;
  if (aliased > 0)
    notes.push(
      `Former URNs of ${aliased} ${aliased === 1 ? "resource" : "resources"} are not kept: the program's aliases say them.`,
    );
  return { rows, pending, notes };
}

const operations: Readonly<Record<string, Intent["op"] | undefined>> = {
  creating: "create",
  updating: "update",
  deleting: "delete",
};

function known(value: Value, field: string): Value {
  if (hasUnknown(value)) throw new TypeError(`${formatPath([field])} holds a value that was not known`);
  return value;
}

const cipher = '"ciphertext"';

async function decrypter(
  { secrets_providers: provider }: Deployment,
  text: string,
  name: string,
  sources: KeySources,
): Promise<(ciphertext: string) => string> {
  if (!text.includes(cipher)) return () => "";
  const key = await openKey(provider ?? undefined, name, sources);
  return (ciphertext) =>
    openText(key, ciphertext) ??
    fail({
      reason: "secret-unreadable",
      message: `A secret in ${name} can't be decrypted: it was changed, or encrypted with another key than the file names. Nothing was imported.`,
      next: ["Export the stack again: `pulumi stack export --file FILE`."],
    });
}

function recordOf(row: ResourceState, order: number): Outcome {
  const writes: StateWrite[] = [{ put: row, order }];
  if (row.type === rootStackType) writes.push({ outputs: row.outputs });
  const taken = row.custom && !row.external && !isProviderType(row.type);
  return {
    kind: "outcome",
    step: order,
    op: row.external ? "read" : taken ? "import" : "same",
    urn: row.urn,
    result: "done",
    writes,
    at: Date.now(),
  };
}

/** What Pulumi had begun, as an intent of orch's own would have been: what comes of it is known without Pulumi. */
function intentOf(i: number, op: Intent["op"], row: ResourceState, rows: readonly ResourceState[]): Intent {
  const { id, inputs, outputs: _outputs, ...rest } = row;
  const of = (r: ResourceState): boolean => r.urn === row.urn && (id === undefined || r.id === id);
  const before = rows.find((r) => of(r) && r.deposed === undefined) ?? rows.find(of);
  const deposed = op === "delete" ? before?.deposed : undefined;
  const key = deposed === undefined ? {} : { deposed };
  return {
    kind: "intent",
    step: rows.length + i,
    op,
    urn: row.urn,
    type: row.type,
    inputs,
    at: Date.now(),
    ...key,
    ...(id === undefined ? {} : { id }),
    ...(row.provider ? { provider: row.provider } : {}),
    expected:
      op === "delete" ? { writes: [{ remove: { urn: row.urn, ...key } }] } : { writes: [], row: rest },
  };
}
