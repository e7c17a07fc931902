/** What the page of a graph is given. Plain JSON: `packages/cli/pages/graph.ts` reads it in the browser. */
import type { Effect } from "../plan.js";
import type { Layout } from "./arrange.js";

export interface PageNode {
  readonly name: string;
  /** In the short form that plans show. */
  readonly type: string;
  readonly urn: string;
  readonly id?: string;
  /** Index of the component around it. */
  readonly parent?: number;
  readonly group: boolean;
  readonly effect?: Effect;
  readonly drift?: "changed" | "gone";
  /** What stands in the box, cut to its width. */
  readonly label: readonly [type: string, name: string];
  readonly properties: readonly string[];
  /** What made the plan so, link by link. */
  readonly why?: readonly string[];
  /** How long it will take, in words. */
  readonly expected?: string;
  /** What the plan shows of it; secrets are masked. */
  readonly change?: readonly string[];
  /** What the drift report shows of it. */
  readonly found?: readonly string[];
}

export interface PageData {
  readonly title: string;
  readonly kind: "state" | "plan";
  /** Somebody looked for drift. */
  readonly drift: boolean;
  readonly nodes: readonly PageNode[];
  /** From a resource to what it depends on, by index. */
  readonly edges: readonly (readonly [number, number])[];
  readonly layout: Layout;
}
