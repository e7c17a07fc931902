/** Failures of one cause, together: a system that is down fails everything in it, and each says so with its own name in the message. */
import type { Failure } from "@orch/core/model/failure";
import type { Urn } from "@orch/core/model/urn";
import { nameIn } from "./names.js";

export interface FailureGroup {
  /** The first of them. */
  readonly failure: Failure;
  readonly urns: readonly Urn[];
  /** Their places in the list that was given. */
  readonly members: readonly number[];
  /** The others say the same of themselves, in other words. */
  readonly differ: boolean;
}

/** What a failure's text may hold of its resource alone: its name, its id, values of its properties. */
export type OwnWords = (failure: Failure, index: number) => readonly (string | number)[];

/**
 * Failures that differ in nothing but their resource and its own words, together; in the order of their first. Words of a letter, or a digit, are
 * too little to tell from what is meant by them.
 */
export function failureGroups(
  failures: readonly Failure[],
  words: OwnWords = () => [],
): readonly FailureGroup[] {
  const groups = new Map<string, { failure: Failure; urns: Urn[]; members: number[]; texts: Set<string> }>();
  for (const [index, failure] of failures.entries()) {
    const { urn, source: _, ...rest } = failure;
    const text = JSON.stringify(rest);
    const key =
      urn === undefined ? text : withoutWords(rest, [urn, nameIn(urn) ?? urn, ...words(failure, index)]);
    const group = groups.get(key);
    if (group === undefined)
      groups.set(key, {
        failure,
        urns: urn === undefined ? [] : [urn],
        members: [index],
        texts: new Set([text]),
      });
    else {
      if (urn !== undefined) group.urns.push(urn);
      group.members.push(index);
      group.texts.add(text);
    }
  }
  return [...groups.values()].map(({ texts, ...group }) => ({ ...group, differ: texts.size > 1 }));
}

/** No message repeats a longer text as it is. Engines of regular expressions refuse what is too large. */
const longestWord = 300;
const mostWords = 500;

/** The failure as a text in which the words are one and the same. The reason stays. */
function withoutWords(failure: Failure, words: readonly (string | number)[]): string {
  const escaped = [...new Set(words.map(String))]
    .filter((word) => word.length > 1 && word.length <= longestWord)
    .slice(0, mostWords)
    // The longest first: what is part of another is not cut out of it.
    .sort((a, b) => b.length - a.length)
    .map((word) => word.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  if (escaped.length === 0) return JSON.stringify(failure);
  const own = new RegExp(`(?<![\\p{L}\\d_])(?:${escaped.join("|")})(?![\\p{L}\\d_])`, "gu");
  return JSON.stringify(failure, (key, value: unknown) =>
    typeof value === "string" && key !== "reason" ? value.replace(own, "\u0000") : value,
  );
}
