/** Who changed an object, when and how, as far as its system keeps that. */
import { covers, type PropertyPath, parsePath } from "./path.js";

/** One change of an object, as far as the system tells. */
export interface ObjectChange {
  /** A person, a client or a field manager, by the system's own name. */
  readonly by?: string;
  /** Milliseconds since the epoch. */
  readonly at?: number;
  /** How: `kubectl edit`, `whenChanged`. */
  readonly how?: string;
  /** Property paths that this change is about, where the system says; absent: any. */
  readonly paths?: readonly string[];
}

/**
 * Those of an object's changes that can be behind a difference at `at` (or, without any path, behind its end), in their order; of their paths
 * only the ones that meet one of these. Managed fields name every field of an object, which nobody wants in a report.
 */
export function changesBehind(
  changes: readonly ObjectChange[],
  at: readonly PropertyPath[],
): readonly ObjectChange[] {
  const found: ObjectChange[] = [];
  for (const change of changes) {
    const paths = change.paths?.filter((text) => meetsAny(text, at));
    if (paths === undefined || at.length === 0) {
      const { paths: _, ...rest } = change;
      found.push(rest);
    } else if (paths.length > 0) found.push({ ...change, paths });
  }
  return found;
}

/** The newest change that can be behind a difference at a path. Absent: nothing is known. */
export const lastBehind = (changes: readonly ObjectChange[], path: PropertyPath): ObjectChange | undefined =>
  changes.find(({ paths }) => paths === undefined || paths.some((text) => meetsAny(text, [path])));

/** What is no path in orch's syntax says nothing: the change may be about anything. */
function meetsAny(text: string, at: readonly PropertyPath[]): boolean {
  let path: PropertyPath;
  try {
    path = parsePath(text);
  } catch (error) {
    if (error instanceof SyntaxError) return true;
    throw error;
  }
  return at.some((other) => covers(path, other) || covers(other, path));
}
