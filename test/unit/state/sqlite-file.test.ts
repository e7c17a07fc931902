/** What only a database in a file can meet: the file itself, its folder, its disk, and clocks. */
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  chmod,
  copyFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  stat,
  truncate,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { OrchError } from "@orch/core/model/failure";
import type { Backend, JournalRecord, StackStore } from "@orch/core/state/contract";
import { createCrypter } from "@orch/core/state/crypter";
import { hostIdentity, isAlive, processStart } from "@orch/core/state/sql/process";
import type { Db } from "@orch/core/state/sql/tables";
import { openSqliteBackend, type SqliteOptions } from "@orch/core/state/sqlite";
import { openDatabase } from "@orch/core/state/sqlite/database";
import { sql } from "kysely";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  intentOf,
  key,
  outcomeOf,
  project,
  stack,
  stateOf,
  urnOf,
} from "../../conformance/backend-fixtures.js";

const crypter = createCrypter(key);
const start = { kind: "apply", startedAt: 500, who: "me@test" } as const;

let folder: string;
let path: string;
const opened: Backend[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "orch-sqlite-"));
  path = join(folder, "state", "state.db");
});
afterEach(async () => {
  vi.useRealTimers();
  for (const backend of opened.splice(0)) await backend.close();
  await rm(folder, { recursive: true, force: true });
});

async function openStore(at = path, options: SqliteOptions = {}): Promise<StackStore> {
  const backend = await openSqliteBackend(at, options);
  opened.push(backend);
  if ((await backend.listStacks(project)).length === 0) await backend.createStack(project, stack);
  return backend.openStack(project, stack, crypter);
}
const closeAll = async () => {
  for (const backend of opened.splice(0)) await backend.close();
};
async function failureOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => expect.fail("it should have failed"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OrchError);
  return (error as OrchError).failure;
}
const putRecord = (i: number, size: number): JournalRecord =>
  outcomeOf(i, "create", urnOf(`r${i}`), [
    { put: stateOf(urnOf(`r${i}`), { inputs: { text: "x".repeat(size) } }), order: i },
  ]);

