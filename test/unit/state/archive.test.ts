/** A stack as a file, and docs/schemas/state-1.json. What a database does with it is told by the lab's PostgreSQL tests and the suite. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Failure, OrchError } from "@orch/core/model/failure";
import { readStateFile, type StackArchive, stateFile, writeStateFile } from "@orch/core/state/archive/format";
import type { Backend } from "@orch/core/state/contract";
import { createCrypter } from "@orch/core/state/crypter";
import { openSqliteBackend } from "@orch/core/state/sqlite";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { z } from "zod";
import {
  intentOf,
  key,
  outcomeOf,
  project,
  secretText,
  stack,
  stateOf,
  urnOf,
} from "../../conformance/backend-fixtures.js";

const crypter = createCrypter(key);
const schemaFile = new URL("../../../docs/schemas/state-1.json", import.meta.url);
let dir: string;
let backends: Backend[];
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "orch-archive-"));
  backends = [];
});
afterEach(async () => {
  for (const backend of backends) await backend.close();
  await rm(dir, { recursive: true, force: true });
});

async function open(name: string): Promise<Backend> {
  const backend = await openSqliteBackend(join(dir, name));
  backends.push(backend);
  return backend;
}
/** Three runs: one that made two objects and changed one, one that was cut off, one that put an object aside. */
async function fill(backend: Backend): Promise<void> {
  await backend.createStack(project, stack);
  const store = await backend.openStack(project, stack, crypter);
  const [a, b] = [urnOf("a"), urnOf("b")];
  const first = await store.beginRun({ kind: "apply", startedAt: 1, who: "me@here", planDigest: "d1" });
  await first.append([intentOf(0, "create", a), intentOf(1, "create", b)]);
  await first.append([outcomeOf(0, "create", a, [{ put: stateOf(a), order: 0 }])]);
  await first.append([outcomeOf(1, "create", b, [{ put: stateOf(b), order: 1 }])]);
  await first.append([outcomeOf(2, "same", a, [{ outputs: { n: 1, text: "ü☃" } }])]);
  await first.finish("succeeded");
  const second = await store.beginRun({ kind: "apply", startedAt: 2, who: "me@here" });
  await second.append([intentOf(0, "update", a)]);
  await second.finish("interrupted");
  const third = await store.beginRun({ kind: "destroy", startedAt: 3, who: "you@there" });
  await third.append([outcomeOf(0, "create", b, [{ depose: b, deposed: "k1" }], "failed")]);
  await third.append([outcomeOf(1, "delete", b, [{ remove: { urn: b, deposed: "k1" } }])]);
  await third.finish("failed");
}
async function failureOf(work: () => unknown): Promise<Failure> {
  try {
    await work();
  } catch (error) {
    if (error instanceof OrchError) return error.failure;
    throw error;
  }
  return expect.fail("it should have failed");
}

test("the published schema is that of the reader, and fits what is written", async () => {
  const published = JSON.parse(await readFile(schemaFile, "utf8"));
  expect(published).toEqual(JSON.parse(JSON.stringify(z.toJSONSchema(stateFile, { io: "input" }))));
  const backend = await open("a.db");
  await fill(backend);
  const text = writeStateFile(await backend.exportStack(project, stack), crypter, "0.1.0");
  const validate = new Ajv2020({ strict: false }).compile(published);
  expect(validate(JSON.parse(text)), JSON.stringify(validate.errors)).toBe(true);
});

describe("a state file", () => {
  let text: string;
  let archive: StackArchive;
  beforeEach(async () => {
    const backend = await open("a.db");
    await fill(backend);
    archive = await backend.exportStack(project, stack);
    text = writeStateFile(archive, crypter, "0.1.0");
  });

  test("is read as it was written, and holds no secret in clear", () => {
    const read = readStateFile(text, "x.json");
    expect(read.archive).toEqual(archive);
    read.checkSeal(crypter);
    expect(text).not.toContain(secretText.slice(0, 13));
  });

  test("cut short anywhere is refused", async () => {
    for (const length of [0, 1, 30, text.length >> 1, text.length - 3]) {
      const failure = await failureOf(() => readStateFile(text.slice(0, length), "x.json"));
      expect(failure.reason).toBe("state-invalid");
      expect(failure.message).toMatch(/^x\.json is (empty|not a state file|cut short)/);
    }
  });

  test("with any byte changed is refused", async () => {
    for (let i = 20; i < text.length - 1; i += 97) {
      const other = text[i] === "1" ? "2" : "1";
      const changed = text.slice(0, i) + other + text.slice(i + 1);
      const failure = await failureOf(() => readStateFile(changed, "x.json").checkSeal(createCrypter(key)));
      expect(["state-invalid", "state-newer"]).toContain(failure.reason);
    }
  });

  test("changed with a digest that fits is refused for want of the stack's key", async () => {
    const forged = writeStateFile(
      { ...archive, serial: archive.serial + 1 },
      createCrypter(Buffer.alloc(32, 8)),
      "0.1.0",
    );
    const read = readStateFile(forged, "x.json");
    expect(await failureOf(() => read.checkSeal(crypter))).toMatchObject({
      reason: "state-invalid",
      path: "seal",
    });
  });

  test("of a newer orch, and something else, are told apart", async () => {
    const newer = text.replace('"format":1,"orch":"0.1.0"', '"format":2,"orch":"9.0.0"');
    expect(await failureOf(() => readStateFile(newer, "x"))).toMatchObject({
      reason: "state-newer",
      found: "state format 2, written by orch 9.0.0",
    });
    for (const other of ['{"version":3,"deployment":{}}', "resource a", "[]", "null"]) {
      expect(await failureOf(() => readStateFile(other, "x"))).toMatchObject({
        reason: "state-invalid",
        message: expect.stringContaining("is not a state file"),
      });
    }
  });
});

