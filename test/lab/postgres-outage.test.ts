import { setTimeout as sleep } from "node:timers/promises";
import { type Failure, OrchError } from "@orch/core/model/failure";
import type { Backend, Run, StackStore } from "@orch/core/state/contract";
import { createCrypter } from "@orch/core/state/crypter";
import { openPostgresBackend, type PostgresOptions } from "@orch/core/state/postgres";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { intentOf, key, outcomeOf, project, stack, stateOf, urnOf } from "../conformance/backend-fixtures.js";
import { type LabPostgres, startPostgres } from "./postgres.js";
import { type PostgresProxy, startProxy } from "./postgres-proxy.js";
import { describeLab } from "./requirements.js";

const crypter = createCrypter(key);
const start = { kind: "apply", startedAt: 1, who: "me@test" } as const;

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => expect.fail("it should have failed"),
    (thrown: unknown) => thrown,
  );
  if (error instanceof OrchError) return error.failure;
  throw error;
}

describeLab("PostgreSQL goes away while a run writes", ["postgres"], () => {
  let server: LabPostgres;
  let proxy: PostgresProxy;
  let database: string;
  let notices: string[];
  let opened: Backend[];

  beforeAll(async () => {
    server = await startPostgres();
    proxy = await startProxy(server.port);
  });
  afterAll(async () => {
    await proxy?.close();
    await server?.remove();
  });
  beforeEach(async () => {
    await server.start();
    database = await server.createDatabase();
    notices = [];
    opened = [];
  });
  afterEach(async () => {
    for (const backend of opened) await backend.close();
  });

  async function openStore(options: PostgresOptions & { readonly port?: number } = {}): Promise<StackStore> {
    const url = server.url(database).replace(`:${server.port}/`, `:${options.port ?? server.port}/`);
    const backend = await openPostgresBackend(url, { notice: (text) => notices.push(text), ...options });
    opened.push(backend);
    if ((await backend.listStacks()).length === 0) await backend.createStack(project, stack);
    return backend.openStack(project, stack, crypter);
  }
  const begin = (run: Run, n: number) => run.append([intentOf(n, "create", urnOf(`r${n}`))]);
  const end = (run: Run, n: number) =>
    run.append([outcomeOf(n, "create", urnOf(`r${n}`), [{ put: stateOf(urnOf(`r${n}`)), order: n }])]);
  const journal = () => server.sql("select kind, step from orch.journal order by id", database);
  const serial = async () => Number(await server.sql("select serial from orch.stacks", database));

  test("crashed and started again: the run waits, says so, and goes on; everything is there once", async () => {
    const store = await openStore();
    const run = await store.beginRun(start);
    await begin(run, 0);
    await server.stop("immediate");
    const appended = end(run, 0);
    while (notices.length === 0) await sleep(10);
    await server.start();
    await appended;
    await begin(run, 1);
    await end(run, 1);
    await run.finish("succeeded");
    expect((await store.snapshot()).resources.map(({ name }) => name)).toEqual(["r0", "r1"]);
    expect(await journal()).toBe("intent|0\noutcome|0\nintent|1\noutcome|1");
    expect(notices[0]).toMatch(
      /^PostgreSQL postgres@127\.0\.0\.1:\d+\/\S+ does not answer any more \(.+\)\. Waiting up to 60 s for it to come back\.$/,
    );
    expect(notices[1]).toMatch(/ answers again, after \d+ s\.$/);
    expect(notices).toHaveLength(2);
    expect(notices.join()).not.toContain(server.password);
  });

  test("restarted again and again while many steps end: each is recorded once, and the run succeeds", async () => {
    const store = await openStore();
    const run = await store.beginRun(start);
    const count = 150;
    let done = 0;
    const work = Promise.all(
      [0, 1, 2].map(async (lane) => {
        for (let n = lane; n < count; n += 3) {
          await begin(run, n);
          await end(run, n);
          done++;
        }
      }),
    );
    for (const mode of ["immediate", "fast", "immediate"] as const) {
      const target = done + 20;
      while (done < target && done < count) await sleep(1);
      await server.stop(mode);
      await server.start();
    }
    for (let i = 0; i < 10 && done < count; i++) await server.cutConnections();
    await work;
    await run.finish("succeeded");
    expect((await store.snapshot()).resources).toHaveLength(count);
    expect(
      await server.sql(
        "select kind, count(*), count(distinct step) from orch.journal group by 1 order by 1",
        database,
      ),
    ).toBe(`intent|${count}|${count}\noutcome|${count}|${count}`);
    expect(await store.runs()).toMatchObject([{ outcome: "succeeded", done: count, failed: 0 }]);
  });

  test.each(["unsent", "unanswered"] as const)(
    "a commit that is %s when the connection breaks takes place once",
    async (mischief) => {
      const store = await openStore({ port: proxy.port });
      const run = await store.beginRun(start);
      await begin(run, 0);
      const before = [proxy.happened(), await serial()] as const;
      proxy.next(mischief);
      await end(run, 0);
      expect(proxy.happened()).toBe(before[0] + 1);
      expect(await serial()).toBe(before[1] + 1);
      expect(await journal()).toBe("intent|0\noutcome|0");
      proxy.next(mischief);
      await run.finish("succeeded");
      expect(await store.runs()).toMatchObject([{ outcome: "succeeded" }]);
      expect(await server.sql("select count(*) from orch.leases", database)).toBe("0");
    },
  );

  test.each(["unsent", "unanswered"] as const)("so does the beginning of a run: %s", async (mischief) => {
    const store = await openStore({ port: proxy.port });
    proxy.next(mischief);
    const run = await store.beginRun(start);
    await begin(run, 0);
    await run.finish("succeeded");
    expect(await store.runs()).toMatchObject([{ id: run.id, outcome: "succeeded" }]);
    expect(await store.runs()).toHaveLength(1);
  });

  test("a connection that stands and says nothing counts as lost", async () => {
    const store = await openStore({ port: proxy.port, patience: { silenceMs: 500 } });
    const run = await store.beginRun(start);
    proxy.next("silent");
    await begin(run, 0);
    await run.finish("succeeded");
    expect(await journal()).toBe("intent|0");
  });

  test("gone for good: the run ends with a clear failure, and what it had begun is there to be resolved", async () => {
    const store = await openStore({ patience: { outageMs: 500 } });
    const run = await store.beginRun(start);
    await begin(run, 0);
    await end(run, 0);
    await begin(run, 1);
    await server.stop("fast");
    const failure = await failureOf(end(run, 1));
    expect(failure).toMatchObject({
      reason: "backend-error",
      message: expect.stringMatching(/^PostgreSQL .* went away and did not come back within 1 s\.$/),
      next: [expect.stringContaining("what was finished before is recorded")],
    });
    // Nobody waits once more for what has been given up.
    const again = performance.now();
    expect((await failureOf(begin(run, 2))).reason).toBe("backend-error");
    expect((await failureOf(run.finish("failed"))).reason).toBe("backend-error");
    expect(performance.now() - again).toBeLessThan(400);
    expect(JSON.stringify(failure)).not.toContain(server.password);

    await server.start();
    const next = await openStore();
    const snapshot = await next.snapshot();
    expect(snapshot.resources.map(({ name }) => name)).toEqual(["r0"]);
    expect(snapshot.unfinished).toMatchObject([{ runId: run.id, intent: { step: 1 } }]);
    const second = await next.beginRun(start);
    await second.finish("succeeded");
    expect((await next.runs()).map(({ outcome }) => outcome)).toEqual(["succeeded", "interrupted"]);
  });

  test("a transaction that another run has ended meanwhile is not done again", async () => {
    const store = await openStore({ port: proxy.port });
    const run = await store.beginRun(start);
    await server.sql("delete from orch.leases", database);
    proxy.next("unsent");
    expect(await failureOf(begin(run, 0))).toMatchObject({ reason: "state-locked" });
    expect(await journal()).toBe("");
  });

  test("a server that comes back without what it had acknowledged is told, and nothing is written to it", async () => {
    const store = await openStore({ port: proxy.port });
    const run = await store.beginRun(start);
    await begin(run, 0);
    // As a standby that was behind: the mark of the newest transaction is not there.
    await server.sql("update orch.writers set number = number - 1", database);
    proxy.next("unsent");
    expect(await failureOf(begin(run, 1))).toMatchObject({
      reason: "backend-error",
      message: expect.stringContaining("has lost what it had acknowledged"),
    });
    expect(await journal()).toBe("intent|0");
  });
});