describe("the file", () => {
  test("only its owner can read it, its folder and what SQLite puts beside it", async () => {
    const store = await openStore();
    const run = await store.beginRun(start);
    await run.append([putRecord(0, 10)]);
    expect((await stat(join(folder, "state"))).mode & 0o777).toBe(0o700);
    const names = await readdir(join(folder, "state"));
    expect(names.sort()).toEqual(["state.db", "state.db-shm", "state.db-wal"]);
    for (const name of names)
      expect((await stat(join(folder, "state", name))).mode & 0o777, name).toBe(0o600);
    await run.finish("succeeded");
    await closeAll();
    expect(await readdir(join(folder, "state"))).toEqual(["state.db"]);
  });

  test("a commit is synced to disk: WAL with synchronous = FULL", async () => {
    const database = await openDatabase(path, "0.0.0", true);
    const pragma = async (name: string) =>
      (await sql.raw(`pragma ${name}`).execute(database?.db as Db)).rows[0];
    expect(await pragma("journal_mode")).toEqual({ journal_mode: "wal" });
    // 2 is FULL: https://www.sqlite.org/pragma.html#pragma_synchronous
    expect(await pragma("synchronous")).toEqual({ synchronous: 2 });
    await database?.close();
  });

  test.each([
    ["text", "this is not a database, but somebody's notes, long enough for a header".repeat(3)],
    ["nothing at all", ""],
    ["something short", "SQLite format 3\0"],
  ])("a file with %s is refused and left as it is", async (_, content) => {
    await mkdir(join(folder, "state"));
    await writeFile(path, content);
    const backend = await openSqliteBackend(path);
    for (const call of [
      backend.listStacks(),
      backend.createStack(project, stack),
      backend.openStack(project, stack, crypter),
    ]) {
      const failure = await failureOf(call);
      expect(failure.reason).toBe("state-invalid");
      expect(failure.message).toContain(path);
    }
    expect(await readFile(path, "utf8")).toBe(content);
    expect(await readdir(join(folder, "state"))).toEqual(["state.db"]);
  });

  test("another application's SQLite database is refused and left as it is", async () => {
    await mkdir(join(folder, "state"));
    const other = new DatabaseSync(path);
    other.exec("create table bookmarks (url text)");
    other.close();
    const before = await readFile(path);
    const failure = await failureOf((await openSqliteBackend(path)).createStack(project, stack));
    expect(failure).toMatchObject({
      reason: "state-invalid",
      found: "a SQLite database of another application",
    });
    expect(await readFile(path)).toEqual(before);
  });

  test("a folder in its place is refused", async () => {
    await mkdir(path, { recursive: true });
    expect(await failureOf((await openSqliteBackend(path)).listStacks())).toMatchObject({
      reason: "state-invalid",
    });
  });

  test("a damaged one is refused with its path, not overwritten", async () => {
    const store = await openStore();
    const run = await store.beginRun(start);
    await run.append(Array.from({ length: 200 }, (_, i) => putRecord(i, 2_000)));
    await run.finish("succeeded");
    await closeAll();
    const bytes = await readFile(path);
    bytes.fill(0xa5, 4096, bytes.length - 4096);
    await writeFile(path, bytes);
    const failure = await failureOf(openStore().then((damaged) => damaged.snapshot()));
    expect(failure.reason).toBe("state-invalid");
    expect(failure.message).toContain(path);
    expect((await readFile(path)).equals(bytes)).toBe(true);
  });

  test("a truncated one is refused, not taken for an empty one", async () => {
    const store = await openStore();
    const run = await store.beginRun(start);
    await run.append(Array.from({ length: 200 }, (_, i) => putRecord(i, 2_000)));
    await run.finish("succeeded");
    await closeAll();
    await truncate(path, 8192);
    const failure = await failureOf(openStore().then((damaged) => damaged.snapshot()));
    expect(failure.reason).toBe("state-invalid");
    expect((await stat(path)).size).toBe(8192);
  });

  test("a copy of the files at any moment of a run is a database with all that was acknowledged", async () => {
    const store = await openStore();
    const run = await store.beginRun(start);
    for (let i = 0; i < 5; i++) {
      await run.append([putRecord(i, 500)]);
      const copy = join(folder, `copy-${i}`);
      await mkdir(copy);
      // As after a power cut: the database and its log, without what is only in memory.
      for (const suffix of ["", "-wal"]) await copyFile(path + suffix, join(copy, `state.db${suffix}`));
      const restored = await openStore(join(copy, "state.db"));
      expect((await restored.snapshot()).resources).toHaveLength(i + 1);
    }
    await run.finish("succeeded");
  });

  test("a write that SQLite refuses in the middle of a run ends the run, and nothing of it stays", async () => {
    const store = await openStore();
    const run = await store.beginRun(start);
    await run.append([putRecord(0, 10)]);
    const database = new DatabaseSync(path);
    database.exec("create trigger frozen before insert on journal begin select raise(abort, 'frozen'); end");
    database.close();
    const failure = await failureOf(run.append([putRecord(1, 10)]));
    expect(failure.message).toContain(path);
    expect((await store.snapshot()).resources).toHaveLength(1);
    expect(await failureOf(run.append([putRecord(2, 10)]))).toEqual(failure);
  });
});

test.skipIf(process.getuid?.() === 0)(
  "a file without write permission: reading works, writing says why not",
  async () => {
    const store = await openStore();
    await (await store.beginRun(start)).finish("succeeded");
    await closeAll();
    await chmod(path, 0o400);
    const readonly = await openStore();
    expect(await readonly.runs()).toHaveLength(1);
    expect((await failureOf(readonly.beginRun(start))).reason).toBe("backend-error");
  },
);

