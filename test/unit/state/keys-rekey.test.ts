/** A state's rows under another key: all of them or none. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { OrchError } from "@orch/core/model/failure";
import type { ResourceState } from "@orch/core/model/resource";
import { Secret } from "@orch/core/model/value";
import type { Intent, RunStart } from "@orch/core/state/contract";
import { createCrypter, keyIdOf, newDataKey } from "@orch/core/state/crypter";
import { openSqliteBackend } from "@orch/core/state/sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "orch-rekey-"));
  path = join(folder, "state.db");
});
afterEach(() => rm(folder, { recursive: true, force: true }));

const start: RunStart = { kind: "apply", startedAt: 1, who: "me@here" };
const urn = "urn:pulumi:dev::shop::t:index:T::one" as ResourceState["urn"];
const row = (password: string): ResourceState =>
  ({
    urn,
    type: "t:index:T",
    custom: true,
    id: "1",
    inputs: { list: [{ password: new Secret(password) }] },
    outputs: { password: new Secret(password) },
    options: { replacementTrigger: new Secret("trigger") },
    dependencies: [],
    propertyDependencies: {},
  }) as unknown as ResourceState;
const intent: Intent = {
  kind: "intent",
  step: 2,
  op: "update",
  urn,
  type: "t:index:T",
  inputs: { password: new Secret("third") },
  at: 3,
} as Intent;

/** Two runs: a row with history, outputs, and a step that has not ended. */
async function filled() {
  const backend = await openSqliteBackend(path);
  await backend.createStack("shop", "dev");
  const from = createCrypter(newDataKey());
  const store = await backend.openStack("shop", "dev", from);
  for (const password of ["first", "second"]) {
    const run = await store.beginRun(start);
    const writes = [{ put: row(password), order: 0 }, { outputs: { out: new Secret(password) } }];
    await run.append([
      { kind: "outcome", step: 1, op: "update", urn, result: "done", writes, at: 2 },
      ...(password === "second" ? [intent] : []),
    ]);
    await run.finish("failed");
  }
  return { backend, store, from };
}

async function reasonOf(promise: Promise<unknown>): Promise<string> {
  const error = await promise.then(
    () => expect.fail("it should have failed"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OrchError);
  return (error as OrchError).failure.reason;
}

test("every row, its history, outputs and unfinished steps are under the new key, and nothing else is changed", async () => {
  const { backend, store } = await filled();
  const [before, past] = [await store.snapshot(), await store.history(urn)];
  expect(await backend.stackKey("shop", "dev")).toBeUndefined();
  const to = createCrypter(newDataKey());
  // 3 in each of the current row and two of its history, one output, one unfinished input.
  expect(await store.rekey(to, { kind: "test" }, "me@here")).toBe(3 * 3 + 1 + 1);
  expect(await backend.stackKey("shop", "dev")).toEqual({ id: keyIdOf(to), block: { kind: "test" } });
  const after = await backend.openStack("shop", "dev", to);
  expect({ ...(await after.snapshot()), serial: 0 }).toEqual({ ...before, serial: 0 });
  expect(await after.history(urn)).toEqual(past);
  expect((await after.runs())[0]).toMatchObject({ kind: "edit", who: "me@here", outcome: "succeeded" });
  expect(await reasonOf(store.snapshot())).toBe("secret-unreadable");
  await backend.close();
});

test("a command that read the old key before can't write under it", async () => {
  const { backend, store } = await filled();
  await store.rekey(createCrypter(newDataKey()), {}, "me@here");
  expect(await reasonOf(store.beginRun(start))).toBe("secret-unreadable");
  await backend.close();
});

test("while a run goes on it is refused, and where one secret can't be read nothing is changed", async () => {
  const { backend, store, from } = await filled();
  const run = await store.beginRun(start);
  expect(await reasonOf(store.rekey(createCrypter(newDataKey()), {}, "me@here"))).toBe("state-locked");
  await run.finish("succeeded");

  const database = new DatabaseSync(path);
  const good = database.prepare("select body from unfinished").get() as { body: string };
  database.exec("update unfinished set body = replace(body, 'v1:', 'v2:')");
  expect(await reasonOf(store.rekey(createCrypter(newDataKey()), {}, "me@here"))).toBe("secret-unreadable");
  database.prepare("update unfinished set body = ?").run(good.body);
  database.close();
  expect(await backend.stackKey("shop", "dev")).toBeUndefined();
  expect((await (await backend.openStack("shop", "dev", from)).snapshot()).outputs.out).toEqual(
    new Secret("second"),
  );
  await backend.close();
});

test("a database of the first schema is brought forward", async () => {
  const { backend, from } = await filled();
  await backend.close();
  const database = new DatabaseSync(path);
  database.exec(`
    alter table stacks drop column key;
    drop table locks;
    drop table leases;
    create table leases (stack_id integer primary key, run_id integer not null, token text not null, who text not null,
      pid integer not null, process_start text not null, host text not null, acquired_at bigint not null,
      renewed_at bigint not null, beat bigint not null, ttl_ms integer not null);
    delete from schema_version where version > 1`);
  database.close();
  const again = await openSqliteBackend(path);
  const store = await again.openStack("shop", "dev", from);
  expect((await store.snapshot()).outputs.out).toEqual(new Secret("second"));
  expect(await again.stackKey("shop", "dev")).toBeUndefined();
  const to = createCrypter(newDataKey());
  await store.rekey(to, {}, "me@here");
  expect((await (await again.openStack("shop", "dev", to)).snapshot()).resources).toHaveLength(1);
  await again.close();
});
