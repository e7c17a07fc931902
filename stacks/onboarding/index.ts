// Joiners, movers and leavers: records of people and a policy in, accounts, groups, licences, equipment and files out.
// README.md tells what becomes of whom. What a person is to have is decided in lifecycle.ts; how, in employee.ts.

import { resolve } from "node:path";
import type * as ad from "@orch/providers/activedirectory";
import * as pulumi from "@pulumi/pulumi";
import { WrongDocuments } from "./documents.js";
import { Employee } from "./employee.js";
import { personOf } from "./lifecycle.js";
import { type Policy, readPolicy } from "./policy.js";
import { type PersonRecord, readRecords } from "./records.js";
import { connect } from "./systems.js";

const config = new pulumi.Config();
const today = config.get("today") ?? new Date().toISOString().slice(0, 10);

const { policy, records } = read();
const systems = connect(config, policy);
const passwordSeed = config.requireSecret("passwordSeed");
const protect = config.getBoolean("protect") ?? true;

const byLogin = new Map(records.map((record) => [record.login, record]));
const employees = new Map<string, Employee>();
for (const record of records) employ(record, []);

/** Managers first: their accounts are named in those of their people. */
function employ(record: PersonRecord, below: readonly string[]): ad.User | undefined {
  if (below.includes(record.login))
    throw new pulumi.RunError(
      `Records of people: ${[...below, record.login].join(" → ")} manage each other.`,
    );
  const made = employees.get(record.login);
  if (made) return made.account;
  const above = record.manager === undefined ? undefined : byLogin.get(record.manager);
  const manager = above && employ(above, [...below, record.login]);
  const person = personOf(record, policy, today);
  const employee = new Employee({ person, policy, systems, passwordSeed, manager, protect });
  employees.set(record.login, employee);
  return employee.account;
}

function read(): { readonly policy: Policy; readonly records: readonly PersonRecord[] } {
  const policyFile = resolve(import.meta.dirname, config.require("policy"));
  const folder = resolve(import.meta.dirname, config.require("people"));
  try {
    const policy = readPolicy(policyFile);
    return { policy, records: readRecords({ folder, request: config.get("request") }, policy) };
  } catch (error) {
    // Wrong documents are no fault of the program: no stack, only what to correct.
    if (error instanceof WrongDocuments) throw new pulumi.RunError(error.message);
    throw error;
  }
}

/** For the service desk: `orch stack output firstPasswords --show-secrets`. */
export const firstPasswords = pulumi.secret(
  Object.fromEntries([...employees].map(([login, { firstPassword }]) => [login, firstPassword])),
);
export const people = Object.fromEntries(
  records.map((record) => [record.login, personOf(record, policy, today).because]),
);
