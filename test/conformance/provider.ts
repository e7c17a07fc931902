/**
 * The conformance suite of the `Provider` contract (packages/core/src/provider/contract.ts). A provider's test says how to get
 * one and a resource to try it on; everything that the engine relies on is then tested:
 *
 *     providerConformance("my system", async () => ({
 *       provider: await load(), type: "my:index:File",
 *       inputs: { path: "a", content: "1" }, changed: { path: "a", content: "2" }, replaced: { path: "b", content: "1" },
 *       invalid: { inputs: { path: 7 }, paths: ["path"] }, secretProperty: "content",
 *       exists: async (id) => existsSync(id), remove: async (id) => rmSync(id),
 *     }));
 */
import { exitCodes, type Failure, OrchError } from "@orch/core/model/failure";
import { equal, hasSecret, type PropertyMap, Secret, unknown, type Value } from "@orch/core/model/value";
import type { Provider } from "@orch/core/provider/contract";
import { afterEach, describe, expect, test } from "vitest";

export interface ProviderSubject {
  /** Started, not yet configured. The suite closes it. */
  readonly provider: Provider;
  readonly config?: PropertyMap;
  readonly type: string;
  /** Inputs as a program gives them; valid. Made anew for each test, so that tests do not meet on the far side. */
  readonly inputs: PropertyMap;
  /** Differs from `inputs` in what can be changed in place. */
  readonly changed: PropertyMap;
  /** Differs from `inputs` in what cannot. Left out by a provider that never replaces. */
  readonly replaced?: PropertyMap;
  /** Inputs that the check must refuse, and the paths that it must name. */
  readonly invalid?: { readonly inputs: PropertyMap; readonly paths: readonly string[] };
  /** Inputs whose creation fails, with nothing made. */
  readonly failing?: PropertyMap;
  /** A text property of the inputs that may be secret, or not yet known in a plan. */
  readonly secretProperty: string;
  /** Looks at the far side itself, past the provider. */
  readonly exists: (id: string) => Promise<boolean>;
  /** Number of objects on the far side. */
  readonly count: () => Promise<number>;
  /** Takes the object away behind the provider's back. */
  readonly remove: (id: string) => Promise<void>;
  /** Inputs of more objects beside that of `inputs`, at least two; needed when the provider reads many of the type at once, or lists them. */
  readonly more?: readonly PropertyMap[];
  /** Makes an object one that can't be read, while it is there. */
  readonly spoil?: (id: string) => Promise<void>;
  /** A scope that holds the objects of `inputs` and `more`, and the inputs of an object that is not in it. */
  readonly within?: { readonly scope: PropertyMap; readonly outside: PropertyMap };
  readonly invoke?: { readonly token: string; readonly args: PropertyMap; readonly result: PropertyMap };
}

const stack = "urn:pulumi:test::conformance";

