import { isDeepStrictEqual } from "node:util";
import { fail, OrchError, toFailure } from "@orch/core/model/failure";
import { covers, parsePath } from "@orch/core/model/path";
import { type PropertyMap, reveal } from "@orch/core/model/value";
import { z } from "zod";
import { checkAgainst } from "../direct/check.js";
import { goneMeanwhile, refuseChanged } from "../direct/conflict.js";
import type { HttpAnswer } from "../direct/http/client.js";
import { unexpected } from "../direct/http/failures.js";
import { defineResource } from "../direct/index.js";
import {
  bodyOf,
  fillQuery,
  fullId,
  type Kind,
  kindNamed,
  observe,
  type Place,
  placeOf,
  resultOf,
  unwrapped,
  updateBody,
  wrapped,
} from "./kind.js";
import { type Found, type RestSession, succeeded } from "./session.js";
import { fill, getAt, type Json } from "./template.js";

const properties = z.record(z.string(), z.unknown());
const inputs = z.strictObject({
  kind: z.string().describe("Which of the provider's kinds of objects."),
  properties: properties.describe("What the object should be, by the schema of its kind."),
});
const outputs = z.strictObject({
  kind: z.string().describe("Which kind of object it is."),
  objectId: z.string().describe("The object's id at the service."),
  properties: properties.describe("What the object is."),
  result: properties.describe("What else of the service's answer the definition names as outputs."),
});

const outputsOf = (place: Place, found: Found, given: Json | undefined) => ({
  kind: place.kind.name,
  objectId: place.id,
  properties: observe(place.kind, found.object, given, place.values),
  result: resultOf(place.kind, found.object),
});

const readOf = (place: Place, found: Found, given: Json | undefined) => {
  const result = outputsOf(place, found, given);
  return { inputs: { kind: place.kind.name, properties: result.properties }, outputs: result };
};

/** A password can't be compared. */
const comparable = ({ definition: { writeOnly } }: Kind, given: Json): Json =>
  Object.fromEntries(Object.entries(given).filter(([name]) => !writeOnly.includes(name)));

/** The object that is just what the inputs ask for, or one that is free and now made so, if there is one. Another one in its place is somebody else's. */
async function existing(
  session: RestSession,
  kind: Kind,
  given: Json,
  signal: AbortSignal,
): Promise<Place | undefined> {
  const { definition } = kind;
  const candidates: Place[] = [];
  if ("is" in definition.id) candidates.push(placeFor(kind, given, fill(definition.id.is, given, false)));
  else if (definition.find) {
    const { find } = definition;
    const wanted = Object.fromEntries(find.map((name) => [name, given[name]]));
    for await (const page of session.pages(kind, given, signal))
      for (const object of page) {
        if (!isDeepStrictEqual(observe(kind, object, wanted, given), wanted)) continue;
        const id = idIn(kind, object);
        if (id !== undefined) candidates.push(placeFor(kind, given, id));
      }
  }
  const there: Place[] = [];
  const same: Place[] = [];
  const free: { readonly place: Place; readonly found: Found }[] = [];
  for (const place of candidates) {
    const found = await session.get(place, signal);
    if (found === undefined) continue;
    there.push(place);
    if (
      definition.free &&
      isDeepStrictEqual(observe(kind, found.object, definition.free, place.values), definition.free)
    )
      free.push({ place, found });
    if (
      isDeepStrictEqual(
        comparable(kind, observe(kind, found.object, given, place.values)),
        comparable(kind, given),
      )
    )
      same.push(place);
  }
  const [only] = same;
  if (same.length === 1 && only) return only;
  if (there.length === 0) return undefined;
  const [taken] = free;
  if (taken && there.length === 1) {
    const { place, found } = taken;
    await sendUpdate(session, place, found, observe(kind, found.object, given, place.values), given, signal);
    return place;
  }
  const ids = (same.length > 1 ? same : there).map(({ id }) => fullId(kind, given, id));
  return fail({
    reason: "conflict",
    message:
      same.length > 1
        ? `There are ${same.length} objects that are what this ${kind.name} should be; which one is meant can't be told.`
        : `Such a ${kind.name} exists already, and is not what this one should be.`,
    path: `properties.${definition.find?.[0] ?? kind.known[0] ?? ""}`,
    expected: "none, or one with the same properties",
    found: ids.join(", "),
    next: [`Take it over as it is, with the resource option \`import: ${JSON.stringify(ids[0])}\`.`],
  });
}

