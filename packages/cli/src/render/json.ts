/**
 * The documents of `--json`. Every one carries `"format": 1`; within a format only members are added. Values are written as
 * in Pulumi's state, with its signature keys; a secret is `{"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270",
 * "value": "[secret]"}`, never its content, unless secrets were asked for. Documented in docs/cli.md.
 */

import type { DriftGroup } from "@orch/core/drift/groups";
import type { Unmanaged } from "@orch/core/drift/unmanaged";
import type { DriftReport } from "@orch/core/engine-contract";
import type { Diff } from "@orch/core/model/diff";
import type { ApplyResult, Event } from "@orch/core/model/event";
import type { Failure } from "@orch/core/model/failure";
import type { ObjectChange } from "@orch/core/model/object-change";
import { formatPath } from "@orch/core/model/path";
import {
  type Drift,
  hasChanges,
  type Plan,
  type PlanSelection,
  type Step,
  summarize,
} from "@orch/core/model/plan";
import type { ResourceState } from "@orch/core/model/resource";
import {
  equal,
  isArray,
  isMap,
  map,
  type PropertyMap,
  reveal,
  Secret,
  Unknown,
  type Value,
} from "@orch/core/model/value";
import type { Related } from "@orch/core/plan/explain";
import { likelyMoves } from "@orch/core/plan/likely-moves";
import type { SealedPlan } from "@orch/core/plan/seal";
import type { IgnoreRule, UnmanagedRule } from "@orch/core/project/drift-rules";
import { encode, encodeMap, type Json, unknownSentinel } from "@orch/core/wire/json";
import type { Explained } from "./explain.js";
import { effectOf } from "./plan.js";
import { secretText } from "./value.js";

type JsonObject = { [key: string]: Json };

/** Secrets replaced by a mark; an unknown secret stays unknown. */
const masked = (value: Value): Value =>
  map(value, (v) =>
    v instanceof Secret ? new Secret(v.value instanceof Unknown ? v.value : secretText) : v,
  );

export const valueJson = (value: Value, showSecrets = false): Json =>
  encode(showSecrets ? value : masked(value), { secrets: "wrap" });
export const mapJson = (properties: PropertyMap, showSecrets = false): JsonObject =>
  encodeMap(showSecrets ? properties : (masked(properties) as PropertyMap), { secrets: "wrap" });

/** A plan as one document. It cannot be applied: `plan --out` writes the file for that. */
export function planJson(plan: Plan): JsonObject {
  return {
    format: 1,
    type: "plan",
    kind: plan.kind,
    ...(plan.undo === undefined ? {} : { undo: { before: plan.undo.before, runs: [...plan.undo.runs] } }),
    ...(plan.selection === undefined ? {} : { selection: selectionJson(plan.selection) }),
    project: plan.project,
    stack: plan.stack,
    createdAt: new Date(plan.createdAt).toISOString(),
    orchVersion: plan.orchVersion,
    changes: hasChanges(plan),
    summary: { ...summarize(plan) },
    drift: plan.drift.map(driftJson),
    steps: plan.steps.map(stepJson),
    likelyMoves: likelyMoves(plan.steps).map((move) => ({ ...move })),
    outputs: mapJson(plan.outputs),
    priorOutputs: mapJson(plan.priorOutputs),
    plugins: plan.plugins.map((plugin) => ({
      name: plugin.name,
      source: plugin.source,
      ...(plugin.version === undefined ? {} : { version: plugin.version }),
      ...(plugin.sha256 === undefined ? {} : { sha256: plugin.sha256 }),
    })),
    needsProgram: plan.needsProgram,
    warnings: plan.warnings.map(failureJson),
  };
}

const selectionJson = ({ targets, excludes, dependents, brought, held }: PlanSelection): JsonObject => ({
  targets: [...targets],
  excludes: [...excludes],
  dependents,
  brought: brought.map((one) => ({ ...one })),
  held: held.map(({ urn, would, failure }) => ({
    urn,
    would,
    ...(failure ? { failure: failureJson(failure) } : {}),
  })),
});

/** `orch explain`: of one resource what is planned, why, and what hangs on it. */
export function explanationJson({ explanation, past, runs }: Explained): JsonObject {
  const { resource, step, causes, origins } = explanation;
  const urns = (list: readonly Related[]): Json => list.map(({ urn }) => urn);
  return {
    format: 1,
    type: "explanation",
    urn: resource.urn,
    resourceType: resource.type,
    name: resource.name,
    ...(resource.source === undefined ? {} : { source: { ...resource.source } }),
    ...(step === undefined ? {} : { step: stepJson(step) }),
    causes: causes.map(({ step: its, changes, through }) => ({
      urn: its.urn,
      op: its.op,
      ...(its.reason === undefined ? {} : { reason: its.reason as unknown as Json }),
      ...(through === undefined ? {} : { through: { ...through } }),
      paths: changes.map(({ path }) => formatPath(path)),
    })),
    origins: origins.map(({ property, from, unknown }) => ({ property, from: urns(from), unknown })),
    dependsOn: urns(explanation.dependsOn),
    neededBy: urns(explanation.neededBy),
    holds: urns(explanation.holds),
    leadsTo: urns(explanation.leadsTo),
    history: past.map(({ runId, at, what, properties }) => ({
      runId,
      at: new Date(at).toISOString(),
      what,
      properties: [...properties],
      ...(runs.has(runId)
        ? { who: runs.get(runId)?.who as string, kind: runs.get(runId)?.kind as string }
        : {}),
    })),
  };
}

