/** The steps of one effect as a tree of the components that they are in. */
import type { Step } from "@orch/core/model/plan";
import { rootStackType, type Urn } from "@orch/core/model/urn";
import { shortUrn } from "./names.js";

export interface Branch {
  readonly urn: Urn;
  /** Absent for a component that only leads to others. */
  readonly step?: Step;
  readonly children: Branch[];
}

const isRoot = (urn: Urn): boolean => urn.includes(`::${rootStackType}::`);

/** URN → parent's, of everything in the plan; the stack itself is nobody's parent. */
export function parentsOf(steps: readonly Step[]): (urn: Urn) => Urn | undefined {
  const parents = new Map<Urn, Urn>();
  for (const step of steps) {
    const { parent } = "resource" in step ? step.resource : step.prior;
    if (parent !== undefined && !isRoot(parent)) parents.set(step.urn, parent);
  }
  return (urn) => parents.get(urn);
}

/** In the order of the steps; a component stands where the first thing in it would. */
export function treeOf(steps: readonly Step[], parentOf: (urn: Urn) => Urn | undefined): readonly Branch[] {
  type Growing = { urn: Urn; step?: Step; children: Growing[] };
  const roots: Growing[] = [];
  const byUrn = new Map<Urn, Growing>();
  const place = (urn: Urn): Growing => {
    // Upwards until something has its place already.
    const fresh: Growing[] = [];
    let at: Urn | undefined = urn;
    let above: Growing | undefined;
    while (at !== undefined) {
      above = byUrn.get(at);
      if (above !== undefined) break;
      const branch: Growing = { urn: at, children: [] };
      byUrn.set(at, branch);
      fresh.push(branch);
      at = parentOf(at);
    }
    // Parents that hold each other are cut apart where they close.
    if (above !== undefined && fresh.includes(above)) above = undefined;
    for (const branch of fresh.reverse()) {
      (above?.children ?? roots).push(branch);
      above = branch;
    }
    return byUrn.get(urn) as Growing;
  };
  for (const step of steps) {
    const branch = place(step.urn);
    if (branch.step === undefined) branch.step = step;
    // A deposed object beside another of the same URN.
    else (byUrn.get(parentOf(step.urn) ?? "")?.children ?? roots).push({ urn: step.urn, step, children: [] });
  }
  return roots;
}

/** `shop:App app › shop:Web web`: components that lead to one another and to nothing else, as one heading; and what is below. */
export function headingOf(branch: Branch): { readonly text: string; readonly children: readonly Branch[] } {
  const names = [shortUrn(branch.urn)];
  let { children } = branch;
  for (let [only, ...others] = children; only?.step === undefined && others.length === 0; ) {
    if (only === undefined) break;
    names.push(shortUrn(only.urn));
    children = only.children;
    [only, ...others] = children;
  }
  return { text: names.join(" › "), children };
}
