/** What every database in test/fixtures/state holds. */
import { Secret } from "@orch/core/model/value";
import type { Backend } from "@orch/core/state/contract";
import { createCrypter } from "@orch/core/state/crypter";
import { expect } from "vitest";
import {
  key,
  outcomeOf,
  project,
  secretText,
  stack,
  stateOf,
  urnOf,
} from "../../conformance/backend-fixtures.js";

/** All of it is there, and the next run goes on with it. */
export async function expectWhole(backend: Backend): Promise<void> {
  expect(await backend.listStacks()).toMatchObject([{ project, stack, resources: 1 }]);
  expect(await backend.stackKey(project, stack)).toBeUndefined();
  const store = await backend.openStack(project, stack, createCrypter(key));
  const { resources, outputs, unfinished } = await store.snapshot();
  expect(resources).toEqual([stateOf(urnOf("a"))]);
  expect(resources[0]?.inputs.password).toEqual(new Secret(secretText));
  expect(outputs).toEqual({ n: 1 });
  expect(unfinished).toMatchObject([{ runId: 1, intent: { step: 2, urn: urnOf("b") } }]);
  expect(await store.runs()).toMatchObject([{ id: 1, planDigest: "d1", outcome: "interrupted", done: 2 }]);
  expect(await store.journal(1)).toHaveLength(3);
  expect(await store.history(urnOf("a"))).toMatchObject([{ runId: 1 }]);
  const run = await store.beginRun({ kind: "resume", startedAt: 1, who: "you@here" });
  expect(run.id).toBe(2);
  await run.append([outcomeOf(2, "create", urnOf("b"), [{ put: stateOf(urnOf("b")), order: 1 }])]);
  await run.finish("succeeded");
  expect(await store.snapshot()).toMatchObject({ resources: { length: 2 }, unfinished: [] });
}