export function providerConformance(name: string, setup: () => Promise<ProviderSubject>): void {
  describe(`provider conformance: ${name}`, () => {
    const open: Provider[] = [];
    afterEach(async () => {
      for (const provider of open.splice(0)) await provider.close();
    });

    const start = async () => {
      const subject = await setup();
      const { provider, type } = subject;
      open.push(provider);
      const package_ = type.split(":")[0] as string;
      const providerType = `pulumi:providers:${package_}`;
      const providerUrn = `${stack}::${providerType}::default`;
      const asked = await provider.checkConfig({
        urn: providerUrn,
        type: providerType,
        name: "default",
        newInputs: subject.config ?? {},
      });
      expect(asked.failures).toEqual([]);
      const traits = await provider.configure({
        urn: providerUrn,
        id: "provider-id",
        name: "default",
        inputs: asked.inputs,
      });
      const resource = { urn: `${stack}::${type}::subject`, type, name: "subject" };
      const randomSeed = new Uint8Array(32).fill(7);
      const check = async (newInputs: PropertyMap, oldInputs?: PropertyMap) => {
        const answer = await provider.check({
          ...resource,
          newInputs,
          randomSeed,
          ...(oldInputs ? { oldInputs } : {}),
        });
        expect(answer.failures).toEqual([]);
        return answer.inputs;
      };
      const create = async (newInputs: PropertyMap) => {
        const inputs = await check(newInputs);
        const made = await provider.create({ ...resource, inputs, preview: false });
        expect(made.partial).toBeUndefined();
        return { id: made.id, inputs, outputs: made.outputs };
      };
      const diff = async (
        state: { id: string; inputs: PropertyMap; outputs: PropertyMap },
        wanted: PropertyMap,
      ) => {
        const newInputs = await check(wanted, state.inputs);
        const answer = await provider.diff({
          urn: resource.urn,
          type,
          id: state.id,
          oldInputs: state.inputs,
          oldOutputs: state.outputs,
          newInputs,
          ignoreChanges: [],
        });
        return { ...answer, newInputs };
      };
      return { ...subject, traits, resource, randomSeed, check, create, diff };
    };
    type Started = Awaited<ReturnType<typeof start>>;
    /** The provider may leave it to orch to compare inputs; then they must differ, or not. */
    const differs = (answer: Awaited<ReturnType<Started["diff"]>>, old: PropertyMap): boolean =>
      answer.changes === "unknown" ? !equal(old, answer.newInputs) : answer.changes === "some";

    test("says what it is and what it understands", async () => {
      const { provider, traits, type } = await start();
      expect(type.startsWith(`${provider.package.name}:`)).toBe(true);
      expect(["plugin", "dynamic", "direct"]).toContain(provider.origin.source);
      for (const trait of ["secrets", "resourceRefs", "outputValues", "preview", "unknowns"] as const)
        expect(traits[trait], trait).toBeTypeOf("boolean");
      expect(["id-known-before", "token", "list", "no"]).toContain(traits.findAgain);
    });

    test("checks the same inputs to the same, and its own answer to itself", async () => {
      const { inputs, check } = await start();
      const first = await check(inputs);
      expect(await check(inputs)).toEqual(first);
      expect(await check(inputs, first)).toEqual(first);
    });

    test("names the path of each property that is not valid", async ({ skip }) => {
      const { provider, invalid, resource, randomSeed } = await start();
      if (invalid === undefined) return skip("this provider refuses nothing in check");
      const { failures } = await provider.check({ ...resource, newInputs: invalid.inputs, randomSeed });
      expect(failures.map((failure) => failure.path).sort()).toEqual([...invalid.paths].sort());
      for (const failure of failures) expect(failure.message).not.toBe("");
    });

    test("creates, reads, updates and deletes", async () => {
      const { provider, resource, inputs, changed, exists, create, diff } = await start();
      const made = await create(inputs);
      expect(made.id).not.toBe("");
      expect(await exists(made.id)).toBe(true);

      const read = await provider.read({ ...resource, ...made });
      expect(read.object?.id).toBe(made.id);
      expect(read.object?.outputs).toEqual(made.outputs);
      expect(read.object?.inputs).toEqual(made.inputs);

      const same = await diff(made, inputs);
      expect(differs(same, made.inputs)).toBe(false);
      const other = await diff(made, changed);
      expect(differs(other, made.inputs)).toBe(true);
      expect(other.replaces).toEqual([]);

      const updated = await provider.update({
        ...resource,
        id: made.id,
        oldInputs: made.inputs,
        oldOutputs: made.outputs,
        newInputs: other.newInputs,
        ignoreChanges: [],
        preview: false,
      });
      expect(updated.partial).toBeUndefined();
      const after = { id: made.id, inputs: other.newInputs, outputs: updated.outputs };
      expect((await provider.read({ ...resource, ...after })).object?.outputs).toEqual(updated.outputs);
      expect(differs(await diff(after, changed), after.inputs)).toBe(false);

      await provider.delete({ ...resource, ...after });
      expect(await exists(made.id)).toBe(false);
      expect((await provider.read({ ...resource, ...after })).object).toBeUndefined();
    });

    test("names what differs, and what that needs", async ({ skip }) => {
      const { inputs, changed, replaced, create, diff } = await start();
      const made = await create(inputs);
      const some = await diff(made, changed);
      if (some.detailed !== undefined) {
        expect(some.detailed.length).toBeGreaterThan(0);
        for (const change of some.detailed)
          expect(change).toMatchObject({ effect: "update", path: expect.stringMatching(/./) });
      }
      if (replaced === undefined) return skip("this provider never replaces");
      const replace = await diff(made, replaced);
      expect(replace.replaces.length).toBeGreaterThan(0);
      if (replace.detailed !== undefined)
        expect(replace.detailed.some((change) => change.effect === "replace")).toBe(true);
    });

    test("finds out by reading that an object is gone", async () => {
      const { provider, resource, inputs, create, remove } = await start();
      const made = await create(inputs);
      await remove(made.id);
      expect(await provider.read({ ...resource, ...made })).toEqual({});
    });

    describe("many at once", () => {
      /** Objects of `inputs` and `more`, when the provider has the ability for the type. */
      const several = async (ability: "readMany" | "list") => {
        const started = await start();
        const { provider, resource, inputs, more, create } = started;
        const types = ability === "readMany" ? provider.readManyTypes : provider.listTypes;
        if (provider[ability] === undefined || types?.has(resource.type) === false) return undefined;
        if (more === undefined || more.length < 2)
          throw new Error(`${ability} needs two objects in \`more\``);
        const objects = [];
        for (const [i, each] of [inputs, ...more].entries())
          objects.push({ ...resource, urn: `${resource.urn}${i}`, ...(await create(each)) });
        return { ...started, objects };
      };
      const readMany = async (provider: Provider, reads: readonly (typeof one)[]) =>
        (await provider.readMany?.({ reads })) ?? [];
      const one = { urn: "", type: "", name: "", id: "", inputs: {}, outputs: {} };

      test("reads as it would one by one, and in the order that was asked for", async ({ skip }) => {
        const many = await several("readMany");
        if (many === undefined) return skip("this provider reads one by one");
        const { provider, objects } = many;
        for (const order of [objects, objects.toReversed()]) {
          const expected = [];
          for (const each of order) expected.push(await provider.read(each));
          expect(await readMany(provider, order)).toEqual(expected);
        }
        expect(await readMany(provider, [])).toEqual([]);
      });

      test("tells of one that is gone among others", async ({ skip }) => {
        const many = await several("readMany");
        if (many === undefined) return skip("this provider reads one by one");
        const { provider, objects, remove } = many;
        await remove((objects[1] as typeof one).id);
        const answers = await readMany(provider, objects);
        expect(answers.map((answer) => "failure" in answer || answer.object?.id)).toEqual(
          objects.map(({ id }, i) => (i === 1 ? undefined : id)),
        );
      });

      test("fails for one among others", async ({ skip }) => {
        const many = await several("readMany");
        if (many === undefined) return skip("this provider reads one by one");
        const { provider, objects, spoil } = many;
        if (spoil === undefined) return skip("nothing here can't be read");
        await spoil((objects[1] as typeof one).id);
        const answers = await readMany(provider, objects);
        expect(answers.map((answer) => "failure" in answer)).toEqual(objects.map((_, i) => i === 1));
        const answer = answers[1] as { readonly failure: Failure };
        expect(Object.keys(exitCodes)).toContain(answer.failure.reason);
        expect(answer.failure.reason).not.toBe("internal");
      });

      test("lists what is there, each once, with the id that it was made with", async ({ skip }) => {
        const many = await several("list");
        if (many === undefined) return skip("this provider lists nothing of this type");
        const { provider, type, objects, remove, within, create } = many;
        const listed = async (scope?: PropertyMap): Promise<string[]> => {
          const ids: string[] = [];
          for await (const { id } of provider.list?.({ type, ...(scope ? { scope } : {}) }) ?? [])
            ids.push(id);
          expect(new Set(ids).size).toBe(ids.length);
          return ids;
        };
        const ids = objects.map(({ id }) => id);
        if (within === undefined) expect(await listed()).toEqual(expect.arrayContaining(ids));
        else {
          const { id: outside } = await create(within.outside);
          expect(await listed(within.scope)).toEqual(expect.arrayContaining(ids));
          expect(await listed(within.scope)).not.toContain(outside);
        }
        await remove(ids[0] as string);
        const after = await listed(within?.scope);
        expect(after).toEqual(expect.arrayContaining(ids.slice(1)));
        expect(after).not.toContain(ids[0]);
      });
    });

    test("deletes what is gone already without a complaint", async () => {
      const { provider, resource, inputs, create, remove } = await start();
      const made = await create(inputs);
      await remove(made.id);
      await provider.delete({ ...resource, ...made });
    });

    test("makes and changes nothing in a preview", async () => {
      const { provider, resource, inputs, changed, count, check, create, diff } = await start();
      const before = await count();
      const preview = await provider.create({ ...resource, inputs: await check(inputs), preview: true });
      expect(await count()).toBe(before);
      for (const key of Object.keys(inputs)) expect(preview.outputs).toHaveProperty([key]);

      const made = await create(inputs);
      const { newInputs } = await diff(made, changed);
      await provider.update({
        ...resource,
        id: made.id,
        oldInputs: made.inputs,
        oldOutputs: made.outputs,
        newInputs,
        ignoreChanges: [],
        preview: true,
      });
      expect((await provider.read({ ...resource, ...made })).object?.outputs).toEqual(made.outputs);
    });

    test("bears inputs that are not known yet", async ({ skip }) => {
      const { provider, traits, resource, inputs, secretProperty, count, check, create, diff } =
        await start();
      if (!traits.unknowns) return skip("this provider takes no unknown inputs");
      const before = await count();
      const withUnknown = { ...inputs, [secretProperty]: unknown };
      const checked = await check(withUnknown);
      expect(checked[secretProperty]).toBe(unknown);
      const preview = await provider.create({ ...resource, inputs: checked, preview: true });
      expect(preview.outputs[secretProperty]).toBe(unknown);
      expect(await count()).toBe(before);
      const made = await create(inputs);
      expect(differs(await diff(made, withUnknown), made.inputs)).toBe(true);
    });

    test("keeps secrets secret on the whole way round", async () => {
      const { provider, resource, inputs, secretProperty, create, diff } = await start();
      const clear = inputs[secretProperty] as Value;
      const withSecret = { ...inputs, [secretProperty]: new Secret(clear) };
      const made = await create(withSecret);
      const isMarked = (properties: PropertyMap, where: string) => {
        const value = properties[secretProperty];
        expect(value, where).toBeInstanceOf(Secret);
        expect((value as Secret).value, where).toEqual(clear);
      };
      isMarked(made.inputs, "checked inputs");
      isMarked(made.outputs, "outputs of create");
      const read = await provider.read({ ...resource, ...made });
      isMarked(read.object?.outputs ?? {}, "outputs of read");
      isMarked(read.object?.inputs ?? {}, "inputs of read");
      expect(differs(await diff(made, withSecret), made.inputs)).toBe(false);
      for (const [key, value] of Object.entries(made.outputs))
        if (key !== secretProperty && !hasSecret(value))
          expect(JSON.stringify(value)).not.toContain(JSON.stringify(clear));
    });

    test("fails with a reason, the resource, and no secret", async ({ skip }) => {
      const { provider, resource, failing, secretProperty, count, check } = await start();
      if (failing === undefined) return skip("nothing fails in this provider on demand");
      const before = await count();
      const secret = "s3cret-of-the-conformance-suite";
      const inputs = await check({ ...failing, [secretProperty]: new Secret(secret) });
      const error = await provider.create({ ...resource, inputs, preview: false }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(OrchError);
      const { failure } = error as OrchError;
      expect(Object.keys(exitCodes)).toContain(failure.reason);
      expect(failure.reason).not.toBe("internal");
      expect(failure.urn).toBe(resource.urn);
      expect(JSON.stringify(failure)).not.toContain(secret);
      expect((error as Error).message).not.toContain(secret);
      expect(await count()).toBe(before);
    });

    test("serves many requests at once", async () => {
      const { provider, resource, inputs, check, randomSeed } = await start();
      const alone = await check(inputs);
      const answers = await Promise.all(
        Array.from({ length: 50 }, () => provider.check({ ...resource, newInputs: inputs, randomSeed })),
      );
      for (const answer of answers) expect(answer.inputs).toEqual(alone);
    });

    test("answers invokes, and says so when there is no such function", async () => {
      const { provider, invoke } = await start();
      const error = await provider.invoke({ token: "none:index:none", args: {} }).then(
        () => undefined,
        (thrown: unknown) => thrown,
      );
      expect(error).toBeInstanceOf(OrchError);
      if (invoke === undefined) return;
      expect((await provider.invoke(invoke)).result).toEqual(invoke.result);
    });

    test("can be cancelled and closed, more than once", async () => {
      const { provider, resource, check, inputs } = await start();
      const checked = await check(inputs);
      await provider.cancel?.();
      await provider.cancel?.();
      await provider.close();
      await provider.close();
      if (provider.origin.source === "direct") return;
      await expect(provider.create({ ...resource, inputs: checked, preview: false })).rejects.toBeInstanceOf(
        OrchError,
      );
    });
  });
}
