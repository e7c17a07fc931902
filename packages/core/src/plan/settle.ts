/**
 * The end of a plan of some resources alone: what is brought along, what is held as it is, and what can't be, because the state afterwards would refer to
 * something that is not there. Pure.
 */
import type { Failure } from "../model/failure.js";
import { byOrch, type Held, type PlanSelection } from "../model/plan.js";
import type { Resource, ResourceState } from "../model/resource.js";
import { isProviderType, nameWithType, shortType, type Urn } from "../model/urn.js";
import { neededBy } from "../state/order.js";
import type { Prior } from "./prior.js";
import type { Selection } from "./selection.js";
import type { Draft } from "./steps.js";

/** A resource of the program that is not part of the selection, and what a plan of everything would do to it. */
export interface Left {
  readonly resource: Resource;
  readonly prior?: ResourceState;
  /** Absent when it can't be planned. */
  readonly draft?: Draft;
  readonly failure?: Failure;
}

export interface SettleRequest {
  readonly selection: Selection;
  /** Of what is part of it, in any order. */
  readonly drafts: ReadonlyMap<Urn, Draft>;
  readonly left: ReadonlyMap<Urn, Left>;
  /** Rows that must be replaced because of the row behind. */
  readonly forced: ReadonlyMap<Urn, Urn>;
  /** Providers that functions, methods or components were asked of. */
  readonly called: ReadonlySet<Urn>;
  readonly prior: Prior;
  /** Rows that reading found gone. */
  readonly gone: ReadonlyMap<Urn, string>;
}

export interface Settled {
  readonly drafts: readonly Draft[];
  /** Rows that nothing wants any more, and that stay all the same. */
  readonly kept: ReadonlySet<ResourceState>;
  readonly brought: PlanSelection["brought"];
  readonly held: readonly Held[];
  readonly warnings: readonly Failure[];
  /** Why there can be no such plan. */
  readonly failures: readonly Failure[];
}

export function settle(request: SettleRequest): Settled {
  const { selection, left } = request;
  const failures: Failure[] = [...selection.missed()];
  const drafts = new Map(request.drafts);
  const brought = bringAlong(request, drafts, failures);
  const staying = new Set<ResourceState>();
  for (const { resource, prior: row } of left.values())
    if (row && !drafts.has(resource.urn)) staying.add(row);
  const kept = keptRows(request, drafts, staying, failures);
  const warnings = [...drafts.values()].flatMap((draft) => replacedBelow(draft, request, staying, failures));

  const held: Held[] = [];
  for (const [urn, one] of left) {
    if (drafts.has(urn)) continue;
    const would = wouldBe(one);
    if (would !== undefined)
      held.push({ urn, would, ...(would === "fail" ? { failure: one.failure as Failure } : {}) });
    if (one.prior) drafts.set(urn, heldDraft(one.resource, one.prior));
  }
  for (const row of kept) held.push({ urn: row.urn, would: row.external ? "forget" : "delete" });
  return { drafts: [...drafts.values()], kept, brought, held, warnings, failures };
}

/** What a plan of deletions leaves. */
export function settleRemovals(
  selection: Selection,
  prior: Prior,
  gone: ReadonlyMap<Urn, string>,
): Pick<Settled, "kept" | "held" | "failures"> {
  const none = new Map<Urn, never>();
  const request = { selection, drafts: none, left: none, forced: none, called: new Set<Urn>(), prior, gone };
  const { kept, held, failures } = settle(request);
  return { kept, held, failures };
}