describe("leases", () => {
  const timing = { renewMs: 40, ttlMs: 200 };
  const lease = (change: string): void => {
    const database = new DatabaseSync(path);
    database.exec(`update leases set ${change}`);
    database.close();
  };
  /** A run of a holder on another machine: nothing but its row. */
  async function foreignRun(change: string): Promise<void> {
    const store = await openStore(path, { leaseTiming: timing });
    await store.beginRun(start);
    const database = new DatabaseSync(path);
    const row = database.prepare("select * from leases").get() as Record<string, string | number>;
    database.close();
    await closeAll();
    const again = new DatabaseSync(path);
    const columns = Object.keys(row);
    again
      .prepare(`insert into leases (${columns.join()}) values (${columns.map(() => "?").join()})`)
      .run(...Object.values(row));
    again.close();
    lease(`host = 'elsewhere/boot/ns', ${change}`);
  }

  test("a holder on another machine that renewed just now is respected", async () => {
    await foreignRun(`renewed_at = ${Date.now() + 50}, ttl_ms = 60000`);
    const store = await openStore(path, { leaseTiming: timing });
    const failure = await failureOf(store.beginRun(start));
    expect(failure).toMatchObject({ reason: "state-locked" });
    expect(failure.message).toContain("elsewhere");
  });

  test("one that stopped renewing loses its lease, and its run is marked interrupted", async () => {
    await foreignRun(`renewed_at = ${Date.now() - 10_000}`);
    const store = await openStore(path, { leaseTiming: timing });
    const run = await store.beginRun(start);
    expect(await store.runs()).toMatchObject([{ id: run.id }, { outcome: "interrupted" }]);
    await run.finish("succeeded");
  });

  test.each([
    ["forward, so that a live holder looks expired", -3_600_000],
    ["back, so that it renewed in the future", 3_600_000],
  ])("a clock that was set %s does not break the lease of a holder that still counts", async (_, shift) => {
    await foreignRun(`renewed_at = ${Date.now() + shift}`);
    const beating = setInterval(() => lease("beat = beat + 1"), 20);
    try {
      const store = await openStore(path, { leaseTiming: timing });
      expect((await failureOf(store.beginRun(start))).reason).toBe("state-locked");
    } finally {
      clearInterval(beating);
    }
  });

  test("a live process on this machine keeps its lease whatever the clock says", async () => {
    const store = await openStore(path, { leaseTiming: timing });
    const run = await store.beginRun(start);
    lease("renewed_at = 0, beat = 0");
    expect((await failureOf((await openStore(path)).beginRun(start))).reason).toBe("state-locked");
    await run.append([putRecord(0, 10)]);
    await run.finish("succeeded");
  });

  test("a pid that now belongs to another process does not hold a lock", async () => {
    await foreignRun("pid = 1");
    lease(`host = '${hostIdentity()}', process_start = '12345678901', renewed_at = ${Date.now()}`);
    const store = await openStore(path);
    await (await store.beginRun(start)).finish("succeeded");
  });

  test.skipIf(process.platform !== "linux")(
    "a process that ended and that nobody waited for holds no lock",
    async () => {
      // The shell becomes `sleep`, which does not know of its child: a zombie, as in containers without an init.
      const parent = spawn("sh", ["-c", "sleep 0.5 & echo $!; exec sleep 30"], {
        stdio: ["ignore", "pipe", "ignore"],
      });
      try {
        const [line] = await once(parent.stdout, "data");
        const pid = Number(String(line));
        expect(isAlive(parent.pid as number, processStart(parent.pid as number))).toBe(true);
        await vi.waitFor(() => expect(isAlive(pid, "")).toBe(false), { timeout: 5_000 });
        expect(() => process.kill(pid, 0)).not.toThrow();
      } finally {
        parent.kill("SIGKILL");
      }
    },
  );

  test("a run whose end could not be written does not lock this process out", async () => {
    const store = await openStore();
    const run = await store.beginRun(start);
    const database = new DatabaseSync(path);
    database.exec("create trigger stuck before update on runs begin select raise(abort, 'stuck'); end");
    expect((await failureOf(run.finish("succeeded"))).message).toContain(path);
    database.exec("drop trigger stuck");
    database.close();
    const next = await store.beginRun(start);
    expect(await store.runs()).toMatchObject([{ id: next.id }, { id: run.id, outcome: "interrupted" }]);
    await next.finish("succeeded");
  });

  test("it is renewed while the run lasts", async () => {
    const store = await openStore(path, { leaseTiming: timing });
    const run = await store.beginRun(start);
    const beat = () => {
      const database = new DatabaseSync(path, { readOnly: true });
      const row = database.prepare("select beat from leases").get() as { beat: number } | undefined;
      database.close();
      return row?.beat;
    };
    await vi.waitFor(() => expect(beat()).toBeGreaterThan(1), { timeout: 5_000, interval: 20 });
    await run.finish("succeeded");
    expect(beat()).toBeUndefined();
  });

  test("a holder that was taken over can't write any more, and leaves the new holder's lock alone", async () => {
    const store = await openStore();
    const late = await store.beginRun(start);
    await late.append([intentOf(0, "create", urnOf("late"))]);
    lease("token = 'somebody else', run_id = 99");
    const failure = await failureOf(late.append([putRecord(0, 10)]));
    expect(failure.reason).toBe("state-locked");
    expect((await store.snapshot()).resources).toEqual([]);
    await late.finish("succeeded");
    const database = new DatabaseSync(path);
    expect(database.prepare("select token from leases").all()).toEqual([{ token: "somebody else" }]);
    database.close();
  });

  test("a row that somebody edited into something else is named", async () => {
    const store = await openStore();
    const run = await store.beginRun(start);
    await run.append([putRecord(0, 10)]);
    await run.finish("succeeded");
    const database = new DatabaseSync(path);
    database.exec("update resources set body = substr(body, 1, 20)");
    database.close();
    const failure = await failureOf(store.snapshot());
    expect(failure).toMatchObject({ reason: "state-invalid" });
    expect(failure.message).toContain(urnOf("r0"));
  });
});

