/** stacks/onboarding: what is read, and what it says of what is wrong. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { WrongDocuments } from "../../../stacks/onboarding/documents.js";
import { type Policy, readPolicy } from "../../../stacks/onboarding/policy.js";
import { readRecords } from "../../../stacks/onboarding/records.js";

const stack = join(import.meta.dirname, "../../../stacks/onboarding");
const policy: Policy = readPolicy(join(stack, "roles.yaml"));

function folder(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), "orch-records-"));
  onTestFinished(() => rmSync(root, { recursive: true, force: true }));
  mkdirSync(join(root, "people"));
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, "people", name), text);
  return join(root, "people");
}
function wrongOf(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof WrongDocuments) return error.message;
    throw error;
  }
  throw new Error("nothing is wrong");
}
const record = (login: string, employeeNumber: string, more = "") =>
  `employeeNumber: "${employeeNumber}"
login: ${login}
givenName: Some
surname: Body
role: recruiter
location: London
start: 2026-12-01
equipment: { laptop: { tag: LT-${employeeNumber}, model: X } }
${more}`;

test("the stack's own records and policy are right", () => {
  const people = readRecords({ folder: join(stack, "people") }, policy);
  expect(people.map(({ login }) => login)).toEqual(["ada", "grace", "max"]);
});

test("a request takes the place of the file about the same person, and may hold several", () => {
  const people = folder({ "a.yaml": record("ann", "1001") });
  const request = `${record("anna", "1001")}---\n${record("bob", "1002")}`;
  expect(readRecords({ folder: people, request }, policy).map(({ login }) => login)).toEqual(["anna", "bob"]);
});

test("all that is wrong is told, in order, with file, line and field", () => {
  const people = folder({
    "a.yaml": record("ann", "1001", "status: leaving\n"),
    "b.yaml": record("bob", "1001", "manager: bob\ngroups: [Staff, Wheel]\nstatus: active\n"),
    "c.json": `{\n "login": "C",\n "age": 3\n}`,
    "d.yaml": record("dan", "1004", "status: leaving\nlastDay: 2026-11-01\nrehired: 2026-11-01\n"),
    "e.yaml": "login: [e\n",
    "f.txt": "not a record",
  });
  expect(wrongOf(() => readRecords({ folder: people }, policy))).toMatchInlineSnapshot(`
    "people/a.yaml:9: status: leaving, and there is no lastDay
    people/b.yaml:9: manager: nobody is their own manager
    people/b.yaml:10: groups.1: there is no group Wheel; there are Developers, Engineering, People, Sales, Staff, VPN
    people/c.json:1: employeeNumber: missing: a number in quotes, such as "4711"
    people/c.json:1: givenName: missing: the first name
    people/c.json:1: surname: missing: the family name
    people/c.json:1: role: missing: a role of the policy
    people/c.json:1: location: missing: where the person works
    people/c.json:1: start: missing: a day such as 2026-12-31
    people/c.json:2: login: 2 to 20 small letters, digits and hyphens
    people/c.json:3: age: there is no such field
    people/d.yaml:11: rehired: not after start
    people/e.yaml:2: Flow sequence in block collection must be sufficiently indented and end with a ]"
  `);
});

test("two with one login, one number, one laptop; a role without what it needs", () => {
  const people = folder({
    "a.yaml": record("ann", "1001"),
    "b.yaml": record("ann", "1001").replace("recruiter", "seller"),
    "c.yaml": record("cat", "1003", "manager: nobody\n").replace("recruiter", "wizard"),
  });
  expect(wrongOf(() => readRecords({ folder: people }, policy))).toMatchInlineSnapshot(`
    "people/b.yaml:1: employeeNumber: 1001 is in another record, too
    people/b.yaml:2: login: ann is in another record, too
    people/b.yaml:8: equipment.laptop.tag: LT-1001 is in another record, too
    people/b.yaml:8: equipment.phone: the role seller has a phone: give its tag and model
    people/c.yaml:5: role: there is no role wizard; there are developer, support, seller, recruiter
    people/c.yaml:9: manager: nobody has the login nobody"
  `);
});

test("a policy that names what is not there", () => {
  const root = folder({
    "roles.yaml": `company: X
mailDomain: x.example
departments:
  One: { unit: One }
roles:
  some: { title: Some, department: Two }
leavers: { unit: Gone, keepHomeDays: 1, keepMailboxDays: -1, keepAccountDays: 1 }
`,
  });
  const file = join(root, "roles.yaml");
  const text = readFileSync(file, "utf8");
  expect(wrongOf(() => readPolicy(file))).toBe(
    "roles.yaml:7: leavers.keepMailboxDays: a whole number of days, 0 or more",
  );
  writeFileSync(file, text.replace("-1", "1"));
  expect(wrongOf(() => readPolicy(file))).toBe(
    "roles.yaml:6: roles.some.department: there is no department Two; there are One",
  );
  writeFileSync(file, "");
  expect(wrongOf(() => readPolicy(file))).toBe("roles.yaml:1: exactly one document is expected");
});