describe("an archive in a database", () => {
  test("comes out as it went in, with the numbers of its runs, and the next run gets another", async () => {
    const from = await open("a.db");
    await fill(from);
    const archive = await from.exportStack(project, stack);
    const to = await open("b.db");
    await to.importStack(archive);
    expect(await to.exportStack(project, stack)).toEqual(archive);
    const store = await to.openStack(project, stack, crypter);
    const was = await from.openStack(project, stack, crypter);
    expect(await store.snapshot()).toEqual(await was.snapshot());
    expect(await store.runs()).toEqual(await was.runs());
    expect(await store.journal(1)).toEqual(await was.journal(1));
    expect(await store.rowsAt(1)).toEqual(await was.rowsAt(1));
    expect(await store.history(urnOf("b"))).toEqual(await was.history(urnOf("b")));
    const run = await store.beginRun({ kind: "apply", startedAt: 9, who: "x" });
    expect(run.id).toBe(4);
    await run.finish("succeeded");
  });

  test("gets other numbers for its runs where another stack has them, in the same order", async () => {
    const from = await open("a.db");
    await fill(from);
    const archive = await from.exportStack(project, stack);
    const to = await open("b.db");
    await to.createStack(project, "other");
    const other = await to.openStack(project, "other", crypter);
    for (let i = 0; i < 2; i++) {
      await (await other.beginRun({ kind: "apply", startedAt: i, who: "x" })).finish("succeeded");
    }
    await to.importStack(archive);
    const store = await to.openStack(project, stack, crypter);
    expect((await store.runs()).map(({ id, startedAt }) => [id, startedAt])).toEqual([
      [5, 3],
      [4, 2],
      [3, 1],
    ]);
    expect((await store.snapshot()).unfinished).toMatchObject([{ runId: 4 }]);
    expect(await other.runs()).toHaveLength(2);
  });

  test("is written over the same stack, not over another, a newer, or one that a run writes to", async () => {
    const from = await open("a.db");
    await fill(from);
    const old = await from.exportStack(project, stack);
    await from.importStack(old);
    expect(await from.exportStack(project, stack)).toEqual(old);

    const store = await from.openStack(project, stack, crypter);
    const run = await store.beginRun({ kind: "apply", startedAt: 5, who: "me@here" });
    await run.append([outcomeOf(0, "delete", urnOf("a"), [{ remove: { urn: urnOf("a") } }])]);
    const held = await failureOf(() => from.importStack(old, { force: true }));
    expect(held).toMatchObject({ reason: "state-locked", message: expect.stringContaining("me@here") });
    await run.finish("succeeded");

    const newer = await store.snapshot();
    expect(await failureOf(() => from.importStack(old))).toMatchObject({
      reason: "conflict",
      expected: `serial ${newer.serial} or newer`,
      found: `serial ${old.serial}`,
    });
    expect(await (await from.openStack(project, stack, crypter)).snapshot()).toEqual(newer);
    await from.importStack(old, { force: true });
    expect(await from.exportStack(project, stack)).toEqual({ ...old, serial: newer.serial + 1 });

    const elsewhere = await open("b.db");
    await elsewhere.createStack(project, stack);
    expect(await failureOf(() => elsewhere.importStack(old, { force: true }))).toMatchObject({
      reason: "stack-exists",
    });
    expect(
      await failureOf(() => from.importStack({ ...old, stack: "renamed" }, { force: true })),
    ).toMatchObject({
      reason: "stack-exists",
    });
  });

  test("a stack that was written to since it was looked at is not removed", async () => {
    const from = await open("a.db");
    await fill(from);
    const archive = await from.exportStack(project, stack);
    const changed = { ...archive, serial: archive.serial - 1 };
    expect(await failureOf(() => from.removeStack(project, stack, true, changed))).toMatchObject({
      reason: "conflict",
    });
    await from.removeStack(project, stack, true, archive);
    expect(await from.listStacks()).toEqual([]);
  });
});