/** A kept plan: the plan's document, and what binds it. `applied`: the run that carried it out. */
export const planFileJson = ({ plan, digest }: SealedPlan, applied: number | undefined): JsonObject => ({
  ...planJson(plan),
  digest,
  lineage: plan.lineage,
  program: { ...plan.program },
  configKeys: Object.keys(plan.config),
  ...(applied === undefined ? {} : { appliedByRun: applied }),
});

function stepJson(step: Step): JsonObject {
  const resource = "resource" in step ? step.resource : step.prior;
  const out: JsonObject = {
    id: step.id,
    op: step.op,
    urn: step.urn,
    type: resource.type,
    name: resource.name,
    after: [...step.after],
  };
  const effect = effectOf(step);
  if (effect !== undefined) out.effect = effect;
  if (resource.parent !== undefined) out.parent = resource.parent;
  if (resource.provider !== undefined) out.provider = resource.provider;
  if (step.reason !== undefined) out.reason = step.reason as unknown as Json;
  const prior = step.op === "create" ? step.replaces?.prior : "prior" in step ? step.prior : undefined;
  if (prior?.id !== undefined) out.objectId = prior.id;
  if (prior?.deposed !== undefined) out.deposed = prior.deposed;
  if ("inputs" in step) out.inputs = mapJson(step.inputs);
  switch (step.op) {
    case "create":
      if (step.replaces !== undefined) {
        out.order = step.replaces.order;
        out.changes = changesJson(step.replaces.diff);
      }
      break;
    case "update":
      out.changes = changesJson(step.diff);
      if (step.movedFrom !== undefined) out.movedFrom = step.movedFrom;
      break;
    case "same":
      if (step.movedFrom !== undefined) out.movedFrom = step.movedFrom;
      if (step.held === true) out.held = true;
      break;
    case "delete":
      if (step.replaced !== undefined) out.order = step.replaced;
      if (step.forget !== undefined) out.forget = step.forget;
      break;
    case "read":
      out.objectId = step.objectId instanceof Unknown ? unknownSentinel : valueJson(step.objectId);
      break;
    case "import":
      out.objectId = step.objectId;
      break;
    case "refresh":
      if (step.observed === undefined) out.gone = true;
      else out.observed = mapJson(step.observed.outputs);
      break;
  }
  return out;
}

/** What is a secret on one side is masked on the other as well: before it was marked, it may have had the same content. */
function maskedLike(value: Value, other: Value | undefined): Value {
  if (other instanceof Secret) return value instanceof Secret ? value : new Secret(value);
  if (isMap(value) && isMap(other))
    return Object.fromEntries(
      Object.entries(value).map(([key, item]) => [key, maskedLike(item, other[key])]),
    );
  if (isArray(value) && isArray(other)) return value.map((item, i) => maskedLike(item, other[i]));
  return value;
}

/** `sameContent` tells, of values that are masked, whether they differ. */
export function changesJson(diff: Pick<Diff, "changes">): Json[] {
  return diff.changes.map((change) => {
    const { before, after } = change;
    const out: JsonObject = { path: formatPath(change.path), effect: change.effect, side: change.side };
    if (before !== undefined) out.before = valueJson(maskedLike(before, after));
    if (after !== undefined) out.after = valueJson(maskedLike(after, before));
    if (change.reason !== undefined) out.reason = change.reason;
    if (before instanceof Secret || after instanceof Secret)
      out.sameContent = before !== undefined && after !== undefined && equal(reveal(before), reveal(after));
    return out;
  });
}

function driftJson(drift: Drift): JsonObject {
  return {
    urn: drift.urn,
    type: drift.type,
    ...(drift.id === undefined ? {} : { objectId: drift.id }),
    kind: drift.kind,
    changes: changesJson(drift.diff),
    ...(drift.changes === undefined ? {} : { changedBy: drift.changes.map(objectChangeJson) }),
  };
}

const time = (ms: number): string => new Date(ms).toISOString();
const objectChangeJson = ({ by, how, at, paths }: ObjectChange): JsonObject => ({
  ...(by === undefined ? {} : { by }),
  ...(how === undefined ? {} : { how }),
  ...(at === undefined ? {} : { at: time(at) }),
  ...(paths === undefined ? {} : { paths: [...paths] }),
});

export const driftReportJson = (report: DriftReport): JsonObject => ({
  format: 1,
  type: "drift",
  project: report.project,
  stack: report.stack,
  at: time(report.at),
  checked: report.checked,
  unread: report.unread,
  drifted: report.drift.length > 0,
  drift: report.drift.map(driftJson),
  groups: report.groups.map(driftGroupJson),
  ignored: report.ignored.map(({ drift, rule }) => ({ ...driftJson(drift), rule: ignoreRuleJson(rule) })),
  expiredRules: report.rules.expired.map(({ rule, resources }) => ({ ...ignoreRuleJson(rule), resources })),
  unusedRules: report.rules.unused.map(ignoreRuleJson),
  unmanaged: report.unmanaged.map(unmanagedJson),
  failures: report.failures.map(failureJson),
});

