/** Other ends than SIGKILL: the power goes, another process comes, a person presses Ctrl-C once and twice. */
import { execFileSync, spawnSync } from "node:child_process";
import { readFileSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Report, Task } from "./child.js";
import { type Baseline, compileChild, Lane, type Outcome, summarize } from "./world.js";

const full = process.env.ORCH_CRASH === "full";
let lane: Lane;
let first: Baseline;
let expected: Outcome;
let boundaries = 0;
beforeAll(async () => {
  lane = await Lane.open(await compileChild());
  first = (await lane.baseline(undefined, 1)).at;
  const { at, report } = await lane.baseline(first, 2);
  expected = summarize(report, at.objects);
  boundaries = report.boundaries;
}, 60_000);
afterAll(() => lane.close());

test("the power is cut: what was acknowledged is there, and what was not may be lost whole or torn", {
  timeout: 900_000,
}, async () => {
  const cases = full ? 24 : 3;
  let tried = 0;
  for (let i = 1; i <= cases; i++) {
    const boundary = Math.floor((boundaries * i) / (cases + 1));
    const dir = await lane.prepare(first);
    const acknowledged = join(dir, "acknowledged");
    const { signal } = await lane.start({ dir, version: 2, kill: { boundary, when: "after" }, acknowledged })
      .ended;
    expect(signal).toBe("SIGKILL");
    await lane.store.idle();
    const objects = await lane.store.all();
    const kept = Number(readFileSync(acknowledged, "utf8"));
    const log = readFileSync(join(dir, "state.db-wal"));
    const tail = log.length - kept;
    for (const [how, cut] of Object.entries<(path: string) => void>({
      "nothing of it reached the disk": (path) => truncateSync(path, kept),
      "half of it did": (path) => truncateSync(path, kept + Math.floor(tail / 2)),
      "pages of it did in another order": (path) => {
        const torn = Buffer.from(log);
        torn.fill(0, kept, kept + Math.floor(tail / 3));
        writeFileSync(path, torn);
      },
    })) {
      // Only what is on the disk comes back; the shared memory does not.
      const after = await lane.prepare({ dir, objects });
      rmSync(join(after, "state.db-shm"), { force: true });
      cut(join(after, "state.db-wal"));
      await lane.resume(after, 2, expected).catch((error: unknown) => {
        throw new Error(`boundary ${boundary}, ${how}: ${(error as Error).message}`, { cause: error });
      });
      tried++;
    }
  }
  console.log(`power cuts: ${tried} cases`);
});

