/**
 * One definition per thing of a machine's system (a user, a package, a unit): how to look at it, how to make it so, how to take it away, as
 * shell text. From that come all verbs with few round trips: a read is one script, many reads are one script, a change is a look and one
 * script that changes and looks again.
 */
import { type Failure, fail, OrchError } from "@orch/core/model/failure";
import { equal, isSpecial, type Value } from "@orch/core/model/value";
import type { z } from "zod";
import {
  type Call,
  defineResource,
  type OneRead,
  type ReadResult,
  type ResourceDefinition,
  type Shape,
} from "../../direct/index.js";
import { isSecretSchema } from "../../direct/schema.js";
import type { Connection } from "../connection.js";
import type { Machine } from "../machine.js";
import { connectionEffect } from "../properties.js";
import type { HostSession } from "../session.js";
import { type Guard, guarded } from "./guard.js";
import { act, Found, look, quoted } from "./report.js";

export type Observed<I extends Shape, O extends Shape> = ReadResult<I, O>;
/** Where something is looked for: the inputs as given, or on an import what the id says. */
export interface At<I extends Shape, O extends Shape> {
  readonly inputs: Partial<z.output<I>>;
  readonly outputs: Partial<z.output<O>>;
  /** Nothing but the id is known. */
  readonly imported: boolean;
}
/** The inputs of a read: the given ones with what is really there put in, and on an import all that is there. */
export function withActual<T extends object>(
  at: { readonly inputs: T; readonly imported: boolean },
  actual: { readonly [K in keyof T]?: T[K] | undefined },
): T {
  const known = Object.entries(actual).filter(
    ([key, value]) =>
      (at.imported && value !== undefined) || (at.inputs as Record<string, unknown>)[key] !== undefined,
  );
  return { ...at.inputs, ...Object.fromEntries(known) };
}
export interface Work {
  readonly script: string;
  readonly stdin?: string | Buffer;
  /** It may cut orch off: taken back unless orch can connect anew. Not with `stdin`. */
  readonly guard?: Guard | undefined;
}
/** What is being made so, and what was there before it. */
export interface Wanted<I extends Shape, O extends Shape> {
  readonly id: string;
  readonly inputs: z.output<I>;
  readonly now: Observed<I, O> | undefined;
  /** The inputs and outputs as last applied; absent on a creation. */
  readonly last?: { readonly inputs: z.output<I>; readonly outputs: z.output<O> };
  readonly call: Call<HostSession>;
  /** On a creation: the same for every try of one step. */
  readonly token?: string | undefined;
}

type Kept =
  | "type"
  | "description"
  | "inputs"
  | "outputs"
  | "replaceOn"
  | "importId"
  | "stables"
  | "secretOutputs"
  | "check"
  | "predict"
  | "outputChanges"
  | "effect"
  | "deleteBeforeReplace";

export interface SystemDefinition<I extends Shape, O extends Shape>
  extends Pick<ResourceDefinition<I, O, HostSession>, Kept> {
  /** For messages: `the user deploy`. */
  readonly title: (id: string) => string;
  readonly idOf: (inputs: z.output<I>) => string;
  /** The inputs that an id says; undefined for an id that can't be one of this type. On an import there is nothing else. */
  readonly fromId: (id: string) => Partial<z.output<I>> | undefined;
  /** Shell functions that the scripts use. */
  readonly functions?: string;
  /** Once before any number of looks on a machine, in the same shell: what they have in common, left in variables. */
  readonly prepare?: (ats: readonly At<I, O>[]) => string;
  /** Reports facts; none: it is not there. */
  readonly look: (at: At<I, O>) => string;
  /** `inputs` are what is really there for those of the given ones. */
  readonly observe: (found: Found, at: At<I, O>) => Observed<I, O> | undefined;
  /** An empty script: nothing is to be done. */
  readonly apply: (wanted: Wanted<I, O>) => Work | Promise<Work>;
  /** What is only known when it has just been made so: added to the outputs. */
  readonly applied?: (outputs: z.input<O>, wanted: Wanted<I, O>) => z.input<O>;
  /** Must end well when it is gone. Absent: nothing is taken away. */
  readonly remove?: (at: {
    readonly inputs: z.output<I>;
    readonly outputs: Partial<z.output<O>>;
  }) => string | undefined;
  /** Inputs in which something that is there already, and that orch did not make, may differ from what is wanted; `all`: it is taken over whatever it is. */
  readonly mayDiffer?: readonly string[] | "all";
  /** Was it made by an earlier try of that step? Then it may differ. */
  readonly madeBy?: (now: Observed<I, O>, token: string) => boolean;
  /** Inputs whose values no failure shows: something secret may be in them. */
  readonly unshown?: readonly string[];
  /** Inputs that must still be as they were last read, when they are changed: what a person has put there since is not overwritten unseen. */
  readonly guarded?: readonly string[];
  /** Changes of that name are made one after another on a machine: its tools lock, or read and write the same file. */
  readonly exclusive?: string | ((inputs: z.output<I>) => string);
  /** Reports a line `id<tab>title` per object. */
  readonly list?: string;
}