/** Changes what is there from `before` to `after`. */
async function sendUpdate(
  session: RestSession,
  place: Place,
  current: Found,
  before: Json,
  after: Json,
  signal: AbortSignal,
): Promise<void> {
  const { kind } = place;
  const { update } = kind.definition;
  const { body, contentType } = updateBody(kind, before, after, current.object);
  const values = { ...after, ...place.values };
  const answer = await session.send({
    method: update.method as "PATCH",
    path: fill(update.path ?? kind.itemPath, values, true),
    query: fillQuery(update.query, values),
    headers: {
      "content-type": contentType,
      ...(update.etag && current.etag !== undefined ? { "if-match": current.etag } : {}),
      ...update.headers,
    },
    body: JSON.stringify(body),
    signal,
  });
  if (!succeeded(answer, update.status)) {
    const { failure } = unexpected(answer, session.service, `change the ${kind.name} ${place.id}`);
    throw new OrchError(
      answer.status === 412
        ? {
            ...failure,
            message: `Somebody else changed the ${kind.name} ${place.id} at the same moment; it was left alone.`,
            next: ["Plan with what is really there: orch plan --refresh"],
          }
        : failure,
    );
  }
}

const placeFor = (kind: Kind, given: Json, id: string): Place => ({ kind, id, values: { ...given, id } });

function idIn(kind: Kind, object: Json): string | undefined {
  const { id } = kind.definition;
  const value = "from" in id ? getAt(object, id.from) : getAt(object, "id");
  return typeof value === "string" || typeof value === "number" ? String(value) : undefined;
}

/** Where the definition says; a text or a number. */
function createdId(session: RestSession, kind: Kind, given: Json, answer: HttpAnswer): string {
  const { id } = kind.definition;
  if ("is" in id) return fill(id.is, given, false);
  if ("header" in id) {
    const value = answer.headers.get(id.header);
    const last = value?.split("?")[0]?.replace(/\/$/, "").split("/").at(-1);
    if (last) return decodeURIComponent(last);
  } else {
    const found = answer.text.trim() === "" ? undefined : idIn(kind, unwrapped(kind, answer.json()));
    if (found !== undefined && found !== "") return found;
  }
  // It was made: the step must stay open, so that the object is found again and not lost.
  throw new OrchError({
    reason: "connection-lost",
    message: `${session.service} made a ${kind.name}, and its answer does not say which.`,
    expected: "header" in id ? `its address in the header ${id.header}` : `its id at ${id.from}`,
    found: `HTTP ${answer.status}, ${answer.text.trim() === "" ? "no body" : "a body without it"}`,
    next: [`Correct \`id\` of ${kind.name} in the program, and run the same command again.`],
  });
}

