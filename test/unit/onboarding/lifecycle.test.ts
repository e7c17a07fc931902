/** stacks/onboarding: who has what, on which day. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { addDays, personOf } from "../../../stacks/onboarding/lifecycle.js";
import { readPolicy } from "../../../stacks/onboarding/policy.js";
import { type PersonRecord, recordSchema } from "../../../stacks/onboarding/records.js";

const policy = readPolicy(join(import.meta.dirname, "../../../stacks/onboarding/roles.yaml"));
const max = (more: Partial<PersonRecord> = {}): PersonRecord =>
  recordSchema.parse({
    employeeNumber: "4712",
    login: "max",
    givenName: "Max",
    surname: "Planck",
    role: "seller",
    location: "Berlin",
    start: "2026-12-01",
    equipment: { laptop: { tag: "LT-0043", model: "T14" }, phone: { tag: "PH-0018", model: "Pixel" } },
    ...more,
  });
const on = (day: string, record = max()) => personOf(record, policy, day);
const leaver = max({ status: "leaving", lastDay: "2026-12-31" });

test("before the first day the account is prepared, and can't be used", () => {
  expect(on("2026-11-30")).toMatchObject({ phase: "coming", enabled: false, unit: "Sales" });
  expect(on("2026-12-01")).toMatchObject({
    phase: "here",
    enabled: true,
    because: "seller since 2026-12-01",
  });
});

test("what everybody gets, what the department gets, what the role gets, and what one gets alone", () => {
  const { groups, licences, applications, databaseRoles } = on("2026-12-02", max({ groups: ["VPN"] }));
  expect(groups).toEqual(["Sales", "Staff", "VPN"]);
  expect(licences).toEqual(["chat", "crm", "mailbox"]);
  expect(applications).toEqual(["CRM", "Intranet"]);
  expect(databaseRoles).toEqual([]);
});

test("a thing that the role does not have is to be returned, and says why", () => {
  const items = on("2026-12-02", max({ role: "developer" })).equipment;
  expect(items.map(({ kind, status, note }) => [kind, status, note])).toEqual([
    ["laptop", "assigned", ""],
    ["phone", "to be returned", "not for the role developer"],
  ]);
});

test("on the last day all is as it was, but the things; on the next it is taken back", () => {
  const last = on("2026-12-31", leaver);
  expect(last).toMatchObject({ phase: "leaving", enabled: true, groups: ["Sales", "Staff"], unit: "Sales" });
  expect(last.equipment.map(({ status }) => status)).toEqual(["to be returned", "to be returned"]);
  expect(last.has).toMatchObject({ home: true, archive: false });

  const left = on("2027-01-01", leaver);
  expect(left).toMatchObject({
    phase: "left",
    enabled: false,
    groups: [],
    applications: [],
    unit: "Leavers",
  });
  expect(left.licences).toEqual(["mailbox"]);
  expect(left.keptUntil).toEqual({ home: "2027-01-14", mailbox: "2027-01-30", account: "2027-03-31" });
  expect(left.has).toMatchObject({ account: true, mailbox: true, home: true, archive: true });
});

test("each thing that is kept has its day; the archive has none", () => {
  const has = (day: string) => on(day, leaver).has;
  expect(has("2027-01-14").home).toBe(true);
  expect(has("2027-01-15")).toMatchObject({ home: false, mailbox: true, account: true });
  expect(has("2027-01-31")).toMatchObject({ mailbox: false, account: true });
  expect(has("2027-04-01")).toMatchObject({ account: false, archive: true });
  expect(on("2027-04-01", leaver).keptUntil).toEqual({});
});

test("a developer who left keeps the database role without its use as long as the account", () => {
  const developer = { ...leaver, role: "developer" };
  expect(on("2027-01-01", developer)).toMatchObject({ databaseRoles: [], has: { database: true } });
  expect(on("2027-04-01", developer).has.database).toBe(false);
});

test("who comes back is as new, since another day", () => {
  const back = max({ rehired: "2027-06-01" });
  expect(on("2027-05-31", back)).toMatchObject({ phase: "coming", enabled: false });
  expect(on("2027-06-01", back)).toMatchObject({ phase: "here", since: "2027-06-01", enabled: true });
});

test("days", () => {
  expect(addDays("2026-12-31", 1)).toBe("2027-01-01");
  expect(addDays("2028-02-28", 1)).toBe("2028-02-29");
});
