/** Who is in a group: one member whoever else is in it, or the whole list. */
import { fail } from "@orch/core/model/failure";
import { Ber, BerWriter, Control } from "ldapts";
import { z } from "zod";
import { defineResource } from "../direct/index.js";
import type { DirectoryEntry } from "../ldap/connection.js";
import { changesOf, type Directory, idOfEntry, isUuid } from "../ldap/directory.js";
import { isDn, normalDn } from "../ldap/dn.js";
import { canonical, listEntries } from "../ldap/entry.js";
import { answeredCode } from "../ldap/failures.js";

/** Names in answers come with the GUID before them: `<GUID=…>;<SID=…>;CN=…` (MS-ADTS 3.1.1.3.4.1.5). */
class ExtendedNames extends Control {
  constructor() {
    super("1.2.840.113556.1.4.529", { critical: true });
  }
  protected override writeControl(writer: BerWriter): void {
    const value = new BerWriter();
    value.startSequence();
    value.writeInt(1); // GUIDs as text
    value.endSequence();
    writer.writeBuffer(value.buffer, Ber.OctetString);
  }
}

const reference = (description: string) =>
  z
    .string()
    .refine((text) => isUuid(text) || isDn(text), "an object's GUID or distinguished name")
    .describe(description);

/** A name that a server takes for both forms. */
const nameOf = (text: string): string => (isUuid(text) ? `<GUID=${text.toLowerCase()}>` : canonical(text));
const key = (text: string): string => (isUuid(text) ? text.toLowerCase() : normalDn(text));

/** A distinguished name without what the control puts before it. */
const withoutIds = (dn: string): string => dn.replace(/^(?:<[^>]*>;)*/, "");

interface Member {
  readonly guid: string | undefined;
  readonly dn: string;
}
/** Undefined: there is no such group. */
async function membersOf(
  session: Directory,
  group: string,
  signal: AbortSignal,
): Promise<{ readonly entry: DirectoryEntry; readonly members: readonly Member[] } | undefined> {
  const [entry] = await session.search(
    { base: nameOf(group), scope: "base", attributes: ["member"], controls: [new ExtendedNames()] },
    signal,
  );
  if (entry === undefined) return undefined;
  const members = (entry.attributes.get("member") ?? []).map((bytes): Member => {
    const text = bytes.toString();
    return {
      guid: /<GUID=([0-9a-f-]{36})>/i.exec(text)?.[1]?.toLowerCase(),
      dn: withoutIds(text),
    };
  });
  return { entry, members };
}
const isOf = (member: Member, text: string): boolean =>
  isUuid(text) ? member.guid === text.toLowerCase() : normalDn(member.dn) === normalDn(text);

/** Adds or removes members. One that is there, or gone, already is well. */
async function change(
  session: Directory,
  group: string,
  operation: "add" | "delete",
  members: readonly string[],
  signal: AbortSignal,
): Promise<void> {
  if (members.length === 0) return;
  const values = members.map((member) => Buffer.from(nameOf(member)));
  await session.connection.modify(nameOf(group), [{ operation, attribute: "member", values }], signal);
}

const shape = {
  group: reference("The group: its id (GUID), or its distinguished name. Another one is another membership."),
  member: reference(
    "Who is in it: the id (GUID) or distinguished name of a user, computer or group. Another one is another membership.",
  ),
};
const one = z.strictObject(shape);
type One = z.output<typeof one>;
const idOf = ({ group, member }: One): string => `${key(group)}|${key(member)}`;

function fromId(id: string): One {
  const [group = "", member = ""] = id.split("|");
  if (one.safeParse({ group, member }).success) return { group, member };
  return fail({
    reason: "invalid-property",
    message: `${id} is not the id of a membership.`,
    expected: "group|member, each a GUID or a distinguished name",
    found: id,
    next: ["Correct the id."],
  });
}
const oneResult = (wanted: One, group: Awaited<ReturnType<typeof membersOf>>) =>
  group?.members.some((member) => isOf(member, wanted.member))
    ? { id: idOf(wanted), inputs: wanted, outputs: wanted, changes: changesOf(group.entry) }
    : undefined;

