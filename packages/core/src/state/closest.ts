/** The names most like a mistyped one, best first; none when nothing is near. A beginning of at least three letters is near to the whole. */
export function closest(name: string, candidates: readonly string[], limit = 3): string[] {
  const typed = name.toLowerCase();
  const near = candidates
    .map((candidate) => ({ candidate, distance: distanceTo(typed, candidate.toLowerCase()) }))
    .filter((each): each is { candidate: string; distance: number } => each.distance !== undefined)
    .sort((a, b) => a.distance - b.distance);
  // What is much further than the best is not what was meant.
  const furthest = (near[0]?.distance ?? 0) + 1;
  return near
    .filter(({ distance }) => distance <= furthest)
    .slice(0, limit)
    .map(({ candidate }) => candidate);
}

/** A line for `next` of a failure; none when nothing is near. `show`: how a name is written there. */
export function didYouMean(
  name: string,
  candidates: readonly string[],
  show: (candidate: string) => string = (candidate) => candidate,
): string[] {
  const near = closest(name, [...new Set(candidates)]);
  return near.length === 0 ? [] : [`Did you mean ${near.map(show).join(" or ")}?`];
}

/** Undefined: too far away. */
function distanceTo(typed: string, candidate: string): number | undefined {
  const distance = editDistance(typed, candidate);
  const longest = Math.max(typed.length, candidate.length);
  if (distance <= Math.max(1, Math.floor(longest / 3))) return distance;
  // `prod` for `production`: after all that are mistyped only.
  return typed.length > 2 && candidate.startsWith(typed) ? longest : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours that turn one into the other (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const replace = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(replace, (last[j] as number) + 1, (row[j - 1] as number) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] as number) + 1);
      }
      row.push(best);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length] as number;
}
