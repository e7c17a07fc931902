/** Reading many objects: which of them one list answers. */
import { toFailure } from "@orch/core/model/failure";
import { reveal } from "@orch/core/model/value";
import type { ReadManyRequest, ReadManyResponse, ReadResponse } from "@orch/core/provider/contract";
import { parseId } from "./object.js";

export type Read = ReadManyRequest["reads"][number];

export interface Ways {
  readonly one: (read: Read) => Promise<ReadResponse>;
  /** All of one kind and namespace, in their order. Undefined: it is not allowed to list them. */
  readonly group: (reads: readonly [Read, ...Read[]]) => Promise<readonly ReadResponse[] | undefined>;
  /** What the failure of a list is for each. */
  readonly failed: (error: unknown, read: Read) => ReadManyResponse[number];
}

/** Fewer are read by themselves: a list may hold thousands that nobody asked for. */
const leastForList = 3;

/** Answers in the order of the reads. */
export async function readInGroups(reads: readonly Read[], ways: Ways): Promise<ReadManyResponse> {
  const groups = new Map<string, Read[]>();
  for (const read of reads) {
    const { type, id, inputs } = read;
    const key = JSON.stringify([type, reveal(inputs.kind ?? null), parseId(id).namespace ?? null]);
    const group = groups.get(key);
    if (group) group.push(read);
    else groups.set(key, [read]);
  }
  const answers = new Map<Read, ReadManyResponse[number]>();
  await Promise.all(
    [...groups.values()].map(async (group) => {
      const found = await readGroup(group as [Read, ...Read[]], ways);
      for (const [i, read] of group.entries()) answers.set(read, found[i] as ReadManyResponse[number]);
    }),
  );
  return reads.map((read) => answers.get(read) as ReadManyResponse[number]);
}

async function readGroup(reads: readonly [Read, ...Read[]], ways: Ways): Promise<ReadManyResponse> {
  if (reads.length >= leastForList) {
    try {
      const found = await ways.group(reads);
      if (found !== undefined) return found;
    } catch (error) {
      return reads.map((read) => ways.failed(error, read));
    }
  }
  return Promise.all(
    reads.map((read) => ways.one(read).catch((error: unknown) => ({ failure: toFailure(error) }))),
  );
}
