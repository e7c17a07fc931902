/** What users, groups, units and computers have in common: a name below a container, attributes, and `objectGUID` as the id. */
import { fail } from "@orch/core/model/failure";
import { EqualityFilter } from "ldapts";
import { z } from "zod";
import { defineResource, type ReadResult } from "../direct/index.js";
import type { DirectoryEntry, Modification } from "../ldap/connection.js";
import { changesOf, type Directory, idOfEntry, text, texts } from "../ldap/directory.js";
import { escapeDn, ownName, parentOf, sameDn } from "../ldap/dn.js";
import { attributeChanges, canonical, listEntries, removeEntry } from "../ldap/entry.js";
import { answeredCode } from "../ldap/failures.js";
import { dnText } from "../ldap/settings.js";
import { type AttributeValues, sameValues, toBytes, writeLike } from "../ldap/values.js";
import { passwordBytes, sidText } from "./values.js";

const value = z.union([z.string(), z.strictObject({ base64: z.base64("base64") })]);
const values = z.union([value, z.array(value)]);

/** Properties of every kind. */
const common = {
  name: z.string().min(1).max(64).describe("Its name in the tree. Another one renames it."),
  ou: dnText.describe(
    "The unit or container that it stands in, by its distinguished name. Another one moves it.",
  ),
  attributes: z
    .record(z.string().regex(/^[A-Za-z][A-Za-z0-9-]*$/, "the name of an attribute"), values)
    .default({})
    .describe(
      "Other attributes by name: a text, `{ base64 }`, or a list of these. What is not named is left alone.",
    ),
};
const found = {
  dn: z.string().describe("Its distinguished name."),
  guid: z.string().describe("Its objectGUID, which is its id: stays when it is renamed or moved."),
  sid: z.string().optional().describe("Its security identifier."),
};

/** Inputs of any kind, as the shared code sees them. */
export interface ObjectInputs {
  readonly name: string;
  readonly ou: string;
  readonly attributes: Readonly<Record<string, AttributeValues>>;
  readonly password?: string | undefined;
  readonly changePasswordAtLogon?: boolean;
}

export interface Kind {
  readonly type: string;
  readonly description: string;
  readonly objectClasses: readonly string[];
  /** What `list` finds (RFC 4515). */
  readonly filter: string;
  readonly rdn: "CN" | "OU";
  readonly shape: z.core.$ZodLooseShape;
  /** Inputs that are attributes of one text, by the attribute's name. */
  readonly texts: Readonly<Record<string, string>>;
  /** Inputs that are never read back, nor outputs. */
  readonly hidden?: readonly string[];
  /** Other attributes that follow from inputs, and their way back. `control` is handled apart. */
  readonly others?: {
    readonly attributes: readonly string[];
    write(inputs: never): Readonly<Record<string, string>>;
    /** Values by which the directory says that an attribute is not set, by the attribute; the first one is written to take it away. */
    readonly unset?: Readonly<Record<string, readonly [string, ...string[]]>>;
    /** `given` is empty on an import. */
    read(entry: DirectoryEntry, given: never): Readonly<Record<string, unknown>>;
  };
  /** Bits of userAccountControl: which this kind looks after, and those wanted. */
  readonly control?: { readonly mask: number; readonly fixed: number; wanted(inputs: never): number };
  /** Not made enabled without a password: Active Directory refuses that; another server would make an account that is open to all. */
  readonly needsPassword?: boolean;
  /** Where a change needs a step between (groupType). */
  readonly between?: (attribute: string, from: string, to: string) => string | undefined;
}