function driftGroupJson(group: DriftGroup): JsonObject {
  const who = group.who.map(({ by, how, first, last }) => ({
    ...(by === undefined ? {} : { by }),
    ...(how === undefined ? {} : { how }),
    ...(first === undefined ? {} : { first: time(first) }),
    ...(last === undefined ? {} : { last: time(last) }),
  }));
  const members = { urns: group.drift.map(({ urn }) => urn), who };
  if (group.kind === "gone") {
    const { place, provider, root } = group;
    return {
      kind: "gone",
      ...(place === undefined ? {} : { place }),
      ...(provider === undefined ? {} : { provider }),
      ...(root === undefined ? {} : { root }),
      ...members,
    };
  }
  const changes = group.changes.map(({ path, kind, before, after, varies }) => ({
    path: formatPath(path),
    kind,
    ...(before === undefined ? {} : { before: valueJson(maskedLike(before, after)) }),
    ...(after === undefined ? {} : { after: valueJson(maskedLike(after, before)) }),
    varies: { ...varies },
  }));
  return { kind: "changed", type: group.type, changes, ...members };
}

const ruleSource = ({ source }: IgnoreRule | UnmanagedRule): string => `${source.file}:${source.line}`;
const ignoreRuleJson = (rule: IgnoreRule): JsonObject => ({
  ...(rule.type === undefined ? {} : { type: rule.type }),
  ...(rule.urn === undefined ? {} : { urn: rule.urn }),
  paths: [...rule.paths],
  reason: rule.reason,
  ...(rule.until === undefined ? {} : { until: rule.until }),
  source: ruleSource(rule),
});

const unmanagedJson = ({ rule, provider, listed, ignored, objects }: Unmanaged): JsonObject => ({
  type: rule.type,
  ...(rule.scope === undefined ? {} : { scope: { ...rule.scope } as JsonObject }),
  provider,
  rule: ruleSource(rule),
  listed,
  ignored,
  objects: objects.map(({ id, title, changes }) => ({
    objectId: id,
    ...(title === undefined ? {} : { title }),
    ...(changes === undefined ? {} : { changedBy: changes.map(objectChangeJson) }),
  })),
});

export const failureJson = (failure: Failure): JsonObject =>
  JSON.parse(JSON.stringify(failure)) as JsonObject;

/** What stands on standard output instead of the document when a command with `--json` fails. */
export const errorJson = (failure: Failure, exitCode: number): JsonObject => ({
  format: 1,
  type: "error",
  exitCode,
  error: failureJson(failure),
});

export const resultJson = (result: ApplyResult): JsonObject => ({
  outcome: result.outcome,
  runId: result.runId,
  elapsedMs: Math.round(result.elapsedMs),
  done: result.done,
  summary: { ...result.summary },
  failed: result.failed.map(({ step, failure }) => ({ ...stepJson(step), failure: failureJson(failure) })),
  skipped: result.skipped.map(stepJson),
  ...(result.problem === undefined ? {} : { problem: failureJson(result.problem) }),
  outputs: mapJson(result.outputs),
});

/** One line of `apply --json` and of `--events`. `at`: when it happened, in milliseconds since the epoch. */
export function eventJson(event: Event, at = Date.now()): JsonObject {
  switch (event.type) {
    case "plan-made":
      return { ...planJson(event.plan), at };
    case "apply-ended":
      return { format: 1, type: "apply-ended", at, ...resultJson(event.result) };
    case "step-failed":
      return { format: 1, at, ...event, failure: failureJson(event.failure) };
    case "resource-registered":
      return { format: 1, type: event.type, at, resource: { ...event.resource } as unknown as Json };
    default:
      return { format: 1, at, ...event } as JsonObject;
  }
}

export const stateJson = (state: ResourceState, showSecrets = false): JsonObject => ({
  urn: state.urn,
  type: state.type,
  name: state.name,
  custom: state.custom,
  ...(state.id === undefined ? {} : { id: state.id }),
  ...(state.deposed === undefined ? {} : { deposed: state.deposed }),
  ...(state.external === true ? { external: true } : {}),
  ...(state.parent === undefined ? {} : { parent: state.parent }),
  ...(state.provider === undefined ? {} : { provider: state.provider }),
  dependencies: [...state.dependencies],
  inputs: mapJson(state.inputs, showSecrets),
  outputs: mapJson(state.outputs, showSecrets),
  options: state.options as unknown as Json,
  ...(state.initErrors === undefined || state.initErrors.length === 0
    ? {}
    : { initErrors: [...state.initErrors] }),
  ...(state.createdAt === undefined ? {} : { createdAt: new Date(state.createdAt).toISOString() }),
  ...(state.modifiedAt === undefined ? {} : { modifiedAt: new Date(state.modifiedAt).toISOString() }),
});