const strace = spawnSync("strace", ["-V"]).status === 0;
test.skipIf(!strace)("every acknowledgement comes after the log was synced", async () => {
  const dir = await lane.prepare(first);
  const trace = join(dir, "trace");
  const task: Task = { dir, version: 2, port: lane.store.port, acknowledged: join(dir, "acknowledged") };
  execFileSync("strace", [
    "-f",
    "-y",
    "-e",
    "trace=openat,pwrite64,fdatasync,fsync",
    "-o",
    trace,
    process.execPath,
    lane.child,
    JSON.stringify(task),
  ]);
  let unsynced = 0;
  let seen = 0;
  for (const line of readFileSync(trace, "utf8").split("\n")) {
    if (/pwrite64\(\d+<[^>]*-wal>/.test(line)) unsynced++;
    else if (/(fdatasync|fsync)\(\d+<[^>]*-wal>/.test(line)) unsynced = 0;
    else if (line.includes("/acknowledged")) {
      expect(unsynced).toBe(0);
      seen++;
    }
  }
  expect(seen).toBeGreaterThan(100);
  await lane.resume(dir, 2, expected);
});

test("a second process waits for the first one, finds its plan stale, and nothing is mixed up", async () => {
  const dir = await lane.prepare(first);
  const one = lane.start({ dir, version: 2, slow: 300, lines: true });
  await one.line("started create");
  const two = await lane.run({ dir, version: 2 });
  expect(two.outcome).toBeUndefined();
  expect(two.failures).toMatchObject([{ reason: "plan-stale" }]);
  const { report } = await one.ended;
  expect(report).toMatchObject({ outcome: "succeeded", failures: [], left: 0 });
  await lane.resume(dir, 2, expected);
});

test("a process that waits goes on when the one before it is killed, and looks after what that left", async () => {
  const dir = await lane.prepare(first);
  const one = lane.start({ dir, version: 2, slow: 3_000, lines: true });
  await one.line("started create");
  const two = lane.start({ dir, version: 2, lines: true });
  await two.line("waiting");
  one.process.kill("SIGKILL");
  await one.ended;
  const { report } = await two.ended;
  // What it had planned was begun by the other one.
  expect(report?.failures).toMatchObject([{ reason: "plan-stale" }]);
  expect(report?.open).toEqual([]);
  await lane.resume(dir, 2, expected);
});

test("two processes resume at once: one does it, the other is turned away or finds it done", async () => {
  const dir = await lane.prepare(first);
  await lane.store.kill({ effect: 30, when: "done" });
  expect((await lane.start({ dir, version: 2 }).ended).signal).toBe("SIGKILL");
  const both = await Promise.all([lane.run({ dir, version: 2 }), lane.run({ dir, version: 2 })]);
  const refused = ["state-locked", "plan-stale", "unfinished-steps"];
  for (const { failures } of both) for (const { reason } of failures) expect(refused).toContain(reason);
  await lane.resume(dir, 2, expected);
});

test("Ctrl-C: what runs is finished, nothing is left open", async () => {
  const dir = await lane.prepare(first);
  const run = lane.start({ dir, version: 2, slow: 300, lines: true });
  await run.line("store:index:Slow");
  run.process.kill("SIGINT");
  const { report } = await run.ended;
  expect(report).toMatchObject({ outcome: "interrupted", open: [] });
  expect((await lane.store.all()).length).toBe(
    report?.rows.filter(({ id, type }) => id !== undefined && type.startsWith("store:index:")).length,
  );
  await lane.resume(dir, 2, expected);
});

test("Ctrl-C twice: what runs is cancelled, and the next run finds out what became of it", async () => {
  const dir = await lane.prepare(first);
  const run = lane.start({ dir, version: 2, slow: 1_000, lines: true });
  await run.line("store:index:Slow");
  run.process.kill("SIGINT");
  await run.line("interrupted");
  run.process.kill("SIGINT");
  const { report } = await run.ended;
  expect(report?.outcome).toBe("interrupted");
  expect(report?.open.length).toBeGreaterThan(0);
  await lane.resume(dir, 2, expected);
});

test("the clock was set back by a day when the next run comes", async () => {
  const dir = await lane.prepare(first);
  await lane.store.kill({ effect: 20, when: "done" });
  expect((await lane.start({ dir, version: 2 }).ended).signal).toBe("SIGKILL");
  const report = await lane.run({ dir, version: 2, clock: -86_400_000, resume: true });
  expect(report.settled.length + report.open.length).toBeGreaterThan(0);
  await lane.resume(dir, 2, expected);
});

test("a full disk: the run stops at once, and what was begun is resolved when there is room again", async () => {
  const dir = await lane.prepare(first);
  // No file may grow beyond 200 KiB: SQLite sees the same as on a full disk, a write that fails.
  const task: Task = { dir, version: 2, port: lane.store.port };
  const ended = spawnSync(
    "bash",
    ["-c", 'ulimit -f 200; exec "$@"', "limited", process.execPath, lane.child, JSON.stringify(task)],
    {
      encoding: "utf8",
    },
  );
  expect(ended.stdout).toContain('"outcome":"failed"');
  await lane.resume(dir, 2, expected);
});

test.skipIf(!strace)(
  "the state turns read-only in the middle: the run says so, begins nothing more, and is taken up when it can be written again",
  {
    timeout: 900_000,
  },
  async () => {
    const moments = full ? [3, 10, 25, 50, 80, 120, 160] : [10, 60];
    for (const writes of moments) {
      const dir = await lane.prepare(first);
      const task: Task = { dir, version: 2, port: lane.store.port };
      // Every write to the log from the n-th on fails as on a disk that was mounted anew for reading only.
      const inject = [
        "-f",
        "-qq",
        "-o",
        "/dev/null",
        "-P",
        join(dir, "state.db-wal"),
        "-e",
        "trace=pwrite64",
      ];
      const ended = spawnSync(
        "strace",
        [
          ...inject,
          "-e",
          `inject=pwrite64:error=EROFS:when=${writes}+`,
          process.execPath,
          lane.child,
          JSON.stringify(task),
        ],
        { encoding: "utf8" },
      );
      const report = JSON.parse(ended.stdout) as Report;
      expect(report.outcome).not.toBe("succeeded");
      expect(report.failures.map(({ reason }) => reason)).toContain("backend-error");
      // What took place outside was begun in the journal, and what nobody knows the end of is open.
      const known = new Set(report.rows.map(({ id }) => id));
      const unknown = (await lane.store.all()).filter(({ id }) => !known.has(id));
      expect(unknown.length).toBeLessThanOrEqual(report.open.length);
      await lane.resume(dir, 2, expected);
    }
    console.log(`read-only states: ${moments.length} cases`);
  },
);
