/** `ldap:index:Membership`: one value of a group's list, whoever keeps the others. */
import { fail } from "@orch/core/model/failure";
import { z } from "zod";
import { defineResource } from "../direct/index.js";
import type { DirectoryEntry } from "./connection.js";
import { changesOf, type Directory } from "./directory.js";
import { normalDn } from "./dn.js";
import { canonical } from "./entry.js";
import { answeredCode } from "./failures.js";
import { dnText } from "./settings.js";
import { minus } from "./values.js";

const shape = {
  group: dnText.describe("The group's distinguished name. Another one is another membership."),
  member: z
    .string()
    .min(1)
    .describe(
      "What the group lists: a distinguished name, for posixGroup a user's name. Another one is another membership.",
    ),
  attribute: z
    .string()
    .regex(/^[A-Za-z][A-Za-z0-9-]*$/, "the name of an attribute")
    .default("member")
    .describe("Where the group keeps it: member, uniqueMember, memberUid. Default member."),
};
const inputs = z.strictObject(shape);
type Inputs = z.output<typeof inputs>;

const idOf = ({ group, attribute, member }: Inputs): string =>
  `${normalDn(group)}|${attribute.toLowerCase()}|${member.includes("=") ? normalDn(member) : member}`;

/** `group|attribute|member`, as the id is written. */
function fromId(id: string): Inputs {
  const [group, attribute, member] = id.split("|");
  if (group === undefined || attribute === undefined || member === undefined)
    return fail({
      reason: "invalid-property",
      message: `${id} is not the id of a membership.`,
      expected: "group|attribute|member, such as cn=admins,ou=groups,dc=example,dc=com|memberUid|ann",
      found: id,
      next: ["Correct the id."],
    });
  return { group, attribute, member };
}

/** The group's entry, where it has the member. */
const holding = ({ attribute, member }: Inputs, group: DirectoryEntry | undefined) =>
  group && minus([Buffer.from(member)], group.attributes.get(attribute.toLowerCase()) ?? []).length === 0
    ? group
    : undefined;

const result = (wanted: Inputs, group: DirectoryEntry | undefined) =>
  group && { id: idOf(wanted), inputs: wanted, outputs: wanted, changes: changesOf(group) };

export const membership = defineResource<Directory>()({
  type: "ldap:index:Membership",
  importId: "`GROUP|ATTRIBUTE|MEMBER`",
  description:
    "One member of one group; other members are left alone. For a whole list use the attribute of an Entry. Id and import: `group|attribute|member`.",
  inputs,
  outputs: z.strictObject(shape),
  replaceOn: ["group", "member", "attribute"],
  stables: ["group", "member", "attribute"],
  idOf,

  async create({ inputs, session, signal }) {
    const { group, attribute, member } = inputs;
    try {
      await session.connection.modify(
        canonical(group),
        [{ operation: "add", attribute, values: [Buffer.from(member)] }],
        signal,
      );
    } catch (error) {
      // It is in the group already, which is all that a membership is.
      if (answeredCode(error) !== 20) throw error;
    }
    return { id: idOf(inputs), outputs: inputs };
  },
  async read({ id, inputs, session, signal }) {
    const wanted = inputs.group === undefined ? fromId(id) : (inputs as Inputs);
    const group = await session.at(canonical(wanted.group), [wanted.attribute], signal);
    return result(wanted, holding(wanted, group));
  },
  /** A request per group. */
  async readMany({ reads, session, signal }) {
    const all = reads.map(({ id, inputs }) => (inputs.group === undefined ? fromId(id) : (inputs as Inputs)));
    const groups = new Map<string, Set<string>>();
    for (const { group, attribute } of all)
      groups.set(canonical(group), (groups.get(canonical(group)) ?? new Set()).add(attribute));
    const found = new Map<string, DirectoryEntry | undefined>();
    for (const [dn, attributes] of groups) found.set(dn, await session.at(dn, [...attributes], signal));
    return all.map((wanted) => result(wanted, holding(wanted, found.get(canonical(wanted.group)))));
  },
  async delete({ inputs, session, signal }) {
    const { group, attribute, member } = inputs;
    try {
      await session.connection.modify(
        canonical(group),
        [{ operation: "delete", attribute, values: [Buffer.from(member)] }],
        signal,
      );
    } catch (error) {
      const code = answeredCode(error);
      if (code !== 16 && code !== 32) throw error;
    }
  },
});
