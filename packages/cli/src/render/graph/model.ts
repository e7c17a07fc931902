/** The graph that is drawn: resources inside their components, and what they depend on. The same from a state or from a plan. */
import { byOrch, type Drift, type Plan, type Step } from "@orch/core/model/plan";
import type { Resource, ResourceState } from "@orch/core/model/resource";
import type { Urn } from "@orch/core/model/urn";
import type { PropertyMap } from "@orch/core/model/value";
import { indexSteps, type StepIndex } from "@orch/core/plan/why";
import type { Durations } from "@orch/core/state/durations";
import { type Effect, effectOf } from "../plan.js";

export interface GraphNode {
  readonly urn: Urn;
  readonly type: string;
  readonly name: string;
  /** The component around it. */
  readonly parent?: Urn;
  /** Holds other resources; drawn as a box around them. */
  readonly group: boolean;
  readonly effect?: Effect;
  /** The object's, where there is one already. */
  readonly id?: string;
  /** What will be done to it; absent in a graph of the state. */
  readonly step?: Step;
  /** It is not as orch left it. */
  readonly drift?: Drift;
  /** Names of its inputs and outputs. */
  readonly properties: readonly string[];
}

export interface DrawnGraph {
  readonly title: string;
  /** Made with what providers read: that a resource has no drift is known, not just not looked for. */
  readonly drift: boolean;
  readonly nodes: readonly GraphNode[];
  /** From a resource to what it depends on. */
  readonly edges: readonly (readonly [Urn, Urn])[];
  /** Of a plan: its steps, for why something happens. */
  readonly steps?: StepIndex;
  /** How long steps took before, for how long these will. */
  readonly durations?: Durations;
}

interface Source {
  readonly resource: Pick<
    Resource | ResourceState,
    "urn" | "type" | "name" | "parent" | "dependencies" | "propertyDependencies" | "inputs"
  >;
  readonly row?: ResourceState;
  readonly effect?: Effect;
  readonly step?: Step;
}

/** `drift`: what a report found; absent when nobody looked. */
export function stateGraph(
  title: string,
  resources: readonly ResourceState[],
  drift?: readonly Drift[],
): DrawnGraph {
  const live = resources.filter(({ deposed }) => deposed === undefined);
  return build(
    title,
    live.map((row) => ({ resource: row, row })),
    drift,
  );
}

export function planGraph(plan: Plan, durations?: Durations): DrawnGraph {
  const sources = new Map<Urn, Source>();
  for (const step of plan.steps) {
    if (step.op === "delete" && (step.replaced !== undefined || step.prior.deposed !== undefined)) continue;
    const effect = effectOf(step);
    const resource = "resource" in step ? step.resource : step.prior;
    const row = step.op === "create" ? step.replaces?.prior : "prior" in step ? step.prior : undefined;
    sources.set(step.urn, {
      resource,
      step,
      ...(row === undefined ? {} : { row }),
      ...(effect === undefined ? {} : { effect }),
    });
  }
  const drift = plan.drift.length > 0 ? plan.drift : undefined;
  const graph = build(`${plan.project} / ${plan.stack}: plan`, [...sources.values()], drift);
  return { ...graph, steps: indexSteps(plan.steps), ...(durations === undefined ? {} : { durations }) };
}

function build(title: string, sources: readonly Source[], drift: readonly Drift[] | undefined): DrawnGraph {
  const shown = sources.filter(({ resource }) => !byOrch(resource.urn));
  const known = new Set(shown.map(({ resource }) => resource.urn));
  const drifted = new Map(drift?.map((each) => [each.urn, each]));
  const parents = new Set<Urn>();
  for (const { resource } of shown) if (resource.parent !== undefined) parents.add(resource.parent);
  const nodes = shown.map(({ resource, row, step, effect }): GraphNode => {
    const { urn, type, name, parent } = resource;
    const found = drifted.get(urn);
    return {
      urn,
      type,
      name,
      group: parents.has(urn),
      ...(parent !== undefined && known.has(parent) ? { parent } : {}),
      ...(effect === undefined ? {} : { effect }),
      ...(row?.id === undefined ? {} : { id: row.id }),
      ...(step === undefined ? {} : { step }),
      ...(found === undefined ? {} : { drift: found }),
      properties: propertyNames(resource.inputs, row?.outputs),
    };
  });
  const edges: [Urn, Urn][] = [];
  for (const { resource } of shown) {
    const targets = new Set(resource.dependencies);
    for (const urns of Object.values(resource.propertyDependencies)) for (const urn of urns) targets.add(urn);
    for (const target of targets)
      if (known.has(target) && target !== resource.parent && target !== resource.urn)
        edges.push([resource.urn, target]);
  }
  return { title, drift: drift !== undefined, nodes, edges };
}

/** As one document, for programs that draw it themselves. */
export const graphJson = ({ title, nodes, edges }: DrawnGraph) => ({
  format: 1,
  type: "graph",
  title,
  nodes: nodes.map(({ urn, type, name, parent, group, effect, drift }) => ({
    urn,
    type,
    name,
    ...(parent === undefined ? {} : { parent }),
    group,
    ...(effect === undefined ? {} : { effect }),
    ...(drift === undefined ? {} : { drift: drift.kind }),
  })),
  edges: edges.map(([from, to]) => ({ from, to })),
});

/** Without what SDKs keep for themselves. */
const propertyNames = (inputs: PropertyMap, outputs: PropertyMap = {}): string[] =>
  [...new Set([...Object.keys(inputs), ...Object.keys(outputs)])].filter((key) => !key.startsWith("__"));

/** Children by component; `undefined` holds the outermost. */
export function byParent(graph: DrawnGraph): ReadonlyMap<Urn | undefined, readonly GraphNode[]> {
  const children = new Map<Urn | undefined, GraphNode[]>();
  for (const node of graph.nodes) {
    const list = children.get(node.parent);
    if (list === undefined) children.set(node.parent, [node]);
    else list.push(node);
  }
  return children;
}