export const restObject = defineResource<RestSession>()({
  type: "rest:index:Resource",
  importId: "`KIND/PATH/ID`: the kind, what its path needs, the id; each encoded as in a URL: `Ticket/it/7`",
  description: "An object of a JSON API. Its id is `<kind>/<id>`, with what its path needs in between.",
  inputs,
  outputs,
  stables: ["kind", "objectId"],
  // A creation that is sent again finds what the first one made.
  findAgain: "token",

  check({ inputs: given, session }) {
    const { kind: name, properties: wanted } = given;
    // While the provider's configuration is not known its kinds are not, either.
    if (session === undefined || typeof name !== "string") return { inputs: given };
    const kind = session.kinds.get(name);
    if (kind === undefined) {
      const { failure } = attempt(() => kindNamed(session.kinds, name));
      const { message = "", expected } = failure ?? {};
      return {
        inputs: given,
        failures: [{ path: "kind", message, ...(expected ? { expected } : {}), found: name }],
      };
    }
    const shape = z.strictObject({ kind: z.string(), properties: kind.schema });
    return checkAgainst(shape, { kind: name, ...(wanted === undefined ? {} : { properties: wanted }) });
  },

  effect({ path }, { session, oldInputs }) {
    if (path[0] === "kind") return { effect: "replace" };
    const name = reveal(oldInputs.kind ?? null);
    const kind = typeof name === "string" ? session?.kinds.get(name) : undefined;
    if (kind === undefined) return undefined;
    const { replaceOn, update } = kind.definition;
    const own = path.slice(1);
    const names = [...replaceOn, ...kind.places];
    const replaces =
      update.method === "none" ||
      names.map(parsePath).some((pattern) => covers(pattern, own) || covers(own, pattern)) ||
      ("is" in kind.definition.id && placeholdersOf(kind).includes(String(own[0])));
    return { effect: replaces ? "replace" : "update" };
  },

  predict({ inputs: wanted, prior }) {
    const known: Record<string, PropertyMap[string]> = { kind: wanted.kind as never };
    if (wanted.properties !== undefined) known.properties = wanted.properties;
    if (prior?.outputs.objectId !== undefined) known.objectId = prior.outputs.objectId;
    return known;
  },

  async create({ inputs: { kind: name, properties: given }, token, session, signal }) {
    const kind = kindNamed(session.kinds, name);
    const { create, id: ids } = kind.definition;
    const header = create.idempotencyHeader;
    // A PUT would write over somebody else's; a POST whose object has a name of its own is refused by the service.
    const lookFirst = header === undefined && (create.method === "PUT" || !("is" in ids));
    let place = lookFirst ? await existing(session, kind, given, signal) : undefined;
    if (place === undefined) {
      const body = wrapped(kind, bodyOf(kind, given, create.body as Json | undefined));
      const values = "is" in ids ? { ...given, id: fill(ids.is, given, false) } : given;
      const path = create.path ?? (create.method === "PUT" ? kind.itemPath : kind.definition.path);
      const answer = await session.send({
        method: create.method,
        path: fill(path, values, true),
        query: fillQuery(create.query, values),
        headers: { ...create.headers, ...(header && token ? { [header]: token } : {}) },
        body,
        ...(header && token ? { idempotent: true } : {}),
        signal,
      });
      if (succeeded(answer, create.status))
        place = placeFor(kind, given, createdId(session, kind, given, answer));
      else {
        const taken = answer.status === 409 || answer.status === 422;
        place = taken && "is" in ids ? await existing(session, kind, given, signal) : undefined;
        if (place === undefined) throw unexpected(answer, session.service, `create a ${kind.name}`);
      }
    }
    const { found, unfinished } = await session.untilReady(place, signal);
    if (found === undefined)
      return fail({
        reason: "provider-error",
        message: `${session.service} created the ${kind.name} ${place.id}, and does not find it.`,
        expected: `it at ${fill(kind.itemPath, place.values, true)}`,
        found: "nothing",
        next: [`Correct \`itemPath\` and \`id\` of ${kind.name}.`],
      });
    return {
      id: fullId(kind, given, place.id),
      outputs: outputsOf(place, found, given),
      ...(unfinished ? { unfinished } : {}),
    };
  },

  async read({ id, inputs: given, session, signal }) {
    const place = placeOf(session.kinds, id);
    const found = await session.get(place, signal);
    return found && readOf(place, found, given.properties);
  },

  async readMany({ reads, session, signal }) {
    const all = reads.map(({ id, inputs: given }) => ({
      place: placeOf(session.kinds, id),
      given: given.properties,
    }));
    const listed = new Map<string, Found>();
    const key = ({ kind, id, values }: Place) => fullId(kind, values, id);
    // By kind and by what its path needs: one list each.
    const groups = Map.groupBy(all, ({ place }) => fullId(place.kind, place.values, ""));
    for (const group of groups.values()) {
      const [{ place: first }] = group as [(typeof group)[0]];
      if (first.kind.definition.list?.whole !== true || group.length < 2) continue;
      const wanted = new Set(group.map(({ place }) => key(place)));
      let pages = 0;
      for await (const page of session.pages(first.kind, first.values, signal)) {
        for (const object of page) {
          const id = idIn(first.kind, object) ?? idBySchema(first.kind, object);
          const full = id === undefined ? "" : fullId(first.kind, first.values, id);
          if (wanted.delete(full)) listed.set(full, { object, etag: undefined });
        }
        // What pages still hold costs more than asking for the rest.
        if (wanted.size === 0 || ++pages > group.length) break;
      }
    }
    return Promise.all(
      all.map(async ({ place, given }) => {
        try {
          const found = listed.get(key(place)) ?? (await session.get(place, signal));
          return found && readOf(place, found, given);
        } catch (error) {
          const failure = toFailure(error);
          if (signal.aborted || failure.reason === "internal") throw error;
          return { failure };
        }
      }),
    );
  },

  async *list({ scope, session, signal }) {
    const { kind: name, ...values } = scope;
    const kinds = typeof name === "string" ? [kindNamed(session.kinds, name)] : [...session.kinds.values()];
    for (const kind of kinds) {
      // Without being told which, only what can be listed as it is.
      if (name === undefined && (kind.definition.list === undefined || kind.places.length > 0)) continue;
      for await (const page of session.pages(kind, values, signal))
        for (const object of page) {
          const id = idIn(kind, object) ?? idBySchema(kind, object);
          if (id === undefined) continue;
          const title = object.name ?? object.title;
          yield { id: fullId(kind, values, id), ...(typeof title === "string" ? { title } : {}) };
        }
    }
  },

  async update({ id, oldInputs, inputs: { properties: after }, session, signal }) {
    const place = placeOf(session.kinds, id);
    const { kind } = place;
    const before: Json = oldInputs.properties;
    const current =
      (await session.get(place, signal)) ?? goneMeanwhile(`The ${kind.name} ${place.id}`, session.service);
    const seen = (given: Json): Json => observe(kind, current.object, given, place.values);
    const there = { before: seen(before), after: seen(after) };
    refuseChanged(`The ${kind.name} ${place.id}`, before, after, there, (name) => `properties.${name}`);
    await sendUpdate(session, place, current, before, after, signal);
    const { found = goneMeanwhile(`The ${kind.name} ${place.id}`, session.service), unfinished } =
      await session.untilReady(place, signal);
    return {
      outputs: outputsOf(place, found, after),
      ...(unfinished ? { unfinished } : {}),
    };
  },

  async delete({ id, inputs: { properties: given }, session, signal }) {
    const place = placeOf(session.kinds, id);
    const { kind } = place;
    const { delete: remove, gone } = kind.definition;
    if (remove.method === "none") return;
    const values = { ...given, ...place.values };
    const answer = await session.send({
      method: remove.method,
      path: fill(remove.path ?? kind.itemPath, values, true),
      query: fillQuery(remove.query, values),
      headers: remove.headers ?? {},
      ...(remove.body ? { body: remove.body } : {}),
      signal,
    });
    if (gone.includes(answer.status)) return;
    if (!succeeded(answer, remove.status))
      throw unexpected(answer, session.service, `delete the ${kind.name} ${place.id}`);
    if (remove.waitGone) await session.untilGone(place, signal);
  },
});

/** Where the properties say it, they may be in the listed object. */
function idBySchema(kind: Kind, object: Json): string | undefined {
  const { id } = kind.definition;
  if (!("is" in id)) return undefined;
  return attempt(() => fill(id.is, observe(kind, object, undefined, {}), false)).value;
}
const placeholdersOf = ({ definition: { id } }: Kind): readonly string[] =>
  "is" in id ? [...id.is.matchAll(/\{([^.}]+)/g)].map(([, name]) => name as string) : [];

function attempt<T>(work: () => T): { readonly value?: T; readonly failure?: OrchError["failure"] } {
  try {
    return { value: work() };
  } catch (error) {
    if (!(error instanceof OrchError)) throw error;
    return { failure: error.failure };
  }
}