/** Mounting needs root on Linux; without it these tests are skipped, and say so. */
const mountable = (() => {
  const probe = join(tmpdir(), `orch-mount-${process.pid}`);
  try {
    execFileSync("mkdir", ["-p", probe]);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe], { stdio: "ignore" });
    execFileSync("umount", [probe]);
    return true;
  } catch {
    return false;
  } finally {
    execFileSync("rmdir", [probe]);
  }
})();

describe.skipIf(!mountable)(
  `a disk of its own${mountable ? "" : " (skipped: mounting a tmpfs needs root)"}`,
  () => {
    let disk: string;
    beforeEach(async () => {
      disk = join(folder, "disk");
      await mkdir(disk);
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=2m", "tmpfs", disk]);
      path = join(disk, "state.db");
    });
    afterEach(async () => {
      await closeAll();
      execFileSync("umount", [disk]);
    });

    test("that is full: all that wait are told, nothing is half-written, and it goes on once there is space", async () => {
      const store = await openStore();
      const ballast = join(disk, "ballast");
      await writeFile(ballast, Buffer.alloc(1_000_000));
      const run = await store.beginRun(start);
      await run.append([intentOf(0, "create", urnOf("begun"))]);

      const acknowledged: number[] = [];
      const failures: unknown[] = [];
      for (let i = 1; failures.length === 0 && i < 10_000; i += 20) {
        await Promise.allSettled(
          Array.from({ length: 20 }, (_, j) =>
            run.append([putRecord(i + j, 2_000)]).then(
              () => acknowledged.push(i + j),
              (error) => failures.push(error),
            ),
          ),
        );
      }
      expect(failures).toHaveLength(20);
      for (const failure of failures) {
        expect((failure as OrchError).failure).toMatchObject({ reason: "disk-full" });
        expect((failure as OrchError).failure.message).toContain(path);
      }
      expect((await failureOf(run.append([putRecord(1, 1)]))).reason).toBe("disk-full");
      expect((await store.snapshot()).resources.map((row) => row.name)).toEqual(
        acknowledged.map((i) => `r${i}`),
      );

      await rm(ballast);
      await run.finish("failed");
      await closeAll();
      const after = await openStore();
      const snapshot = await after.snapshot();
      expect(snapshot.resources.map((row) => row.name)).toEqual(acknowledged.map((i) => `r${i}`));
      expect(snapshot.unfinished).toEqual([{ runId: run.id, intent: intentOf(0, "create", urnOf("begun")) }]);
      const next = await after.beginRun(start);
      await next.append([putRecord(10_001, 2_000)]);
      await next.finish("succeeded");
    });

    test("that has no room for a database at all: a clear failure, and no half of one", async () => {
      await writeFile(join(disk, "ballast"), Buffer.alloc(2 * 1024 * 1024 - 8192));
      const failure = await failureOf(openStore());
      expect(failure.reason).toBe("disk-full");
      expect(await readdir(disk)).toEqual(["ballast"]);
    });

    test("that is read-only: reading works, writing says why not", async () => {
      const store = await openStore();
      const run = await store.beginRun(start);
      await run.append([putRecord(0, 10)]);
      await run.finish("succeeded");
      await closeAll();
      execFileSync("mount", ["-o", "remount,ro", disk]);
      const readonly = await openStore();
      expect((await readonly.snapshot()).resources).toHaveLength(1);
      expect(await readonly.runs()).toHaveLength(1);
      const failure = await failureOf(readonly.beginRun(start));
      expect(failure.reason).toBe("backend-error");
      expect(failure.message).toContain("read-only");
      expect(failure.message).toContain(path);
      expect((await failureOf((opened[0] as Backend).createStack(project, "second"))).reason).toBe(
        "backend-error",
      );
    });
  },
);
