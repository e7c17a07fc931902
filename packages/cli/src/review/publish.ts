/** Sections into the comments of a pull request: each in its place, the others as they are, nothing twice. */
import { setTimeout as sleep } from "node:timers/promises";
import { OrchError } from "@orch/core/model/failure";
import { commentBodies, hasMarker, merged } from "../render/markdown/comment.js";
import { parseSections, type Section, sectionId } from "../render/markdown/section.js";
import type { ReviewClient, ReviewComment } from "./contract.js";

export interface PublishOptions {
  /** Comments of one pull request are told apart by it. */
  readonly key: string;
  /** Of the comment, where it is known from an earlier run. */
  readonly id?: string;
  /** Sections of other stacks are left out. */
  readonly only?: boolean;
  /** Before it is looked whether another run has overwritten it, in ms. Default 1,500. */
  readonly settleMs?: number;
}

export interface Published {
  /** More than one only when what may not be cut is too long for one. */
  readonly comments: readonly ReviewComment[];
  readonly action: "created" | "updated" | "unchanged";
  /** Duplicates that were deleted. */
  readonly removed: number;
}

/** Runs that write to one comment at the same time: none of the platforms refuses a change that is based on an old text. */
const tries = 5;

/** Rejects with the failures of the client, and with `conflict` when other runs overwrite the comment again and again. */
export async function publish(
  client: ReviewClient,
  sections: readonly Section[],
  { key, id, only = false, settleMs = 1_500 }: PublishOptions,
): Promise<Published> {
  let action: Published["action"] = "unchanged";
  let removed = 0;
  for (let attempt = 1; attempt <= tries; attempt++) {
    const found = await findComments(client, key, id);
    const all = merged(only ? [] : found.map(({ body }) => body), sections);
    const bodies = commentBodies(all, key);
    const comments: ReviewComment[] = [];
    for (const [i, body] of bodies.entries()) {
      const old = found[i];
      if (old === undefined) {
        comments.push(await client.create(body));
        if (i === 0) action = "created";
      } else if (sameText(old.body, body)) comments.push(old);
      else {
        comments.push(await client.update(old.id, body));
        if (action === "unchanged") action = "updated";
      }
    }
    for (const surplus of found.slice(bodies.length)) {
      await client.remove(surplus.id);
      removed++;
    }
    if (settleMs > 0) await sleep(settleMs * (0.5 + Math.random()));
    const after = await findComments(client, key, id);
    if (after.length === comments.length && holds(after, sections)) return { comments, action, removed };
  }
  throw new OrchError({
    reason: "conflict",
    message: `Other runs changed the comment on ${client.place} each time that it was written.`,
    expected: "the comment as it was written",
    found: `another one, ${tries} times`,
    next: ["Run the same command again, or give the stacks comments of their own with --key."],
  });
}

async function findComments(
  client: ReviewClient,
  key: string,
  id: string | undefined,
): Promise<readonly ReviewComment[]> {
  const own = await client.own((body) => hasMarker(body, key));
  if (id === undefined || own.some((comment) => comment.id === id)) return own;
  const named = await client.byId(id);
  return named === undefined ? own : [named, ...own];
}

/** Platforms end lines in their own way, and take away spaces at the end. */
const sameText = (a: string, b: string): boolean => a.replaceAll("\r\n", "\n").trim() === b.trim();

/** Is each of them there, or one that was made later? */
function holds(comments: readonly ReviewComment[], sections: readonly Section[]): boolean {
  const latest = new Map<string, number>();
  for (const { info } of comments.flatMap(({ body }) => parseSections(body))) {
    const id = sectionId(info);
    latest.set(id, Math.max(latest.get(id) ?? 0, info.at));
  }
  return sections.every(({ info }) => (latest.get(sectionId(info)) ?? -1) >= info.at);
}
