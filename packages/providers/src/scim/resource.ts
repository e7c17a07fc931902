/** What users and groups have in common: one definition of their verbs. */
import { isDeepStrictEqual } from "node:util";
import { type Failure, fail, toFailure } from "@orch/core/model/failure";
import type { z } from "zod";
import { goneMeanwhile, refuseChanged } from "../direct/conflict.js";
import type { OneRead, ReadResult, ResourceDefinition, Shape } from "../direct/define.js";
import { unexpected } from "../direct/http/failures.js";
import { type Attributes, observe, toAttributes, withSchemas } from "./attributes.js";
import type { ScimResource, ScimSession } from "./session.js";

export interface Kind {
  readonly endpoint: "Users" | "Groups";
  /** For messages: `user`. */
  readonly noun: string;
  readonly schema: string;
  /** The attribute that people know it by. */
  readonly nameAttribute: "userName" | "displayName";
  /** Its name is unique by the standard: a second creation is refused. Otherwise it is looked for first. */
  readonly unique: boolean;
  readonly known: readonly string[];
  /** Never given back. */
  readonly writeOnly: readonly string[];
}

type Verbs<I extends Shape, O extends Shape> = Required<
  Pick<
    ResourceDefinition<I, O, ScimSession>,
    "create" | "read" | "readMany" | "list" | "update" | "delete" | "findAgain"
  >
>;

export function verbsOf<I extends Shape, O extends Shape>(kind: Kind): Verbs<I, O> {
  const { endpoint, noun, nameAttribute, known } = kind;
  type Outputs = z.input<O>;

  const outputsOf = (resource: ScimResource, session: ScimSession, inputs: Attributes): Outputs => {
    const { onDelete: _, ...seen } = inputsOf(resource, session, inputs);
    for (const name of kind.writeOnly) delete seen[name];
    return {
      ...seen,
      location:
        resource.meta?.location ?? `${session.config.url.replace(/\/$/, "")}/${endpoint}/${resource.id}`,
    } as Outputs;
  };

  /** The given inputs with what is really there put in. */
  function inputsOf(
    resource: ScimResource,
    session: ScimSession,
    given: Attributes,
  ): Record<string, unknown> {
    const { onDelete } = given;
    const seen: Record<string, unknown> = {
      ...observe(resource, given, known),
      ...(onDelete === undefined ? {} : { onDelete }),
    };
    const kept = [...kind.writeOnly, ...session.config.notReturned];
    for (const name of kept) {
      if (given[name] === undefined) delete seen[name];
      else seen[name] = given[name];
    }
    // Services that know no deactivation do not give it back.
    if (given.active !== undefined && resource.active === undefined) seen.active = given.active;
    return seen;
  }

  const read = (resource: ScimResource, session: ScimSession, given: Attributes): ReadResult<I, O> => {
    const at = Date.parse(resource.meta?.lastModified ?? "");
    return {
      inputs: inputsOf(resource, session, given) as never,
      outputs: outputsOf(resource, session, given),
      ...(Number.isNaN(at) ? {} : { changes: [{ at, how: "meta.lastModified" }] }),
    };
  };

  /** Members that nobody here manages are not fetched: a group may have many thousands. */
  const queryFor = (given: Attributes): Readonly<Record<string, string>> =>
    endpoint === "Groups" && Object.keys(given).length > 0 && given.members === undefined
      ? { excludedAttributes: "members" }
      : {};

  /** One that exists already and is what the inputs ask for; another of the same name is somebody else's. */
  async function existing(
    session: ScimSession,
    inputs: Attributes,
    signal: AbortSignal,
  ): Promise<ScimResource | undefined> {
    const { externalId } = inputs;
    const name = String(inputs[nameAttribute]);
    const byId =
      typeof externalId === "string" ? await session.find(endpoint, "externalId", externalId, signal) : [];
    const found = byId.length > 0 ? byId : await session.find(endpoint, nameAttribute, name, signal);
    if (found.length === 0) return undefined;
    // What lists show may be shortened.
    const whole: ScimResource[] = [];
    for (const { id } of found) {
      const one = await session.get(endpoint, id, signal);
      if (one) whole.push(one);
    }
    const given = settable(inputs, kind);
    const fits = (one: ScimResource): boolean =>
      isDeepStrictEqual(settable(inputsOf(one, session, inputs), kind), given);
    const same = whole.filter(fits);
    const [only] = same;
    if (same.length === 1 && only) return only;
    // A user that was deactivated in place of being deleted comes back.
    const [resting] = whole;
    if (inputs.onDelete === "deactivate" && whole.length === 1 && resting?.active === false) {
      const before = toAttributes(settable(inputsOf(resting, session, inputs), kind));
      return session.change(endpoint, resting, before, toAttributes(inputs), signal);
    }
    const ids = (same.length > 1 ? same : whole).map(({ id }) => id);
    if (ids.length === 0) return undefined;
    return fail({
      reason: "conflict",
      message:
        same.length > 1
          ? `There are ${same.length} ${noun}s that are what this one should be; which one is meant can't be told.`
          : `A ${noun} ${JSON.stringify(name)} exists already, and is not what this one should be.`,
      path: byId.length > 0 ? "externalId" : nameAttribute,
      expected: `no such ${noun}, or one with the same attributes`,
      found: `${endpoint}/${ids.join(`, ${endpoint}/`)}`,
      next: [`Take it over as it is, with the resource option \`import: ${JSON.stringify(ids[0])}\`.`],
    });
  }

  return {
    // A creation that is sent again finds what the first one made.
    findAgain: "token",

    async create({ inputs: given, session, signal }) {
      const inputs = given as Attributes;
      const made = (resource: ScimResource) => ({
        id: resource.id,
        outputs: outputsOf(resource, session, inputs),
      });
      if (!kind.unique) {
        const there = await existing(session, inputs, signal);
        if (there) return made(there);
      }
      const answer = await session.post(endpoint, withSchemas(kind.schema, toAttributes(inputs)), signal);
      if ("id" in answer) return made(answer);
      const there = answer.status === 409 ? await existing(session, inputs, signal) : undefined;
      if (there) return made(there);
      throw unexpected(
        answer,
        session.service,
        `create the ${noun} ${JSON.stringify(inputs[nameAttribute])}`,
      );
    },

    async read({ id, inputs, session, signal }) {
      const found = await session.get(endpoint, id, signal, queryFor(inputs));
      return found && read(found, session, inputs);
    },

    async readMany({ reads, session, signal }) {
      const { found, failures } = await getMany(
        session,
        endpoint,
        reads,
        signal,
        commonQuery(reads, queryFor),
      );
      return reads.map(({ id, inputs }) => {
        const failure = failures.get(id);
        if (failure) return { failure };
        const resource = found.get(id);
        return resource && read(resource, session, inputs);
      });
    },

    async *list({ scope, session, signal }) {
      const { filter } = scope;
      const query = typeof filter === "string" ? { filter } : {};
      for await (const { resources } of session.pages(endpoint, signal, query))
        for (const { id, meta, [nameAttribute]: title } of resources) {
          const at = Date.parse(meta?.lastModified ?? "");
          yield { id, title: String(title), ...(Number.isNaN(at) ? {} : { changes: [{ at }] }) };
        }
    },

    async update({ id, oldInputs, inputs, session, signal }) {
      const [before, after] = [oldInputs as Attributes, inputs as Attributes];
      const current =
        (await session.get(endpoint, id, signal)) ?? goneMeanwhile(`${endpoint}/${id}`, session.service);
      refuseChanged(`${endpoint}/${id}`, before, after, {
        before: inputsOf(current, session, before),
        after: inputsOf(current, session, after),
      });
      // From what is there, so that what is right already is left alone. A password can't be compared: by what was last given.
      const there = { ...inputsOf(current, session, { ...before, ...after }) };
      for (const name of [...kind.writeOnly, ...session.config.notReturned]) {
        if (before[name] === undefined) delete there[name];
        else there[name] = before[name];
      }
      const changed = await session.change(
        endpoint,
        current,
        toAttributes(there),
        toAttributes(after),
        signal,
      );
      return { outputs: outputsOf(changed, session, after) };
    },

    async delete({ id, inputs, session, signal }) {
      if ((inputs as Attributes).onDelete !== "deactivate") return session.remove(endpoint, id, signal);
      const current = await session.get(endpoint, id, signal);
      if (current && current.active !== false)
        await session.change(endpoint, current, { active: true }, { active: false }, signal);
    },
  };
}

