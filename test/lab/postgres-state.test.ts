/** State in PostgreSQL through the real command line. */
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { OrchError } from "@orch/core/model/failure";
import { canonical } from "@orch/core/state/archive/format";
import { createCrypter } from "@orch/core/state/crypter";
import { openPostgresBackend } from "@orch/core/state/postgres";
import { openSqliteBackend } from "@orch/core/state/sqlite";
import { afterAll, beforeAll, expect, test } from "vitest";
import { intentOf, key, outcomeOf, project, stack, stateOf, urnOf } from "../conformance/backend-fixtures.js";
import { compile, startChild } from "../conformance/child.js";
import { type LabPostgres, startPostgres } from "./postgres.js";
import { describeLab } from "./requirements.js";
import { type LabStack, labStack } from "./stack.js";

describeLab("State in PostgreSQL, through the command line", ["postgres"], () => {
  let server: LabPostgres;
  let work: LabStack;
  let url: string;
  let calls: string;
  const printed: string[] = [];
  const orch = async (...args: string[]) => {
    const run = await work.succeed(...args);
    printed.push(run.all);
    return run;
  };

  beforeAll(async () => {
    server = await startPostgres();
    const database = await server.createDatabase();
    url = server.url(database, { user: server.user });
    env = { PGPASSWORD: server.password };
    work = labStack("postgres-state", env);
    calls = join(work.root, "calls");
    env.CALLS = calls;
  });
  afterAll(async () => {
    work?.remove();
    await server?.remove();
  });
  let env: Record<string, string>;
  const called = () => (existsSync(calls) ? readFileSync(calls, "utf8").trim().split("\n") : []);

  test("an apply during which the server crashes and comes back succeeds, and makes nothing twice", async () => {
    await orch("login", url);
    expect(statSync(join(work.home, ".config", "orch", "login.json")).mode & 0o777).toBe(0o600);
    await orch("stack", "init", "dev");
    await orch("config", "set", "word", "--secret", "xyzzy");
    const applying = work.orch("apply", "--yes");
    while (called().length < 6) await sleep(20);
    await server.stop("immediate");
    await sleep(1_000);
    await server.start();
    const run = await applying;
    printed.push(run.all);
    expect(run.code, run.all).toBe(0);
    expect(run.stderr).toContain("does not answer any more");
    expect(run.stderr).toContain("answers again");
    expect(called()).toHaveLength(30);
    expect(new Set(called()).size).toBe(30);
    expect((await orch("plan", "--detailed-exitcode")).code).toBe(0);
  });

  test("doctor tells when this machine's clock is not the server's", async () => {
    const clock = async (shift: number) => {
      const file = join(work.root, "clock.cjs");
      writeFileSync(file, `const now = Date.now; Date.now = () => now() + ${shift};`);
      env.NODE_OPTIONS = `--require=${file}`;
      const { code, stdout } = await work.orch("doctor", "--json").finally(() => delete env.NODE_OPTIONS);
      const { checks } = JSON.parse(stdout) as {
        checks: { name: string; status: string; message: string }[];
      };
      return { code, ...checks.find(({ name }) => name === "clock") };
    };
    expect(await clock(0)).toMatchObject({
      code: 0,
      status: "ok",
      message: expect.stringMatching(/^within \d s of the backend's$/),
    });
    expect(await clock(12_000)).toMatchObject({ code: 0, status: "warn" });
    expect(await clock(-3_600_000)).toMatchObject({
      ...{ code: 1, status: "fail" },
      message: expect.stringMatching(/clock is (?:1 h|60 min|59 min).* behind the backend's/),
    });
  });

  test("moves to a file and back, with its history; the file is of use only where its key is", async () => {
    const before = JSON.parse((await orch("history", "--json")).stdout);
    const file = join(work.root, "dev.state.json");
    await orch("state", "pull", file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).not.toContain("xyzzy");
    await orch("state", "migrate", "--to", "sqlite:.orch/state.db");
    expect((await work.orch("plan")).all).toContain("stack-unknown");
    await orch("logout");
    expect((await orch("whoami")).stdout).toContain("SQLite .orch/state.db");
    expect(JSON.parse((await orch("history", "--json")).stdout)).toEqual(before);
    expect((await orch("plan", "--detailed-exitcode")).code).toBe(0);
    expect((await orch("stack", "output", "secret", "--show-secrets")).stdout).toContain("xyzzy");

    await orch("state", "migrate", "--to", url);
    await orch("login", url);
    expect(JSON.parse((await orch("history", "--json")).stdout)).toEqual(before);
    await orch("state", "push", file);
    const text = readFileSync(file, "utf8");
    writeFileSync(file, text.slice(0, -10));
    const cut = await work.orch("state", "push", file);
    expect(cut.code).toBe(1);
    expect(cut.all).toContain("is cut short");
    expect((await orch("plan", "--detailed-exitcode")).code).toBe(0);
  });

  test("to the same place under another name is refused, and the stack is still there", async () => {
    const same = url.replace("127.0.0.1", "localhost");
    const refused = await work.orch("state", "migrate", "--to", same);
    expect(refused.code).toBe(1);
    expect(refused.all).toContain("names the backend that the stack is in already");
    expect((await orch("plan", "--detailed-exitcode")).code).toBe(0);
  });

  test("a URL with a password is refused, and the password is nowhere", async () => {
    const withPassword = url.replace("postgres@", `postgres:${server.password}@`);
    for (const command of [
      ["login", withPassword],
      ["state", "migrate", "--to", withPassword],
    ]) {
      const refused = await work.orch(...command);
      expect(refused.code).toBe(64);
      printed.push(refused.all);
    }
    expect(printed.join("\n")).not.toContain(server.password);
    expect(work.filesWith(server.password)).toEqual([]);
  });

  test("killed at any time while it moves, the stack is in the old place, in both alike, or in the new one", async () => {
    const script = await compile(`
      import { openPostgresBackend } from "@orch/core/state/postgres";
      import { openSqliteBackend } from "@orch/core/state/sqlite";
      const [from, to] = JSON.parse(process.argv[3]);
      const source = await openSqliteBackend(from);
      const target = await openPostgresBackend(to);
      // As migrateStack does it, which a project is needed for.
      console.log("1");
      const archive = await source.exportStack("${project}", "${stack}", { quiet: true });
      await target.importStack(archive);
      await target.exportStack("${project}", "${stack}");
      await source.removeStack("${project}", "${stack}", true, archive);
      console.log("2");
      await source.close();
      await target.close();`);
    const outcomes = new Set<string>();
    for (let attempt = 0; attempt < 12; attempt++) {
      const path = join(work.root, `kill${attempt}.db`);
      const to = `${server.url()}?schema=kill${attempt}`;
      const source = await openSqliteBackend(path);
      await source.createStack(project, stack);
      const store = await source.openStack(project, stack, createCrypter(key));
      const run = await store.beginRun({ kind: "apply", startedAt: 1, who: "x" });
      for (let i = 0; i < 300; i++) {
        await run.append([
          outcomeOf(i, "create", urnOf(`r${i}`), [{ put: stateOf(urnOf(`r${i}`)), order: i }]),
        ]);
      }
      await run.append([intentOf(900, "create", urnOf("begun"))]);
      await run.finish("interrupted");
      const whole = canonical(await source.exportStack(project, stack));
      const child = startChild(script, "try", JSON.stringify([path, to]));
      await child.next();
      await sleep(attempt * 40);
      child.process.kill("SIGKILL");
      await child.ended;
      const target = await openPostgresBackend(to);
      const there = await Promise.all(
        [source, target].map((backend) =>
          backend.exportStack(project, stack).then(canonical, (error: unknown) => {
            if (error instanceof OrchError && error.failure.reason === "stack-unknown") return undefined;
            throw error;
          }),
        ),
      );
      expect(there.filter((one) => one !== undefined && one !== whole)).toEqual([]);
      expect(there.some((one) => one === whole)).toBe(true);
      outcomes.add(there.map((one) => (one === undefined ? "-" : "x")).join(""));
      await source.close();
      await target.close();
    }
    // It was killed early enough at least once.
    expect(outcomes).toContain("x-");
  });
});
