/** Graphs of any size, the same each time. */
import type { DrawnGraph, GraphNode } from "../../../packages/cli/src/render/graph/model.js";
import type { Effect } from "../../../packages/cli/src/render/plan.js";

const types = [
  "aws:ec2/vpc:Vpc",
  "aws:ec2/instance:Instance",
  "aws:s3/bucket:Bucket",
  "kubernetes:apps/v1:Deployment",
  "dns:index:Record",
];
const effects: readonly (Effect | undefined)[] = [
  undefined,
  undefined,
  undefined,
  "create",
  "update",
  "replace",
  "delete",
];

/** `perComponent`: a component around every so many. Half of them depend on one before, mostly of their own component. */
export function graphOf(size: number, { perComponent }: { readonly perComponent?: number }): DrawnGraph {
  let seed = 1;
  const random = (n: number): number => {
    seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
    return Math.floor((seed / 2_147_483_648) * n);
  };
  const nodes: GraphNode[] = [];
  const edges: [GraphNode["urn"], GraphNode["urn"]][] = [];
  let component: GraphNode | undefined;
  let first = 0;
  for (let i = 0; i < size; i++) {
    const make = (type: string, name: string, group: boolean): GraphNode => ({
      urn: `urn:pulumi:dev::shop::${type}::${name}` as GraphNode["urn"],
      type,
      name,
      group,
      properties: group ? [] : ["name", "size"],
    });
    if (perComponent !== undefined && i % perComponent === 0) {
      component = make("shop:index:Service", `service-${i / perComponent}`, true);
      nodes.push(component);
      first = nodes.length;
      continue;
    }
    const effect = effects[random(effects.length)];
    const node: GraphNode = {
      ...make(types[random(types.length)] as string, `item-${i}`, false),
      id: `id-${i}`,
      ...(component === undefined ? {} : { parent: component.urn }),
      ...(effect === undefined ? {} : { effect }),
    };
    for (let k = random(3); k > 0; k--) {
      const from = random(10) === 0 ? 0 : first;
      const target = nodes[from + random(nodes.length - from)];
      if (target !== undefined && !target.group) edges.push([node.urn, target.urn]);
    }
    nodes.push(node);
  }
  return { title: "shop / dev: plan", drift: false, nodes, edges };
}