/** What the selected resources need and does not exist yet, and the providers they are configured with. Added to the drafts. */
function bringAlong(
  { left, called }: SettleRequest,
  drafts: Map<Urn, Draft>,
  failures: Failure[],
): PlanSelection["brought"] {
  const brought: { urn: Urn; neededBy?: Urn }[] = [];
  const refused = new Set<Urn>();
  const open: { readonly urn: Urn; readonly for?: Urn }[] = [];
  const needs = ({ resource }: Draft): void => {
    for (const urn of neededBy(resource)) if (left.has(urn)) open.push({ urn, for: resource.urn });
  };
  const bring = (urn: Urn, needing: Urn | undefined): void => {
    const { resource, prior, draft, failure } = left.get(urn) as Left;
    if (drafts.has(urn) || refused.has(urn)) return;
    if (prior && !isProviderType(resource.type)) {
      if (prior.urn === urn) return;
      refused.add(urn);
      failures.push({
        reason: "not-targeted",
        message: `${label(resource)} is renamed in the program and not targeted, but ${needing === undefined ? "the program" : label({ urn: needing })} needs it under its new name.`,
        urn,
        expected: "a target that needs nothing which is still known by another name",
        found: prior.urn,
        next: [`Target it as well: --target ${quoted(resource)}.`],
      });
      return;
    }
    if (draft === undefined) {
      refused.add(urn);
      if (failure) failures.push(failure);
      return;
    }
    // A provider that stays what it is is used, and not written.
    if (prior?.urn === urn && draft.op === "same") return;
    drafts.set(urn, draft);
    if (!byOrch(urn)) brought.push({ urn, ...(needing === undefined ? {} : { neededBy: needing }) });
    needs(draft);
  };
  for (const draft of [...drafts.values()]) needs(draft);
  for (const urn of called) if (left.has(urn)) open.push({ urn });
  for (const one of left.values())
    if (one.draft?.op === "read" && !one.prior && isMade(one.draft, left)) {
      // Reading touches nothing, and the program goes on with what is read.
      drafts.set(one.resource.urn, one.draft);
      needs(one.draft);
    }
  for (let next = open.shift(); next; next = open.shift()) bring(next.urn, next.for);
  return brought;
}

/** All that it needs is there already. */
const isMade = ({ resource, id }: Draft, left: ReadonlyMap<Urn, Left>): boolean =>
  typeof id === "string" &&
  [...neededBy(resource)].every((urn) => {
    const need = left.get(urn);
    return need === undefined || need.prior !== undefined || isProviderType(need.resource.type);
  });

/**
 * Rows that no resource is any more and that are not part of the selection, or that something needs which stays. A targeted row that is needed can't go:
 * that is a failure, with the names of what needs it.
 */
function keptRows(
  { selection, prior, gone }: SettleRequest,
  drafts: ReadonlyMap<Urn, Draft>,
  held: ReadonlySet<ResourceState>,
  failures: Failure[],
): Set<ResourceState> {
  const kept = new Set<ResourceState>();
  const going = new Map<Urn, ResourceState>();
  for (const row of prior.snapshot.resources) {
    if (row.deposed === undefined ? prior.isClaimed(row.urn) : false) continue;
    if (!selection.mayGo(row)) kept.add(row);
    else if (row.deposed === undefined) going.set(row.urn, row);
  }
  const renamed = new Map<Urn, Draft>();
  for (const draft of drafts.values())
    if (draft.prior && draft.prior.urn !== draft.resource.urn) renamed.set(draft.prior.urn, draft);

  const inTheWay = new Map<Urn, ResourceState[]>();
  const staying = [...held, ...kept];
  for (let row = staying.shift(); row; row = staying.shift()) {
    for (const urn of neededBy(row)) {
      const leaves = going.get(urn);
      if (leaves && !selection.isTargeted) {
        going.delete(urn);
        kept.add(leaves);
        staying.push(leaves);
      } else if (leaves || renamed.has(urn) || (gone.has(urn) && !drafts.has(urn)))
        inTheWay.set(urn, [...(inTheWay.get(urn) ?? []), row]);
    }
  }
  for (const [urn, rows] of inTheWay) {
    const [verb, what] = renamed.has(urn)
      ? ["renamed", label((renamed.get(urn) as Draft).resource)]
      : [gone.has(urn) ? "gone, and taken out of the state" : "deleted", label(going.get(urn) ?? { urn })];
    failures.push({
      reason: "not-targeted",
      message: `${what} would be ${verb}, and ${dependents(rows)} on it.`,
      urn,
      expected: "nothing left behind that depends on what goes",
      found: rows.map(label).join(", "),
      next: remedies(rows),
    });
  }
  return kept;
}

