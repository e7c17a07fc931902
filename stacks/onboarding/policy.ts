/** roles.yaml: what a role gets, and what becomes of what a leaver leaves. */
import { readFileSync } from "node:fs";
import { basename } from "node:path";
import { z } from "zod";
import { type Problem, readDocuments, WrongDocuments } from "./documents.js";

const name = z.string().min(1);
const names = z.array(name).default([]);
const days = z.int("a whole number of days, 0 or more").min(0, "a whole number of days, 0 or more");

const grants = {
  groups: names.describe("Groups of the domain."),
  licences: names.describe("Entitlements of the collaboration account."),
  applications: names.describe("Cloud applications: groups at the collaboration service."),
  equipment: names.describe("Kinds of things that the person is handed out, such as laptop."),
};

const policySchema = z.strictObject({
  company: name,
  mailDomain: z.string().regex(/^[a-z0-9.-]+\.[a-z]+$/, "a domain such as example.com"),
  departments: z.record(
    name,
    z.strictObject({ unit: name.describe("The organizational unit of its people."), groups: names }),
  ),
  everybody: z.strictObject(grants).prefault({}),
  roles: z.record(
    z.string().regex(/^[a-z-]+$/, "a word in small letters"),
    z.strictObject({
      title: name,
      department: name,
      ...grants,
      database: names.describe("Roles of the database server that the person's own role is a member of."),
    }),
  ),
  leavers: z.strictObject({
    unit: name.describe("The organizational unit that accounts of leavers are moved to."),
    licences: names.describe("What the deactivated account keeps, so that its mailbox stays."),
    keepHomeDays: days.describe("The home folder, after the last day. Its archive is kept for good."),
    keepMailboxDays: days.describe("The collaboration account, deactivated, with its mailbox."),
    keepAccountDays: days.describe("The account of the domain, disabled, and the database role."),
  }),
});

export type Policy = z.output<typeof policySchema>;
export type Role = Policy["roles"][string];

/** All groups that the policy names, in order. */
export const groupsOf = ({ everybody, departments, roles }: Policy): readonly string[] =>
  [
    ...new Set(
      [everybody, ...Object.values(departments), ...Object.values(roles)].flatMap(({ groups }) => groups),
    ),
  ].sort();

/** The policy in a file. Throws WrongDocuments with everything that is wrong in it. */
export function readPolicy(file: string): Policy {
  const source = basename(file);
  const { documents, problems } = readDocuments(readFileSync(file, "utf8"), source, policySchema);
  if (problems.length > 0) throw new WrongDocuments(problems);
  const [only, ...more] = documents;
  if (only === undefined || more.length > 0)
    throw new WrongDocuments([{ source, line: 1, field: "", message: "exactly one document is expected" }]);
  const { departments, roles } = only.value;
  const wrong: Problem[] = Object.entries(roles)
    .filter(([, { department }]) => departments[department] === undefined)
    .map(([role, { department }]) =>
      only.problem(
        ["roles", role, "department"],
        `there is no department ${department}; there are ${Object.keys(departments).join(", ")}`,
      ),
    );
  if (wrong.length > 0) throw new WrongDocuments(wrong);
  return only.value;
}
