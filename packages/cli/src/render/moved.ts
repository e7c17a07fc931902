/** A stack as it is written to a file or moved. */
import type { StackMoved } from "@orch/core/project/index";
import { count } from "./text.js";

/** `shop/dev (12 resources, 3 runs, 1 unfinished step)`. */
export function movedText({ project, stack, resources, runs, unfinished }: StackMoved): string {
  const parts = [
    count(resources, "resource"),
    count(runs, "run"),
    ...(unfinished === 0 ? [] : [count(unfinished, "unfinished step")]),
  ];
  return `${project}/${stack} (${parts.join(", ")})`;
}