/** A replaced object has another id: what refers to the old one and is left as it is. */
function replacedBelow(
  { resource, prior: row, replaced }: Draft,
  { forced, prior }: SettleRequest,
  staying: ReadonlySet<ResourceState>,
  failures: Failure[],
): Failure[] {
  if (!replaced || row === undefined) return [];
  const stays = (one: ResourceState): boolean => staying.has(one);
  if (isProviderType(resource.type)) {
    const served = [...prior.live.values()].filter((one) => one.provider === row.urn && stays(one));
    if (served.length > 0)
      failures.push({
        reason: "not-targeted",
        message: `The provider ${resource.name} becomes another one, and ${dependents(served)} on it as it was.`,
        urn: resource.urn,
        expected: "everything that it serves replaced with it",
        found: served.map(label).join(", "),
        next: remedies(served),
      });
    return [];
  }
  const must = [...forced]
    .flatMap(([urn, by]) => (by === row.urn ? (prior.live.get(urn) ?? []) : []))
    .filter(stays);
  if (must.length > 0)
    failures.push({
      reason: "not-targeted",
      message: `${label(resource)} is deleted before it is made again, and ${must.length === 1 ? `${label(must[0] as ResourceState)}, which is not targeted, has` : `${must.length} resources that are not targeted have`} to be replaced with it.`,
      urn: resource.urn,
      expected: "everything that has to be replaced with it in the plan",
      found: must.map(label).join(", "),
      next: remedies(must),
    });
  const using = prior.graph
    .dependentsOf(row.urn)
    .flatMap((urn) => prior.live.get(urn) ?? [])
    .filter((one) => stays(one) && !must.includes(one));
  if (using.length === 0) return [];
  return [
    {
      reason: "not-targeted",
      message: `${label(resource)} is replaced, and ${dependents(using)} on it: ${using.length === 1 ? "it keeps" : "they keep"} the values of the old one until the next plan of everything.`,
      urn: resource.urn,
      found: using.map(label).join(", "),
      next: ["Take them along: --target-dependents."],
    },
  ];
}

const label = ({ urn }: { readonly urn: Urn }): string => nameWithType(urn);

const dependents = (rows: readonly ResourceState[]): string =>
  rows.length === 1
    ? `${label(rows[0] as ResourceState)}, which is not targeted, depends`
    : `${rows.length} resources that are not targeted depend`;

/** For a shell. */
const quoted = ({ type, name }: Pick<Resource, "type" | "name">): string =>
  `'${`${shortType(type)}::${name}`.replaceAll("'", "'\\''")}'`;

const remedies = (rows: readonly ResourceState[]): readonly string[] => [
  "Take along all that depends on the target: --target-dependents.",
  `Or name what is to come along: ${rows
    .slice(0, 4)
    .map((row) => `--target ${quoted(row)}`)
    .join(" ")}${rows.length > 4 ? " …" : ""}`,
];

function wouldBe({ prior, resource, draft, failure }: Left): Held["would"] | undefined {
  if (failure || draft === undefined) return "fail";
  if (prior === undefined) return draft.op === "same" || draft.op === "update" ? undefined : draft.op;
  if (draft.replaced) return "replace";
  if (draft.op === "same") return prior.urn === resource.urn ? undefined : "move";
  return draft.op === "read" ? undefined : draft.op;
}

const heldDraft = (resource: Resource, prior: ResourceState): Draft => ({
  op: "same",
  held: true,
  resource,
  prior,
  inputs: prior.inputs,
  outputs: prior.outputs,
  replaced: false,
  reason: { kind: "changed" },
  ...(prior.id === undefined ? {} : { id: prior.id }),
});
