/** Renames that a plan takes for a deletion and a creation: what to write so that the object is kept. */
import type { Step } from "@orch/core/model/plan";
import { likelyMoves } from "@orch/core/plan/likely-moves";
import { shortUrn } from "./names.js";
import { count, visible } from "./text.js";
import type { Theme } from "./theme.js";

export function renderLikelyMoves(steps: readonly Step[], theme: Theme): string[] {
  const moves = likelyMoves(steps);
  if (moves.length === 0) return [];
  return [
    theme.bold(
      theme.warning("Renamed? What is deleted here is made again under another name, and is else the same"),
    ),
    ...moves.flatMap(({ from, to, alias, objects }) => [
      `  ${theme.read(">")} ${shortUrn(from)} → ${theme.name(shortUrn(to))}${objects > 1 ? theme.dim(` with ${count(objects, "object")}`) : ""}`,
      `      ${visible(alias)}${theme.dim(`  in the options of ${shortUrn(to)} keeps ${objects > 1 ? "them" : "the object"}`)}`,
    ]),
    "",
  ];
}
