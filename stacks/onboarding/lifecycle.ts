/** From a record, the policy and the day: what a person has. Pure, so that it can be read and tested without any system. */
import type { Policy } from "./policy.js";
import type { PersonRecord } from "./records.js";

/**
 * - `coming`: prepared, and not to be used yet
 * - `here`
 * - `leaving`: still here, with an end
 * - `left`: after the last day; things are taken back, data is kept
 */
export type Phase = "coming" | "here" | "leaving" | "left";

export interface Item {
  readonly kind: string;
  readonly tag: string;
  readonly model: string;
  readonly status: "assigned" | "to be returned";
  /** Why it is to be returned. */
  readonly note: string;
  /** Does the role have such a thing? */
  readonly entitled: boolean;
}

/** What a person is to have. What is not in it is taken back. */
export interface Person {
  readonly record: PersonRecord;
  readonly phase: Phase;
  /** One line for people: what the rest follows from. */
  readonly because: string;
  readonly title: string;
  readonly department: string;
  readonly mail: string;
  /** Name of the organizational unit. */
  readonly unit: string;
  /** May the person log in? */
  readonly enabled: boolean;
  readonly groups: readonly string[];
  readonly licences: readonly string[];
  readonly applications: readonly string[];
  readonly databaseRoles: readonly string[];
  readonly equipment: readonly Item[];
  /** What there is of the person. What isn't is deleted. */
  readonly has: {
    readonly account: boolean;
    readonly mailbox: boolean;
    readonly home: boolean;
    /** A copy of the home folder, made when the person has left, kept for good. */
    readonly archive: boolean;
    readonly database: boolean;
  };
  /** The last days on which things of somebody who has left are kept; what is over is not in it. */
  readonly keptUntil: Readonly<Record<string, string>>;
  /** First day of the present employment. */
  readonly since: string;
}

/** Days as `2026-12-31`, which sort as they follow each other. */
export function addDays(day: string, days: number): string {
  return new Date(Date.parse(`${day}T00:00:00Z`) + days * 86_400_000).toISOString().slice(0, 10);
}

export function phaseOf({ status, start, rehired, lastDay }: PersonRecord, today: string): Phase {
  if (status === "leaving" && lastDay !== undefined) return today > lastDay ? "left" : "leaving";
  return today < (rehired ?? start) ? "coming" : "here";
}

const union = (...lists: readonly (readonly string[])[]): string[] => [...new Set(lists.flat())].sort();

/** @param today as `2026-12-31` */
export function personOf(record: PersonRecord, policy: Policy, today: string): Person {
  const role = policy.roles[record.role];
  const department = role && policy.departments[role.department];
  if (role === undefined || department === undefined) throw new Error(`no role ${record.role}`); // Records are checked.
  const { everybody, leavers } = policy;
  const phase = phaseOf(record, today);
  const { lastDay } = record;
  const gone = phase === "left";
  const since = record.rehired ?? record.start;
  const until =
    gone && lastDay !== undefined
      ? {
          home: addDays(lastDay, leavers.keepHomeDays),
          mailbox: addDays(lastDay, leavers.keepMailboxDays),
          account: addDays(lastDay, leavers.keepAccountDays),
        }
      : undefined;
  const wanted = union(everybody.equipment, role.equipment);
  const given = <T>(list: readonly T[]): readonly T[] => (gone ? [] : list);
  const kept = (last: string | undefined) => last === undefined || today <= last;
  const databaseRoles = given(role.database);
  return {
    record,
    phase,
    because: reason(record, phase),
    title: role.title,
    department: role.department,
    mail: `${record.login}@${policy.mailDomain}`,
    unit: gone ? leavers.unit : department.unit,
    enabled: phase === "here" || phase === "leaving",
    groups: given(union(everybody.groups, department.groups, role.groups, record.groups)),
    licences: gone ? union(leavers.licences) : union(everybody.licences, role.licences),
    applications: given(union(everybody.applications, role.applications)),
    databaseRoles,
    equipment: Object.entries(record.equipment).map(([kind, { tag, model }]): Item => {
      const entitled = wanted.includes(kind);
      const status = lastDay === undefined && entitled ? "assigned" : "to be returned";
      const note =
        status === "assigned"
          ? ""
          : lastDay !== undefined
            ? `leaves, last day ${lastDay}`
            : `not for the role ${record.role}`;
      return { kind, tag, model, status, note, entitled };
    }),
    has: {
      account: kept(until?.account),
      mailbox: kept(until?.mailbox),
      home: kept(until?.home),
      archive: gone,
      database: role.database.length > 0 && kept(until?.account),
    },
    keptUntil: Object.fromEntries(Object.entries(until ?? {}).filter(([, last]) => kept(last))),
    since,
  };
}

function reason({ role, start, rehired, lastDay }: PersonRecord, phase: Phase): string {
  const first = rehired === undefined ? start : `${rehired}, again`;
  switch (phase) {
    case "coming":
      return `${role} from ${first}`;
    case "here":
      return `${role} since ${first}`;
    case "leaving":
      return `${role} until ${lastDay}`;
    case "left":
      return `left on ${lastDay}`;
  }
}
