/** The graph that is drawn: resources inside their components, and what they depend on. The same from a state or from a plan. */
import { byOrch, type Plan } from "@orch/core/model/plan";
import type { Resource, ResourceState } from "@orch/core/model/resource";
import type { Urn } from "@orch/core/model/urn";
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
}

export interface DrawnGraph {
  readonly title: string;
  readonly nodes: readonly GraphNode[];
  /** From a resource to what it depends on. */
  readonly edges: readonly (readonly [Urn, Urn])[];
}

interface Source {
  readonly resource: Pick<
    Resource | ResourceState,
    "urn" | "type" | "name" | "parent" | "dependencies" | "propertyDependencies"
  >;
  readonly effect?: Effect;
}

export function stateGraph(title: string, resources: readonly ResourceState[]): DrawnGraph {
  return build(
    title,
    resources.filter(({ deposed }) => deposed === undefined).map((resource) => ({ resource })),
  );
}

export function planGraph(plan: Plan): DrawnGraph {
  const sources = new Map<Urn, Source>();
  for (const step of plan.steps) {
    if (step.op === "delete" && (step.replaced !== undefined || step.prior.deposed !== undefined)) continue;
    const effect = effectOf(step);
    const resource = "resource" in step ? step.resource : step.prior;
    sources.set(step.urn, { resource, ...(effect === undefined ? {} : { effect }) });
  }
  return build(`${plan.project} / ${plan.stack}: plan`, [...sources.values()]);
}

function build(title: string, sources: readonly Source[]): DrawnGraph {
  const shown = sources.filter(({ resource }) => !byOrch(resource.urn));
  const known = new Set(shown.map(({ resource }) => resource.urn));
  const parents = new Set<Urn>();
  for (const { resource } of shown) if (resource.parent !== undefined) parents.add(resource.parent);
  const nodes = shown.map(({ resource, effect }): GraphNode => {
    const { urn, type, name, parent } = resource;
    return {
      urn,
      type,
      name,
      group: parents.has(urn),
      ...(parent !== undefined && known.has(parent) ? { parent } : {}),
      ...(effect === undefined ? {} : { effect }),
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
  return { title, nodes, edges };
}

/** As one document, for programs that draw it themselves. */
export const graphJson = ({ title, nodes, edges }: DrawnGraph) => ({
  format: 1,
  type: "graph",
  title,
  nodes: nodes.map((node) => ({ ...node })),
  edges: edges.map(([from, to]) => ({ from, to })),
});

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

/** Fill and border by effect; for light and dark pages alike. */
export const effectColours: Readonly<Record<Effect | "none", readonly [fill: string, border: string]>> = {
  none: ["#f4f5f7", "#8993a4"],
  create: ["#e3f5e1", "#2e7d32"],
  update: ["#fff4d6", "#b7791f"],
  replace: ["#f6e1f7", "#8e24aa"],
  delete: ["#fde2e1", "#c62828"],
  forget: ["#eeeeee", "#757575"],
  read: ["#e1f1fb", "#0277bd"],
  import: ["#e1f1fb", "#0277bd"],
  move: ["#e1f1fb", "#0277bd"],
  refresh: ["#e1f1fb", "#0277bd"],
};