export const membership = defineResource<Directory>()({
  type: "activedirectory:index:Membership",
  importId: "`GROUP|MEMBER`, each a GUID or a distinguished name",
  description:
    "One member of one group; other members are left alone. Give ids (GUIDs), and renames change nothing. Id and import: `group|member`. A user's primary group does not list the user. List scope: `group`, or `base` and `filter` of groups.",
  inputs: one,
  outputs: one,
  replaceOn: ["group", "member"],
  stables: ["group", "member"],
  idOf,

  async create({ inputs, session, signal }) {
    try {
      await change(session, inputs.group, "add", [inputs.member], signal);
    } catch (error) {
      // It is in the group already, which is all that a membership is. Active Directory says so with 68, others with 20.
      const code = answeredCode(error);
      if (code !== 20 && code !== 68) throw error;
    }
    return { id: idOf(inputs), outputs: inputs };
  },
  async read({ id, inputs, session, signal }) {
    const wanted = inputs.group === undefined ? fromId(id) : (inputs as One);
    return oneResult(wanted, await membersOf(session, wanted.group, signal));
  },
  /** A request per group. */
  async readMany({ reads, session, signal }) {
    const all = reads.map(({ id, inputs }) => (inputs.group === undefined ? fromId(id) : (inputs as One)));
    const groups = new Map<string, Awaited<ReturnType<typeof membersOf>>>();
    for (const group of new Set(all.map((each) => key(each.group))))
      groups.set(group, await membersOf(session, group, signal));
    return all.map((wanted) => oneResult(wanted, groups.get(key(wanted.group))));
  },
  /** All memberships of the groups below `base`, or of one `group`; ids as a program that gives ids has them. */
  async *list({ scope, session, signal }) {
    const groups: string[] = [];
    if (typeof scope.group === "string") groups.push(scope.group);
    else
      for await (const { id } of listEntries(session, scope, "(objectClass=group)", signal)) groups.push(id);
    for (const group of groups) {
      const found = await membersOf(session, group, signal);
      if (found === undefined) continue;
      const own = idOfEntry(found.entry);
      const name = withoutIds(found.entry.dn);
      for (const { guid, dn } of found.members)
        yield {
          id: idOf({ group: own, member: guid ?? dn }),
          title: `${dn} in ${name}`,
          changes: changesOf(found.entry),
        };
    }
  },
  async delete({ inputs, session, signal }) {
    const group = await membersOf(session, inputs.group, signal);
    if (group?.members.some((member) => isOf(member, inputs.member)))
      await change(session, inputs.group, "delete", [inputs.member], signal);
  },
});

const wholeShape = {
  group: reference("The group: its id (GUID), or its distinguished name. Another one is another list."),
  members: z
    .array(reference("A member's id (GUID) or distinguished name."))
    .describe("All who are in it, in any order. Whoever else is in it is removed."),
};
const whole = z.strictObject(wholeShape);
type Whole = z.output<typeof whole>;

/** Those wanted as the program names them, then whoever else is there, by name. */
function wholeResult(
  id: string,
  given: Partial<Whole>,
  found: NonNullable<Awaited<ReturnType<typeof membersOf>>>,
) {
  const wanted = given.members ?? [];
  const kept = wanted.filter((text) => found.members.some((member) => isOf(member, text)));
  const others = found.members
    .filter((member) => !wanted.some((text) => isOf(member, text)))
    .map(({ dn }) => dn)
    .sort();
  const value = { group: given.group ?? id, members: [...kept, ...others] };
  return { id, inputs: value, outputs: value, changes: changesOf(found.entry) };
}

export const groupMembers = defineResource<Directory>()({
  type: "activedirectory:index:GroupMembers",
  importId: "the group's GUID or distinguished name",
  description:
    "All members of a group; whoever else is in it is removed. Id and import: the group's GUID or distinguished name.",
  inputs: whole,
  outputs: whole,
  replaceOn: ["group"],
  stables: ["group"],
  idOf: ({ group }) => key(group),

  async create({ inputs, session, signal }) {
    return { id: key(inputs.group), outputs: await setAll(session, inputs, undefined, signal) };
  },
  async read({ id, inputs, session, signal }) {
    const found = await membersOf(session, inputs.group ?? id, signal);
    return found && wholeResult(key(id), inputs, found);
  },
  async readMany({ reads, session, signal }) {
    const groups: Awaited<ReturnType<typeof membersOf>>[] = [];
    for (const { id, inputs } of reads) groups.push(await membersOf(session, inputs.group ?? id, signal));
    return reads.map(({ id, inputs }, i) => {
      const found = groups[i];
      return found && wholeResult(key(id), inputs, found);
    });
  },
  async update({ oldInputs, inputs, session, signal }) {
    return { outputs: await setAll(session, inputs, oldInputs, signal) };
  },
  async delete({ inputs, session, signal }) {
    const found = await membersOf(session, inputs.group, signal);
    const listed = inputs.members.filter((text) => found?.members.some((member) => isOf(member, text)));
    await change(session, inputs.group, "delete", listed, signal);
  },
});

/** Makes the list what is wanted. Who came in after the plan is not thrown out: that is a conflict. */
async function setAll(
  session: Directory,
  { group, members }: Whole,
  planned: Whole | undefined,
  signal: AbortSignal,
): Promise<Whole> {
  const found = await membersOf(session, group, signal);
  if (found === undefined)
    return fail({
      reason: "provider-error",
      message: `There is no group ${group}, or this user may not see it.`,
      path: "group",
      expected: "a group of the domain",
      found: group,
      next: ["Create the group first, and give its id."],
    });
  const known = [...members, ...(planned?.members ?? [])];
  const strangers = found.members.filter((member) => !known.some((text) => isOf(member, text)));
  if (strangers.length > 0)
    return fail({
      reason: "conflict",
      message: `The group ${group} has members that the plan did not show.`,
      path: "members",
      expected: planned ? "the members that were planned against" : "no other members",
      found: strangers
        .slice(0, 5)
        .map(({ dn }) => dn)
        .join("; "),
      next: planned
        ? ["See them with `orch plan --refresh`, then apply that plan."]
        : ["Import the group's members first: the plan then shows whom it removes."],
    });
  const gone = found.members.filter((member) => !members.some((text) => isOf(member, text)));
  const added = members.filter((text) => !found.members.some((member) => isOf(member, text)));
  await change(
    session,
    group,
    "delete",
    gone.map(({ guid, dn }) => guid ?? dn),
    signal,
  );
  await change(session, group, "add", added, signal);
  return { group, members };
}
