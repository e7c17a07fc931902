/** Users and groups of a machine, by name and by number. */
import { fail } from "@orch/core/model/failure";
import { type Machine, quote, within } from "./machine.js";
import { ending, lastLines } from "./shell.js";

type Kind = "user" | "group";
const database = { user: "passwd", group: "group" } as const;
const caches = new WeakMap<Machine, Map<string, Promise<string>>>();

/** The number of a user or group. A name that is not there is `invalid-property` at `owner` or `group`. */
export async function numberOf(machine: Machine, kind: Kind, name: string): Promise<number> {
  if (/^\d+$/.test(name)) return Number(name);
  const found = await lookUp(machine, kind, name, 1);
  if (found === "")
    return fail({
      reason: "invalid-property",
      message: `There is no ${kind} ${JSON.stringify(name)} on ${machine.name}`,
      path: kind === "user" ? "owner" : "group",
      expected: `a ${kind} of that machine, or a number`,
      found: JSON.stringify(name),
      next: [`Make the ${kind} first (for example with a host.Command), or correct the name.`],
    });
  return Number(found);
}

/** The name of a number, or the number as text where nobody has it. */
export async function nameOf(machine: Machine, kind: Kind, id: number): Promise<string> {
  return (await lookUp(machine, kind, String(id), 3)) || String(id);
}

/** `field`: the column to look in, from 1; gives the other of name and number, or nothing. */
function lookUp(machine: Machine, kind: Kind, text: string, field: 1 | 3): Promise<string> {
  let cache = caches.get(machine);
  if (cache === undefined) {
    cache = new Map();
    caches.set(machine, cache);
  }
  const key = `${kind} ${field} ${text}`;
  let found = cache.get(key);
  if (found === undefined) {
    found = ask(machine, database[kind], text, field);
    cache.set(key, found);
    // What is not there now may be there after the next step.
    found.then(
      (answer) => answer === "" && cache.delete(key),
      () => cache.delete(key),
    );
  }
  return found;
}

async function ask(machine: Machine, from: string, text: string, field: 1 | 3): Promise<string> {
  const column = field === 1 ? 3 : 1;
  const result = await machine.run({
    // getent also knows directories (LDAP); not every system has it.
    script: `{ getent ${from} ${quote(text)} 2>/dev/null || cat /etc/${from}; } | awk -F: -v want=${quote(text)} '$${field} == want { print $${column}; exit }'`,
    signal: within(60, `Looking up ${from} ${text} on ${machine.name}`),
  });
  if (result.exitCode !== 0)
    fail({
      reason: "provider-error",
      message: `${machine.name} could not look up ${from} ${text}: ${ending(result)}`,
      detail: lastLines(result.stderr, 5),
    });
  return result.stdout.trim();
}