/** What can be compared with what a service gives back. */
function settable(inputs: Attributes, kind: Kind): Attributes {
  const { onDelete: _, ...rest } = inputs;
  return Object.fromEntries(Object.entries(rest).filter(([key]) => !kind.writeOnly.includes(key)));
}

function commonQuery(
  reads: readonly Pick<OneRead<Shape, Shape>, "inputs">[],
  queryFor: (given: Attributes) => Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const all = reads.map(({ inputs }) => queryFor(inputs as Attributes));
  return all.every((query) => isDeepStrictEqual(query, all[0])) ? (all[0] ?? {}) : {};
}

/** By id; what is in neither is not there. */
interface Many {
  readonly found: ReadonlyMap<string, ScimResource>;
  readonly failures: ReadonlyMap<string, Failure>;
}

/**
 * Resources by id, from pages of a list as long as that is the shorter way; what the list does not show is asked for by itself, as pages shift while others
 * create and delete.
 */
export async function getMany(
  session: ScimSession,
  endpoint: string,
  reads: readonly { readonly id: string }[],
  signal: AbortSignal,
  query: Readonly<Record<string, string>>,
): Promise<Many> {
  const missing = new Set(reads.map(({ id }) => id));
  const found = new Map<string, ScimResource>();
  const failures = new Map<string, Failure>();
  let seen = 0;
  if (missing.size > 1)
    for await (const { resources, total } of session.pages(endpoint, signal, query)) {
      for (const resource of resources) if (missing.delete(resource.id)) found.set(resource.id, resource);
      seen += resources.length;
      const pagesLeft = resources.length === 0 ? 0 : Math.ceil((total - seen) / resources.length);
      if (missing.size <= pagesLeft) break;
    }
  await Promise.all(
    [...missing].map(async (id) => {
      try {
        const resource = await session.get(endpoint, id, signal, query);
        if (resource) found.set(id, resource);
      } catch (error) {
        const failure = toFailure(error);
        if (signal.aborted || failure.reason === "internal") throw error;
        failures.set(id, failure);
      }
    }),
  );
  return { found, failures };
}
