/** `ldap:index:Entry`: any entry of any directory. */
import { fail, OrchError } from "@orch/core/model/failure";
import { reveal } from "@orch/core/model/value";
import type { ListedObject } from "@orch/core/provider/contract";
import { z } from "zod";
import { defineResource, type OneRead, type ReadResult } from "../direct/index.js";
import type { DirectoryEntry, Modification } from "./connection.js";
import { changesOf, type Directory, identity, idOfEntry, texts } from "./directory.js";
import { formatDn, ownName, parseDn, sameDn } from "./dn.js";
import { answeredCode } from "./failures.js";
import { dnText } from "./settings.js";
import { type AttributeValues, minus, sameValues, toBytes, writeLike } from "./values.js";

const value = z.union([
  z.string(),
  z.strictObject({ base64: z.base64("base64").describe("Bytes that are not text.") }),
]);
const attributeName = z
  .string()
  .regex(/^(?:[A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)(?:;[A-Za-z0-9-]+)*$/, "the name of an attribute")
  .refine((name) => name.toLowerCase() !== "objectclass", "another attribute: classes are in objectClasses");

export const entryInputs = z.strictObject({
  dn: dnText.describe("Its distinguished name. Another one renames or moves the entry, with all below it."),
  objectClasses: z
    .array(z.string().regex(/^[A-Za-z][A-Za-z0-9-]*$|^\d+(\.\d+)+$/, "the name of an object class"))
    .min(1)
    .describe("Its object classes. Others that the server adds are left alone."),
  attributes: z
    .record(attributeName, z.union([value, z.array(value)]))
    .default({})
    .describe(
      "Its attributes by name: a text, `{ base64 }`, or a list of these, whose order does not count. What is not named is left alone; what is no longer named is removed.",
    ),
  writeOnly: z
    .record(attributeName, z.union([z.string(), z.array(z.string())]))
    .meta({ secret: true })
    .optional()
    .describe(
      "Attributes such as userPassword, written when the entry is made and when they change here, and never read back. Always kept as a secret.",
    ),
});
export const entryOutputs = z.strictObject({
  dn: z.string().describe("Where it stands."),
  objectClasses: z.array(z.string()).describe("As given."),
  attributes: z.record(z.string(), z.union([value, z.array(value)])).describe("As they are, of those given."),
  uuid: z
    .string()
    .optional()
    .describe("`entryUUID`, in Active Directory `objectGUID`: stays when the entry is renamed."),
});
type Inputs = z.output<typeof entryInputs>;

/** The attributes of the entry's own name are given by the DN; the server adds them. */
function allAttributes({ dn, objectClasses, attributes, writeOnly }: Inputs): Map<string, Buffer[]> {
  const all = new Map<string, Buffer[]>([["objectClass", toBytes(objectClasses)]]);
  for (const [name, values] of [...Object.entries(attributes), ...Object.entries(writeOnly ?? {})])
    all.set(name, toBytes(values as AttributeValues));
  for (const { type, value } of ownName(dn)) {
    const given = [...all.keys()].find((name) => name.toLowerCase() === type.toLowerCase());
    if (given === undefined) all.set(type, [Buffer.from(value)]);
  }
  return all;
}

/** The given inputs with what is there put in; on an import all attributes but those that the server keeps. */
function inputsOf(entry: DirectoryEntry, given: Partial<Inputs>): Partial<Inputs> {
  const imported = given.dn === undefined;
  const hidden = new Set(["objectclass", ...identity.map((name) => name.toLowerCase())]);
  const own = new Set(ownName(entry.dn).map(({ type }) => type.toLowerCase()));
  const names = imported
    ? [...entry.attributes.keys()].filter((name) => !hidden.has(name) && !own.has(name)).sort()
    : Object.keys(given.attributes ?? {});
  const attributes: Record<string, AttributeValues> = {};
  for (const name of names) {
    const written = writeLike(
      entry.attributes.get(name.toLowerCase()) ?? [],
      given.attributes?.[name] as AttributeValues,
    );
    if (written !== undefined) attributes[name] = written;
  }
  const classes = texts(entry, "objectClass");
  const there = new Set(classes.map((name) => name.toLowerCase()));
  return {
    ...given,
    dn: given.dn !== undefined && sameDn(given.dn, entry.dn) ? given.dn : entry.dn,
    objectClasses: given.objectClasses?.filter((name) => there.has(name.toLowerCase())) ?? [...classes],
    attributes: attributes as Inputs["attributes"],
  };
}

function result(
  entry: DirectoryEntry,
  given: Partial<Inputs>,
): ReadResult<typeof entryInputs, typeof entryOutputs> {
  const inputs = inputsOf(entry, given);
  const id = idOfEntry(entry);
  return {
    id,
    inputs,
    outputs: {
      dn: inputs.dn as string,
      objectClasses: inputs.objectClasses as string[],
      attributes: inputs.attributes as Inputs["attributes"],
      ...(id === entry.dn ? {} : { uuid: id }),
    },
    changes: changesOf(entry),
  };
}

const wantedOf = ({
  id,
  inputs,
  outputs,
}: Pick<OneRead<typeof entryInputs, typeof entryOutputs>, "id" | "inputs" | "outputs">) => ({
  id,
  dn: outputs.dn ?? inputs.dn,
});
/** What is asked for: an import wants all that is there. */
const asked = (given: Partial<Inputs>): readonly string[] =>
  given.dn === undefined ? ["*"] : ["objectClass", ...Object.keys(given.attributes ?? {})];

export const entry = defineResource<Directory>()({
  type: "ldap:index:Entry",
  importId: "its UUID (`entryUUID`, `objectGUID`), or its distinguished name",
  description:
    "Any entry of a directory. Its id is the entry's UUID (entryUUID or objectGUID), or its name where the server has none. The option `import` takes the UUID or the name. List scope: `base` (default: all), `filter` (RFC 4515).",
  inputs: entryInputs,
  outputs: entryOutputs,
  stables: ["uuid"],
  // Added in one request: it is there whole or not at all, and recognised by being as it is wanted.
  findAgain: "id-known-before",

  check({ inputs }) {
    const given = reveal(inputs) as unknown as Partial<Inputs>;
    const { attributes, writeOnly } = given;
    if (typeof attributes !== "object" || typeof writeOnly !== "object") return { inputs };
    const names = new Set(Object.keys(attributes).map((name) => name.toLowerCase()));
    const twice = Object.keys(writeOnly).filter((name) => names.has(name.toLowerCase()));
    return {
      inputs,
      failures: twice.map((name) => ({
        path: `writeOnly.${name}`,
        message: `writeOnly.${name} is in attributes, too`,
        expected: "each attribute in one of them",
        found: "it is in both",
      })),
    };
  },
  effect({ path, before, after }) {
    if (path[0] === "dn" && typeof before === "string" && typeof after === "string" && sameDn(before, after))
      return { effect: "suppressed", reason: "the same name in another spelling" };
    return undefined;
  },

  async create({ inputs, session, signal }) {
    try {
      await session.connection.add(canonical(inputs.dn), allAttributes(inputs), signal);
    } catch (error) {
      if (answeredCode(error) !== 68) throw error;
      await takeOver(session, inputs, signal, error);
    }
    const made = await session.at(canonical(inputs.dn), asked(inputs), signal);
    if (made === undefined)
      return fail({
        reason: "permission-denied",
        message: `${inputs.dn} was added, but the provider's user may not read it.`,
        expected: `the right to read ${inputs.dn}`,
        next: ["Give the user that right and run the same command again: the entry is then found."],
      });
    const { outputs } = result(made, inputs);
    return { id: idOfEntry(made), outputs };
  },

  async read({ id, inputs, outputs, session, signal }) {
    const found = await session.find(wantedOf({ id, inputs, outputs }), asked(inputs), signal);
    return found && result(found, inputs);
  },

  async readMany({ reads, session, signal }) {
    const attributes = [...new Set(reads.flatMap(({ inputs }) => asked(inputs)))];
    const found = await session.findMany(reads.map(wantedOf), attributes, signal);
    return reads.map(({ inputs }, i) => {
      const one = found[i];
      return one && result(one, inputs);
    });
  },

  async *list({ scope, session, signal }): AsyncIterable<ListedObject> {
    yield* listEntries(session, scope, "(objectClass=*)", signal);
  },

  async update({ id, oldInputs, oldOutputs, inputs, session, signal }) {
    const names = [...Object.keys(oldInputs.attributes), ...Object.keys(inputs.attributes)];
    const there = await session.find({ id, dn: oldOutputs.dn }, ["objectClass", ...names], signal);
    if (there === undefined) return gone(inputs.dn);
    let { dn } = there;
    if (!sameDn(dn, inputs.dn)) {
      await session.connection.move(dn, canonical(inputs.dn), signal);
      dn = canonical(inputs.dn);
    }
    await session.connection.modify(dn, changesTo(there, oldInputs, inputs), signal);
    const after = await session.at(dn, asked(inputs), signal);
    if (after === undefined) return gone(inputs.dn);
    return { outputs: result(after, inputs).outputs };
  },

  async delete({ id, inputs, outputs, session, signal }) {
    const there = await session.find({ id, dn: outputs.dn ?? inputs.dn }, [], signal);
    if (there === undefined) return;
    await removeEntry(session, there.dn, signal);
  },
});

/** Without escapes that `modifyDN` could misread. */
export const canonical = (dn: string): string => formatDn(parseDn(dn) ?? []);

const gone = (dn: string): never =>
  fail({
    reason: "conflict",
    message: `${dn} is gone: somebody deleted it after the plan.`,
    next: ["Plan again with `orch plan --refresh`."],
  });

/** Deletes; names what stands below when that is why it can't be. Gone is well. */
export async function removeEntry(session: Directory, dn: string, signal: AbortSignal): Promise<void> {
  try {
    await session.connection.remove(dn, signal);
  } catch (error) {
    const code = answeredCode(error);
    if (code === 32) return;
    if (code !== 66 || !(error instanceof OrchError)) throw error;
    const below = await session.search({ base: dn, scope: "one", attributes: [] }, signal);
    const names = below.slice(0, 5).map((one) => one.dn);
    throw new OrchError(
      {
        ...error.failure,
        found: `${below.length} below it: ${names.join("; ")}${below.length > names.length ? "; …" : ""}`,
      },
      { cause: error },
    );
  }
}

/** There is one of that name: it is ours when it is as it is wanted, as a creation that was cut off leaves it. */
async function takeOver(
  session: Directory,
  inputs: Inputs,
  signal: AbortSignal,
  refusal: unknown,
): Promise<void> {
  const there = await session.at(canonical(inputs.dn), asked(inputs), signal);
  if (there === undefined) throw refusal;
  const differs = differencesFrom(there, inputs);
  if (differs.length > 0)
    fail(
      {
        reason: "conflict",
        message: `There is another entry ${inputs.dn} already.`,
        expected: "none, or one that is as it is wanted",
        found: `one that differs in ${differs.join(", ")}`,
        next: [
          `Give the resource the option \`import: ${JSON.stringify(idOfEntry(there))}\`, or choose another name.`,
        ],
      },
      refusal,
    );
  await session.connection.modify(there.dn, writeOnlyChanges({}, inputs.writeOnly), signal);
}

function differencesFrom(there: DirectoryEntry, inputs: Inputs): readonly string[] {
  const classes = new Set(texts(there, "objectClass").map((name) => name.toLowerCase()));
  const named = Object.entries(inputs.attributes)
    .filter(
      ([name, values]) =>
        !sameValues(there.attributes.get(name.toLowerCase()) ?? [], toBytes(values as AttributeValues)),
    )
    .map(([name]) => name);
  return [
    ...(inputs.objectClasses.every((name) => classes.has(name.toLowerCase())) ? [] : ["objectClasses"]),
    ...named,
  ];
}

/**
 * From what was planned against to what is wanted, in one request that the server does whole or not at all. An attribute that is
 * neither as it was planned against nor as it is wanted was changed by somebody else meanwhile: that is not overwritten.
 */
function changesTo(there: DirectoryEntry, before: Inputs, after: Inputs): readonly Modification[] {
  const changes: Modification[] = [];
  const classes = new Set(texts(there, "objectClass").map((name) => name.toLowerCase()));
  const wantedClasses = new Set(after.objectClasses.map((name) => name.toLowerCase()));
  const more = after.objectClasses.filter((name) => !classes.has(name.toLowerCase()));
  const fewer = before.objectClasses.filter(
    (name) => !wantedClasses.has(name.toLowerCase()) && classes.has(name.toLowerCase()),
  );
  if (more.length > 0) changes.push({ operation: "add", attribute: "objectClass", values: toBytes(more) });
  for (const name of new Set([...Object.keys(before.attributes), ...Object.keys(after.attributes)])) {
    const old = toBytes(before.attributes[name] as AttributeValues);
    const wanted = toBytes(after.attributes[name] as AttributeValues);
    if (sameValues(old, wanted)) continue;
    const current = there.attributes.get(name.toLowerCase()) ?? [];
    if (sameValues(current, wanted)) continue;
    changes.push(...attributeChanges(name, current, old, wanted, after.dn));
  }
  if (fewer.length > 0)
    changes.push({ operation: "delete", attribute: "objectClass", values: toBytes(fewer) });
  return [...changes, ...writeOnlyChanges(before.writeOnly ?? {}, after.writeOnly)];
}

/** One attribute from `old` to `wanted`, where `current` is there. Large lists are changed by their differences. */
export function attributeChanges(
  name: string,
  current: readonly Buffer[],
  old: readonly Buffer[],
  wanted: readonly Buffer[],
  dn: string,
): readonly Modification[] {
  if (!sameValues(current, old))
    fail({
      reason: "conflict",
      message: `${dn} is no longer as it was planned: somebody changed ${name}.`,
      path: `attributes.${name}`,
      expected: shown(old),
      found: shown(current),
      next: ["See the change with `orch plan --refresh`, then apply that plan."],
    });
  const [gone, added] = [minus(current, wanted), minus(wanted, current)];
  if (current.length < 20 || gone.length + added.length >= current.length)
    return [{ operation: "replace", attribute: name, values: wanted }];
  return [
    ...(gone.length > 0 ? [{ operation: "delete", attribute: name, values: gone } as const] : []),
    ...(added.length > 0 ? [{ operation: "add", attribute: name, values: added } as const] : []),
  ];
}
const shown = (values: readonly Buffer[]): string =>
  values.length === 0
    ? "nothing"
    : values.length > 3
      ? `${values.length} values`
      : values.map(String).join(", ");

type WriteOnly = Readonly<Record<string, string | string[]>>;
function writeOnlyChanges(before: WriteOnly, after: WriteOnly = {}): readonly Modification[] {
  return [...new Set([...Object.keys(before), ...Object.keys(after)])]
    .filter((name) => JSON.stringify(before[name]) !== JSON.stringify(after[name]))
    .map((name) => ({ operation: "replace", attribute: name, values: toBytes(after[name]) }));
}

/** All entries below `scope.base` (default: of all naming contexts) that fit `scope.filter` as well. */
export async function* listEntries(
  session: Directory,
  scope: Readonly<Record<string, unknown>>,
  filter: string,
  signal: AbortSignal,
): AsyncIterable<ListedObject> {
  const { contexts, defaultContext } = await session.root(signal);
  const bases =
    typeof scope.base === "string"
      ? [scope.base]
      : defaultContext === undefined
        ? contexts
        : [defaultContext];
  const both = typeof scope.filter === "string" ? `(&${filter}${scope.filter})` : filter;
  for (const base of bases)
    for (const found of await session.search(
      { base, scope: "sub", filter: both, attributes: [], paged: true },
      signal,
    ))
      yield { id: idOfEntry(found), title: found.dn, changes: changesOf(found) };
}
