/** Mermaid flowcharts, https://mermaid.js.org/syntax/flowchart.html: GitHub and GitLab draw them in Markdown. */
import type { Urn } from "@orch/core/model/urn";
import { shortType } from "../names.js";
import { effectColours } from "./marks.js";
import { byParent, type DrawnGraph } from "./model.js";

/** Quotes and brackets end labels; Mermaid reads HTML's entities. */
const label = (text: string): string =>
  `"${text.replaceAll("&", "&amp;").replaceAll('"', "&quot;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll("\n", " ")}"`;

export function mermaidText(graph: DrawnGraph): string {
  const ids = new Map(graph.nodes.map(({ urn }, i) => [urn, `n${i}`]));
  const children = byParent(graph);
  const out = ["flowchart LR"];
  const level = (parent: Urn | undefined, depth: number): void => {
    const indent = "  ".repeat(depth);
    for (const n of children.get(parent) ?? []) {
      const text = `${shortType(n.type)} ${n.name}`;
      const style = n.effect === undefined ? "" : `:::${n.effect}`;
      if (!n.group) {
        out.push(
          `${indent}${ids.get(n.urn)}[${label(n.effect === undefined ? text : `${text} (${n.effect})`)}]${style}`,
        );
        continue;
      }
      out.push(`${indent}subgraph ${ids.get(n.urn)}[${label(text)}]`);
      level(n.urn, depth + 1);
      out.push(`${indent}end`);
    }
  };
  level(undefined, 1);
  for (const [from, to] of graph.edges) out.push(`  ${ids.get(from)} --> ${ids.get(to)}`);
  for (const effect of new Set(graph.nodes.map((n) => (n.group ? undefined : n.effect)))) {
    if (effect === undefined) continue;
    const [fill, border] = effectColours[effect];
    out.push(`  classDef ${effect} fill:${fill},stroke:${border},color:#172b4d`);
  }
  return out.join("\n");
}