export function defineObject(kind: Kind) {
  const inputs = z.strictObject({ ...kind.shape, ...common });
  const shown = Object.fromEntries(Object.entries(kind.shape).filter(([key]) => !kind.hidden?.includes(key)));
  const outputs = z.strictObject({ ...shown, ...common, ...found });
  type Result = ReadResult<typeof inputs, typeof outputs>;

  const dnOf = ({ name, ou }: ObjectInputs): string => canonical(`${kind.rdn}=${escapeDn(name)},${ou}`);

  /** Every attribute that the inputs decide, by its name. */
  const managed = (given: ObjectInputs): Map<string, Buffer[]> => {
    const all = new Map<string, Buffer[]>();
    for (const [property, attribute] of Object.entries(kind.texts)) {
      const one = (given as unknown as Record<string, unknown>)[property];
      if (one !== undefined) all.set(attribute, [Buffer.from(one as string)]);
    }
    for (const [attribute, one] of Object.entries(kind.others?.write(given as never) ?? {}))
      all.set(attribute, [Buffer.from(one)]);
    for (const [attribute, some] of Object.entries(given.attributes)) all.set(attribute, toBytes(some));
    return all;
  };
  const asked = (given: Partial<ObjectInputs>): string[] => [
    ...["objectClass", "objectSid", "userAccountControl"],
    ...Object.values(kind.texts),
    ...(kind.others?.attributes ?? []),
    ...Object.keys(given.attributes ?? {}),
  ];

  const result = (entry: DirectoryEntry, given: Partial<ObjectInputs>): Result => {
    const before = given as Record<string, unknown>;
    const imported = given.name === undefined;
    const read: Record<string, unknown> = { ...given };
    for (const [property, attribute] of Object.entries(kind.texts)) {
      if (!imported && before[property] === undefined) continue;
      read[property] = writeLike(
        entry.attributes.get(attribute.toLowerCase()) ?? [],
        before[property] as string | undefined,
      );
    }
    Object.assign(read, kind.others?.read(entry, given as never));
    const attributes: Record<string, AttributeValues> = {};
    for (const [attribute, wanted] of Object.entries(given.attributes ?? {})) {
      const written = writeLike(entry.attributes.get(attribute.toLowerCase()) ?? [], wanted);
      if (written !== undefined) attributes[attribute] = written;
    }
    const parent = parentOf(entry.dn);
    Object.assign(read, {
      name: ownName(entry.dn)[0]?.value,
      ou: given.ou !== undefined && sameDn(given.ou, parent) ? given.ou : parent,
      attributes,
    });
    const sid = entry.attributes.get("objectsid")?.[0];
    const visible = Object.fromEntries(Object.entries(read).filter(([key]) => !kind.hidden?.includes(key)));
    return {
      id: idOfEntry(entry),
      inputs: read as never,
      outputs: {
        ...visible,
        dn: entry.dn,
        guid: idOfEntry(entry),
        ...(sid === undefined ? {} : { sid: sidText(sid) }),
      } as never,
      changes: changesOf(entry),
    };
  };

  const controlOf = (entry: DirectoryEntry): number => Number(text(entry, "userAccountControl") ?? 0);
  const wantedControl = (given: ObjectInputs, current: number): number =>
    kind.control
      ? (current & ~kind.control.mask) | kind.control.fixed | kind.control.wanted(given as never)
      : 0;

  /** There is one of that name. It is ours when it is as it is wanted, as a creation that was cut off leaves it. */
  const takeOver = async (
    session: Directory,
    given: ObjectInputs,
    signal: AbortSignal,
    refusal: unknown,
  ): Promise<void> => {
    const dn = dnOf(given);
    const there = await session.at(dn, asked(given), signal);
    if (there === undefined) {
      const account = managed(given).get("sAMAccountName")?.[0]?.toString();
      const { defaultContext = "" } = await session.root(signal);
      const [holder] =
        account === undefined
          ? []
          : await session.search(
              {
                base: defaultContext,
                scope: "sub",
                attributes: [],
                filter: new EqualityFilter({ attribute: "sAMAccountName", value: account }),
              },
              signal,
            );
      if (holder === undefined) throw refusal;
      fail(
        {
          reason: "conflict",
          message: `Another object has the account name ${account}.`,
          path: "sAMAccountName",
          expected: "a name that is free in the domain",
          found: holder.dn,
          next: [`Import it with the id ${idOfEntry(holder)}, or choose another name.`],
        },
        refusal,
      );
      return;
    }
    const classes = new Set(texts(there, "objectClass").map((name) => name.toLowerCase()));
    const differs = [
      ...(kind.objectClasses.every((name) => classes.has(name.toLowerCase())) ? [] : ["objectClass"]),
      ...[...managed(given)]
        .filter(([name, wanted]) => !sameValues(there.attributes.get(name.toLowerCase()) ?? [], wanted))
        .map(([name]) => name),
      ...(kind.control && controlOf(there) !== wantedControl(given, controlOf(there))
        ? ["userAccountControl"]
        : []),
    ];
    const { password } = given;
    if (differs.length === 0 && password !== undefined) {
      // Its password was set with it, in one request: who has another one is somebody else's.
      const account = text(there, "sAMAccountName") as string;
      const domain = domainOf((await session.root(signal)).defaultContext ?? "");
      if ((await session.connection.accepts(`${account}@${domain}`, password, signal)) !== true)
        differs.push("its password");
    }
    if (differs.length > 0)
      fail(
        {
          reason: "conflict",
          message: `There is another object ${dn} already.`,
          expected: "none, or one that is as it is wanted",
          found: `one that differs in ${differs.join(", ")}`,
          next: [`Import it with the id ${idOfEntry(there)}, or choose another name.`],
        },
        refusal,
      );
  };

  return defineResource<Directory>()({
    type: kind.type,
    importId: "its GUID or its distinguished name",
    description: `${kind.description} Its id is its objectGUID. The option \`import\` takes that or the distinguished name. List scope: \`base\` (default: the domain), \`filter\` (RFC 4515).`,
    inputs,
    outputs,
    stables: ["guid", "sid"],
    // Made in one request, and recognised by being as it is wanted.
    findAgain: "id-known-before",

    effect({ path, before, after }) {
      return path[0] === "ou" &&
        typeof before === "string" &&
        typeof after === "string" &&
        sameDn(before, after)
        ? { effect: "suppressed", reason: "the same name in another spelling" }
        : undefined;
    },

    async create({ inputs: all, session, signal }) {
      const given = all as unknown as ObjectInputs;
      if (kind.needsPassword && given.password === undefined && (given as { enabled?: boolean }).enabled)
        fail({
          reason: "invalid-property",
          message: `${dnOf(given)} can't be made enabled without a password.`,
          path: "password",
          expected: "a password, or enabled: false",
          found: "nothing",
          next: ["Give a password, or set enabled to false."],
        });
      const added = managed(given);
      added.set("objectClass", toBytes([...kind.objectClasses]));
      if (kind.control) added.set("userAccountControl", [Buffer.from(String(wantedControl(given, 0)))]);
      for (const { attribute, values } of passwordChanges(given)) added.set(attribute, [...values]);
      try {
        await session.connection.add(dnOf(given), added, signal);
      } catch (error) {
        const code = answeredCode(error);
        if (code !== 68 && code !== 19) throw error;
        await takeOver(session, given, signal, error);
      }
      const made = await session.at(dnOf(given), asked(given), signal);
      if (made === undefined) return unreadable(dnOf(given));
      const { id = "", outputs: shownOutputs } = result(made, given);
      return { id, outputs: shownOutputs };
    },

    async read({ id, inputs: all, outputs: last, session, signal }) {
      const given = all as Partial<ObjectInputs>;
      const there = await session.find({ id, dn: (last as { dn?: string }).dn }, asked(given), signal);
      return there && result(there, given);
    },
    async readMany({ reads, session, signal }) {
      const attributes = [...new Set(reads.flatMap((each) => asked(each.inputs as Partial<ObjectInputs>)))];
      const wanted = reads.map(({ id, outputs: last }) => ({ id, dn: (last as { dn?: string }).dn }));
      const there = await session.findMany(wanted, attributes, signal);
      return reads.map((each, i) => {
        const one = there[i];
        return one && result(one, each.inputs as Partial<ObjectInputs>);
      });
    },
    async *list({ scope, session, signal }) {
      yield* listEntries(session, scope, kind.filter, signal);
    },

    async update({ id, oldInputs, oldOutputs, inputs: all, session, signal }) {
      const [before, after] = [oldInputs, all] as unknown as [ObjectInputs, ObjectInputs];
      const [old, wanted] = [managed(before), managed(after)];
      const names = [...new Set([...asked(before), ...asked(after)])];
      const there = await session.find({ id, dn: (oldOutputs as { dn?: string }).dn }, names, signal);
      if (there === undefined)
        return fail({
          reason: "conflict",
          message: `${dnOf(before)} is gone: somebody deleted it after the plan.`,
          next: ["Plan again with `orch plan --refresh`."],
        });
      const dn = dnOf(after);
      const steps: Modification[] = [];
      const changes: Modification[] = [];
      for (const name of new Set([...old.keys(), ...wanted.keys()])) {
        const [from, to] = [old.get(name) ?? [], wanted.get(name) ?? []];
        const unset = kind.others?.unset?.[name];
        const found = there.attributes.get(name.toLowerCase()) ?? [];
        const current = unset?.includes(String(found[0])) ? [] : found;
        if (sameValues(from, to) || sameValues(current, to)) continue;
        const step = kind.between?.(name, String(current[0]), String(to[0]));
        if (step !== undefined)
          steps.push({ operation: "replace", attribute: name, values: [Buffer.from(step)] });
        const written = to.length === 0 && unset ? [Buffer.from(unset[0])] : to;
        changes.push(...attributeChanges(name, current, from, written, there.dn));
      }
      // Moved only once it is clear that nobody else changed what is about to be.
      if (!sameDn(there.dn, dn) || ownName(there.dn)[0]?.value !== after.name)
        await session.connection.move(there.dn, dn, signal);
      for (const step of steps) await session.connection.modify(dn, [step], signal);
      if (after.password !== before.password) changes.push(...passwordChanges(after));
      const bits = wantedControl(after, controlOf(there));
      if (kind.control && bits !== controlOf(there))
        changes.push({
          operation: "replace",
          attribute: "userAccountControl",
          values: [Buffer.from(String(bits))],
        });
      await session.connection.modify(dn, changes, signal);
      const changed = await session.at(dn, asked(after), signal);
      if (changed === undefined) return unreadable(dn);
      return { outputs: result(changed, after).outputs };
    },

    async delete({ id, outputs: last, session, signal }) {
      const there = await session.find({ id, dn: (last as { dn?: string }).dn }, [], signal);
      if (there !== undefined) await removeEntry(session, there.dn, signal);
    },
  });
}

/** `dc=lab,dc=example` is `lab.example`. */
const domainOf = (context: string): string =>
  context
    .split(",")
    .map((part) => part.replace(/^dc=/i, ""))
    .join(".");

function passwordChanges({ password, changePasswordAtLogon }: ObjectInputs): readonly Modification[] {
  if (password === undefined) return [];
  return [
    { operation: "replace", attribute: "unicodePwd", values: [passwordBytes(password)] },
    ...(changePasswordAtLogon
      ? [{ operation: "replace", attribute: "pwdLastSet", values: [Buffer.from("0")] } as const]
      : []),
  ];
}

const unreadable = (dn: string): never =>
  fail({
    reason: "permission-denied",
    message: `${dn} was written, but the provider's user may not read it.`,
    expected: `the right to read ${dn}`,
    next: ["Give the user that right and run the same command again: the object is then found."],
  });
