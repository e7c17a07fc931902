/** Graphviz' language, https://graphviz.org/doc/info/lang.html. */
import type { Urn } from "@orch/core/model/urn";
import { shortType } from "../names.js";
import { effectColours } from "./marks.js";
import { byParent, type DrawnGraph, type GraphNode } from "./model.js";

const quote = (text: string): string =>
  `"${text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n")}"`;

export function dotText(graph: DrawnGraph): string {
  const ids = new Map(graph.nodes.map(({ urn }, i) => [urn, `n${i}`]));
  const groups = new Map(
    graph.nodes.filter(({ group }) => group).map(({ urn }) => [urn, `cluster_${ids.get(urn)}`]),
  );
  const children = byParent(graph);
  const out = [
    "digraph orch {",
    `  label=${quote(graph.title)}; labelloc=t; fontname="Helvetica"; fontsize=14;`,
    '  rankdir=LR; compound=true; nodesep=0.25; ranksep=0.6; bgcolor="transparent";',
    '  node [shape=box, style="rounded,filled", fontname="Helvetica", fontsize=11, margin="0.12,0.06"];',
    '  edge [color="#8993a4", arrowsize=0.7];',
  ];
  const node = (n: GraphNode, indent: string): void => {
    const [fill, border] = effectColours[n.effect ?? "none"];
    const effect = n.effect === undefined ? "" : `\n(${n.effect})`;
    const label = `${shortType(n.type)}\n${n.name}${effect}`;
    out.push(
      `${indent}${ids.get(n.urn)} [label=${quote(label)}, tooltip=${quote(n.urn)}, fillcolor="${fill}", color="${border}"];`,
    );
  };
  const level = (parent: Urn | undefined, depth: number): void => {
    const indent = "  ".repeat(depth);
    for (const n of children.get(parent) ?? []) {
      if (!n.group) {
        node(n, indent);
        continue;
      }
      const [, border] = effectColours[n.effect ?? "none"];
      out.push(`${indent}subgraph ${groups.get(n.urn)} {`);
      out.push(
        `${indent}  label=${quote(`${shortType(n.type)} ${n.name}`)}; style="rounded"; color="${border}"; fontsize=11;`,
      );
      // Edges need a node to end at; the box itself is none.
      out.push(`${indent}  ${ids.get(n.urn)} [shape=point, style=invis, width=0, label=""];`);
      level(n.urn, depth + 1);
      out.push(`${indent}}`);
    }
  };
  level(undefined, 1);
  for (const [from, to] of graph.edges) {
    const ends = [
      ...(groups.has(from) ? [`ltail=${groups.get(from)}`] : []),
      ...(groups.has(to) ? [`lhead=${groups.get(to)}`] : []),
    ];
    out.push(`  ${ids.get(from)} -> ${ids.get(to)}${ends.length > 0 ? ` [${ends.join(", ")}]` : ""};`);
  }
  out.push("}");
  return out.join("\n");
}