/** What is left out, switched off or empty is the same to a machine. */
const orNothing = (value: Value | undefined): Value =>
  value === undefined ||
  value === false ||
  value === "" ||
  (typeof value === "object" && value !== null && !isSpecial(value) && Object.keys(value).length === 0)
    ? null
    : value;

const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);

type WithMachine = { readonly connection?: Connection; readonly overwrite?: boolean };

export function defineSystem<I extends Shape, O extends Shape>(
  definition: SystemDefinition<I, O>,
): ResourceDefinition<I, O, HostSession> {
  const { functions = "", title, fromId, idOf, observe } = definition;
  type Call_ = Call<HostSession>;

  const at = (read: Pick<OneRead<I, O>, "id" | "inputs" | "outputs">): At<I, O> => {
    const imported = Object.keys(read.inputs).length === 0;
    const own = imported ? fromId(read.id) : read.inputs;
    if (own === undefined)
      return fail({
        reason: "invalid-property",
        message: `${JSON.stringify(read.id)} can't be the id of a ${definition.type}`,
        path: "id",
        expected: "an id as docs/host.md shows for that type",
        found: JSON.stringify(read.id),
      });
    return { inputs: own as Partial<z.output<I>>, outputs: read.outputs, imported };
  };
  const machineOf = (session: HostSession, inputs: unknown): Promise<Machine> =>
    session.machine((inputs as WithMachine).connection);
  const readMany = async (
    call: Omit<Call_, "urn">,
    reads: readonly OneRead<I, O>[],
  ): Promise<readonly (Observed<I, O> | { failure: Failure } | undefined)[]> => {
    const answers = new Array<Observed<I, O> | { failure: Failure } | undefined>(reads.length);
    const byMachine = new Map<Machine, number[]>();
    for (const [i, read] of reads.entries()) {
      const machine = await machineOf(call.session, read.inputs);
      byMachine.set(machine, [...(byMachine.get(machine) ?? []), i]);
    }
    await Promise.all(
      [...byMachine].map(async ([machine, places]) => {
        const ats = places.map((i) => at(reads[i] as OneRead<I, O>));
        const parts = places.map((i, n) => ({
          what: `Looking at ${title((reads[i] as OneRead<I, O>).id)}`,
          script: definition.look(ats[n] as At<I, O>),
        }));
        try {
          const found = await look(
            machine,
            call.signal,
            `${functions}\n${definition.prepare?.(ats) ?? ""}`,
            parts,
          );
          for (const [n, i] of places.entries()) {
            const one = found[n];
            answers[i] = one instanceof Found ? seen(one, ats[n] as At<I, O>) : (one as { failure: Failure });
          }
        } catch (error) {
          // One machine that is down says nothing of the others.
          if (!(error instanceof OrchError) || byMachine.size === 1) throw error;
          for (const i of places) answers[i] = { failure: error.failure };
        }
      }),
    );
    return answers;
  };
  const seen = (found: Found, where: At<I, O>) => (found.empty ? undefined : observe(found, where));

  const readOne = async (
    call: Call_,
    id: string,
    inputs: Partial<z.output<I>>,
    outputs: Partial<z.output<O>>,
  ): Promise<Observed<I, O> | undefined> => {
    const [one] = await readMany(call, [{ urn: call.urn, id, inputs, outputs } as OneRead<I, O>]);
    if (one !== undefined && "failure" in one) throw new OrchError(one.failure);
    return one;
  };

  const make = async (
    call: Call_,
    wanted: Omit<Wanted<I, O>, "now" | "call">,
    machine: Machine,
  ): Promise<z.input<O>> => {
    const { id, inputs, last } = wanted;
    const outputs = (last?.outputs ?? {}) as Partial<z.output<O>>;
    const now = await readOne(call, id, inputs as Partial<z.output<I>>, outputs);
    if (now !== undefined) permit(machine, id, now, wanted);
    const whole = { ...wanted, now, call };
    const settled = (made: z.input<O>): z.input<O> => definition.applied?.(made, whole) ?? made;
    const work = await definition.apply(whole);
    if (work.script === "" && now !== undefined) return settled(now.outputs);
    const where: At<I, O> = { inputs: inputs as Partial<z.output<I>>, outputs, imported: false };
    const what = `Setting up ${title(id)}`;
    const then = { script: `${definition.prepare?.([where]) ?? ""}\n${definition.look(where)}` };
    const { guard } = work;
    const found =
      guard === undefined
        ? await act(machine, call.signal, functions, { ...work, what }, then)
        : await guarded(
            machine,
            call,
            (inputs as WithMachine).connection,
            functions,
            { ...work, guard, what },
            then,
          );
    const after = seen(found, where);
    if (after !== undefined) return settled(after.outputs);
    return fail({
      reason: "conflict",
      message: `${capital(title(id))} was set up on ${machine.name}, and is gone now`,
      expected: "what was just made",
      found: "nothing",
      next: ["Find out what else takes it away, and apply again."],
    });
  };

  /** Refuses to change what orch neither made nor showed in a plan. */
  const shown = (key: string, value: unknown): string =>
    definition.unshown?.includes(key)
      ? "values that are not shown"
      : isSecretSchema(definition.inputs.shape[key] as z.ZodType)
        ? "a secret"
        : quoted(value);
  const permit = (
    machine: Machine,
    id: string,
    now: Observed<I, O>,
    { inputs, last, token }: Pick<Wanted<I, O>, "inputs" | "last" | "token">,
  ): void => {
    const given = inputs as Readonly<Record<string, Value>> & WithMachine;
    if (token !== undefined && definition.madeBy?.(now, token)) return;
    if (given.overwrite || (last === undefined && definition.mayDiffer === "all")) return;
    const found = now.inputs as Readonly<Record<string, Value | undefined>>;
    const before = last?.inputs as Readonly<Record<string, Value | undefined>> | undefined;
    const keys = last
      ? (definition.guarded ?? [])
      : Object.keys(definition.inputs.shape).filter(
          (key) =>
            key !== "connection" && !(definition.mayDiffer as readonly string[] | undefined)?.includes(key),
        );
    const same = (a: Value | undefined, b: Value | undefined): boolean => equal(orNothing(a), orNothing(b));
    const differing = keys.filter(
      (key) =>
        (last !== undefined || given[key] !== undefined) &&
        !same(found[key], given[key]) &&
        !(before && same(found[key], before[key])),
    );
    const [first] = differing;
    if (first === undefined) return;
    const importId = JSON.stringify(id);
    fail({
      reason: "conflict",
      message: last
        ? `${capital(title(id))} on ${machine.name} was changed behind orch's back since it was last read`
        : `${capital(title(id))} exists on ${machine.name}, and is not as wanted: ${differing.join(", ")}`,
      path: first,
      expected: shown(first, given[first]),
      found: shown(first, found[first]),
      next: last
        ? ["Look at it: orch drift", "Then plan with what is really there: orch plan --refresh"]
        : [
            `Take it over as it is, with the resource option \`import: ${importId}\`.`,
            "Or change it to what is wanted: set `overwrite: true`.",
          ],
    });
  };
  const inTurn = <T>(
    call: Call_,
    machine: Machine,
    inputs: z.output<I>,
    work: () => Promise<T>,
  ): Promise<T> => {
    const { exclusive } = definition;
    const name = typeof exclusive === "function" ? exclusive(inputs) : exclusive;
    return name === undefined ? work() : call.session.inTurn(machine, name, work);
  };

  const kept = Object.fromEntries(
    (
      [
        "type",
        "description",
        "inputs",
        "outputs",
        "replaceOn",
        "importId",
        "stables",
        "secretOutputs",
        "check",
        "predict",
        "outputChanges",
        "deleteBeforeReplace",
      ] as const
    ).flatMap((key) => (definition[key] === undefined ? [] : [[key, definition[key]]])),
  ) as Pick<SystemDefinition<I, O>, Exclude<Kept, "effect">>;
  const { list, remove } = definition;
  return defineResource<HostSession>()<I, O>({
    ...kept,
    idOf,
    effect: (change, call) => definition.effect?.(change, call) ?? connectionEffect(change, call),
    async create(call) {
      const { inputs, token } = call;
      const id = idOf(inputs);
      const machine = await machineOf(call.session, inputs);
      return {
        id,
        outputs: await inTurn(call, machine, inputs, () => make(call, { id, inputs, token }, machine)),
      };
    },
    read: ({ id, inputs, outputs, ...call }) => readOne(call, id, inputs, outputs),
    readMany: ({ reads, ...call }) => readMany(call, reads),
    async update(call) {
      const { id, inputs, oldInputs, oldOutputs } = call;
      const machine = await machineOf(call.session, inputs);
      const last = { inputs: oldInputs, outputs: oldOutputs };
      return {
        outputs: await inTurn(call, machine, inputs, () => make(call, { id, inputs, last }, machine)),
      };
    },
    async delete(call) {
      const { id, inputs, outputs } = call;
      const script = remove?.({ inputs, outputs });
      if (script === undefined) return;
      const machine = await machineOf(call.session, inputs);
      await inTurn(call, machine, inputs, () =>
        act(machine, call.signal, functions, { script, what: `Removing ${title(id)}` }),
      );
    },
    ...(list === undefined
      ? {}
      : {
          async *list({ scope, session, signal }) {
            const machine = await session.machine(scope.connection as Connection | undefined);
            const [found] = await look(machine, signal, functions, [
              { script: `{ ${list}\n} | blob objects`, what: `Listing ${definition.type}` },
            ]);
            if (found !== undefined && !(found instanceof Found)) throw new OrchError(found.failure);
            for (const line of (found?.text("objects") ?? "").split("\n").filter(Boolean)) {
              const [id = "", name] = line.split("\t");
              yield { id, ...(name ? { title: name } : {}) };
            }
          },
        }),
  });
}
