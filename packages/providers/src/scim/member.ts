import { fail, type OrchError } from "@orch/core/model/failure";
import { z } from "zod";
import { unexpected } from "../direct/http/failures.js";
import { defineResource } from "../direct/index.js";
import { memberOperations, putBody } from "./attributes.js";
import { getMany } from "./resource.js";
import { patchBody, pathOf, type ScimResource, type ScimSession } from "./session.js";

const properties = {
  groupId: z.string().min(1).describe("The group's id."),
  memberId: z.string().min(1).describe("The id of the user or group that is in it."),
};
const inputs = z.strictObject({
  ...properties,
  type: z.enum(["User", "Group"]).optional().describe("What the member is; needed by some services."),
});
const outputs = z.strictObject(properties);

type Member = z.output<typeof inputs>;

const idOf = ({ groupId, memberId }: Pick<Member, "groupId" | "memberId">): string =>
  `${encodeURIComponent(groupId)}/${encodeURIComponent(memberId)}`;

function partsOf(id: string): { groupId: string; memberId: string } {
  const [groupId, memberId, ...more] = id.split("/").map(decodeURIComponent);
  if (!groupId || !memberId || more.length > 0)
    return fail({
      reason: "invalid-property",
      message: `${JSON.stringify(id)} is no id of a membership.`,
      expected: "the group's id, a slash, the member's id",
      found: id,
    });
  return { groupId, memberId };
}

const isIn = (group: ScimResource | undefined, memberId: string): boolean =>
  group !== undefined &&
  Array.isArray(group.members) &&
  group.members.some(({ value }: { value?: unknown }) => value === memberId);

const found = (parts: { groupId: string; memberId: string }, given: Partial<Member>) => ({
  inputs: { ...given, ...parts },
  outputs: parts,
});

export const groupMember = defineResource<ScimSession>()({
  type: "scim:index:GroupMember",
  importId: "`GROUP/MEMBER`, their ids at the service",
  description:
    "One member of a group whose other members are not this stack's business. Its id is `<group's id>/<member's id>`.",
  inputs,
  outputs,
  idOf,

  async create({ inputs: { groupId, memberId, type }, session, signal }) {
    const changed = await change(
      session,
      groupId,
      { value: memberId, ...(type ? { type } : {}) },
      true,
      signal,
    );
    if (changed === undefined)
      return fail({
        reason: "provider-error",
        message: `There is no group ${JSON.stringify(groupId)}.`,
        path: "groupId",
        expected: "the id of a group",
        found: `nothing at ${session.service}`,
      });
    return { id: idOf({ groupId, memberId }), outputs: { groupId, memberId } };
  },

  async read({ id, inputs: given, session, signal }) {
    const parts = partsOf(id);
    const group = await session.get("Groups", parts.groupId, signal);
    return isIn(group, parts.memberId) ? found(parts, given) : undefined;
  },

  async readMany({ reads, session, signal }) {
    const all = reads.map(({ id, inputs: given }) => ({ parts: partsOf(id), given }));
    const groups = [...new Set(all.map(({ parts }) => parts.groupId))].map((id) => ({ id }));
    const { found: byId, failures } = await getMany(session, "Groups", groups, signal, {});
    return all.map(({ parts, given }) => {
      const failure = failures.get(parts.groupId);
      if (failure) return { failure };
      return isIn(byId.get(parts.groupId), parts.memberId) ? found(parts, given) : undefined;
    });
  },

  async delete({ id, session, signal }) {
    const { groupId, memberId } = partsOf(id);
    await change(session, groupId, { value: memberId }, false, signal);
  },
});

/** How often a PUT is tried again when somebody else changed the group between reading and writing. */
const tries = 5;

/** Adds or removes one. Undefined: there is no such group. Doing it twice is as once. */
async function change(
  session: ScimSession,
  groupId: string,
  member: { readonly value: string; readonly type?: string },
  add: boolean,
  signal: AbortSignal,
): Promise<true | undefined> {
  const doing = `${add ? "add" : "remove"} the member ${member.value} ${add ? "to" : "from"} Groups/${groupId}`;
  const path = pathOf("Groups", groupId);
  const { patch, etag } = await session.abilities(signal);
  if (patch) {
    const [from, to] = add ? [[], [member]] : [[member], []];
    const body = patchBody(memberOperations(from, to, session.config.memberRemoval));
    const answer = await session.send({ method: "PATCH", path, body, idempotent: true, signal });
    if (answer.status === 404) return undefined;
    // RFC 7644, 3.5.2.2: some refuse to remove what is not there, or to add what is.
    if (!answer.ok && isIn(await session.get("Groups", groupId, signal), member.value) !== add)
      throw unexpected(answer, session.service, doing);
    return true;
  }
  for (let attempt = 1; ; attempt++) {
    const group = await session.get("Groups", groupId, signal);
    if (group === undefined) return undefined;
    if (isIn(group, member.value) === add) return true;
    const before = Array.isArray(group.members) ? (group.members as { value?: unknown }[]) : [];
    const members = add ? [...before, member] : before.filter(({ value }) => value !== member.value);
    const version = group.meta?.version;
    const headers: Readonly<Record<string, string>> = etag && version ? { "if-match": version } : {};
    const body = putBody(group, { members: before }, { members });
    const answer = await session.send({ method: "PUT", path, headers, body, signal });
    if (answer.ok) return true;
    const error: OrchError = unexpected(answer, session.service, doing);
    if (answer.status !== 412 || attempt >= tries) throw error;
  }
}
