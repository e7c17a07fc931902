/** What HR says of people: files of a folder, and the payload of a request. */
import { readdirSync, readFileSync } from "node:fs";
import { basename, join } from "node:path";
import { z } from "zod";
import { type Located, type Problem, readDocuments, WrongDocuments } from "./documents.js";
import { groupsOf, type Policy } from "./policy.js";

const day = z.iso.date("a day such as 2026-12-31");
const word = (text: string) => z.string(text).min(1, text);

export const recordSchema = z
  .strictObject({
    employeeNumber: z
      .string('a number in quotes, such as "4711"')
      .regex(/^[1-9][0-9]{2,7}$/, "3 to 8 digits"),
    login: z
      .string("a name to log in with")
      .regex(/^[a-z][a-z0-9-]{1,19}$/, "2 to 20 small letters, digits and hyphens"),
    givenName: word("the first name"),
    surname: word("the family name"),
    role: word("a role of the policy"),
    location: word("where the person works"),
    start: day.describe("The first day. Until then the account is there and can't be used."),
    manager: word("the manager's login").optional(),
    equipment: z
      .record(
        z.string(),
        z.strictObject(
          {
            tag: z.string("the tag on it").regex(/^[A-Z]{2}-[0-9]{4}$/, "a tag such as LT-0042"),
            model: word("which one it is"),
          },
          "the tag and the model, such as { tag: LT-0042, model: ThinkPad T14 }",
        ),
      )
      .default({})
      .describe("What the person has, by kind. The line goes when the thing is handed in."),
    groups: z.array(word("a group")).default([]).describe("Groups besides those of the role."),
    status: z.enum(["active", "leaving"], "active or leaving").default("active"),
    lastDay: day
      .optional()
      .describe("With `status: leaving`: the last day on which the account can be used."),
    rehired: day.optional().describe("The first day of somebody who was here before."),
  })
  .superRefine(({ status, lastDay, start, rehired }, { addIssue }) => {
    const issue = (field: string, message: string) => addIssue({ code: "custom", path: [field], message });
    if (status === "leaving" && lastDay === undefined) issue("status", "leaving, and there is no lastDay");
    if (status === "active" && lastDay !== undefined)
      issue("lastDay", "only with status: leaving; take it out of the record of somebody who stays");
    if (lastDay !== undefined && lastDay < (rehired ?? start)) issue("lastDay", "before the first day");
    if (rehired !== undefined && rehired <= start) issue("rehired", "not after start");
  });

export type PersonRecord = z.output<typeof recordSchema>;

/** Where records come from. */
export interface RecordSources {
  /** A folder of YAML or JSON files, one or more documents each. */
  readonly folder: string;
  /** The payload of a request. Its records take the place of files about the same person. */
  readonly request?: string | undefined;
}

/** All people, by login. Throws WrongDocuments with everything that is wrong, by file, line and field. */
export function readRecords({ folder, request }: RecordSources, policy: Policy): readonly PersonRecord[] {
  const files = readdirSync(folder)
    .filter((name) => /\.(ya?ml|json)$/.test(name))
    .sort()
    .map((name) => ({
      source: `${basename(folder)}/${name}`,
      text: readFileSync(join(folder, name), "utf8"),
    }));
  const asked = request === undefined ? [] : [{ source: "request", text: request }];
  const problems: Problem[] = [];
  const read = (sources: readonly { source: string; text: string }[]) =>
    sources.flatMap(({ source, text }) => {
      const result = readDocuments(text, source, recordSchema);
      problems.push(...result.problems);
      return result.documents;
    });
  const requested = read(asked);
  const replaced = new Set(requested.map(({ value }) => value.employeeNumber));
  const all = [...read(files).filter(({ value }) => !replaced.has(value.employeeNumber)), ...requested];
  problems.push(...together(all, policy));
  if (problems.length > 0) throw new WrongDocuments(problems);
  return all.map(({ value }) => value).sort((a, b) => (a.login < b.login ? -1 : 1));
}

/** What can only be judged with the policy and with the other records. */
function together(all: readonly Located<PersonRecord>[], policy: Policy): readonly Problem[] {
  const problems: Problem[] = [];
  const groups = new Set(groupsOf(policy));
  const logins = new Set(all.map(({ value }) => value.login));
  const taken = { employeeNumber: new Set<string>(), login: new Set<string>(), tag: new Set<string>() };
  for (const { value: record, problem } of all) {
    const once = (kind: keyof typeof taken, path: readonly string[], value: string) => {
      if (taken[kind].has(value)) problems.push(problem(path, `${value} is in another record, too`));
      taken[kind].add(value);
    };
    once("employeeNumber", ["employeeNumber"], record.employeeNumber);
    once("login", ["login"], record.login);
    for (const [kind, { tag }] of Object.entries(record.equipment))
      once("tag", ["equipment", kind, "tag"], tag);
    const role = policy.roles[record.role];
    if (role === undefined)
      problems.push(
        problem(
          ["role"],
          `there is no role ${record.role}; there are ${Object.keys(policy.roles).join(", ")}`,
        ),
      );
    record.groups.forEach((name, i) => {
      if (!groups.has(name))
        problems.push(
          problem(["groups", i], `there is no group ${name}; there are ${[...groups].join(", ")}`),
        );
    });
    if (record.manager !== undefined && !logins.has(record.manager))
      problems.push(problem(["manager"], `nobody has the login ${record.manager}`));
    if (record.manager === record.login) problems.push(problem(["manager"], "nobody is their own manager"));
    if (record.status === "leaving" || role === undefined) continue;
    for (const kind of new Set([...policy.everybody.equipment, ...role.equipment]))
      if (record.equipment[kind] === undefined)
        problems.push(
          problem(["equipment", kind], `the role ${record.role} has a ${kind}: give its tag and model`),
        );
  }
  return problems;
}
