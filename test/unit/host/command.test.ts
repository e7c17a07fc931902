import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Secret, unknown } from "@orch/core/model/value";
import { describe, expect, test } from "vitest";
import { failureOf, type Live, startHost, tempFolder } from "./kit.js";

const alive = (pid: number): boolean => {
  try {
    // A zombie that nobody has collected yet has ended as well.
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
};

describe("a command on this machine", () => {
  test("lives: create, read, drift, heal by update, delete", async () => {
    const host = await startHost();
    const folder = tempFolder();
    const flag = join(folder, "flag");
    const inputs = {
      create: `echo made > "$FLAG"; echo "made it"; echo aside >&2`,
      update: `echo "was: $ORCH_STDOUT"; echo made > "$FLAG"`,
      read: 'cat "$FLAG"',
      delete: 'rm "$FLAG"',
      environment: { FLAG: flag },
    };
    const made = await host.create("Command", inputs);
    expect(made.outputs).toEqual({
      stdout: "made it\n",
      stderr: "aside\n",
      exitCode: 0,
      observed: "made\n",
      expected: "made\n",
    });
    expect((await host.diff(made, inputs)).changes).toBe("none");

    writeFileSync(flag, "tampered\n");
    const drifted = (await host.read(made)) as Live;
    expect(drifted.outputs.observed).toBe("tampered\n");
    const diff = await host.diff(drifted, inputs);
    expect(diff).toMatchObject({ changes: "some", diffs: ["observed"], replaces: [] });

    const healed = await host.update(drifted, inputs);
    expect(healed.outputs).toMatchObject({
      stdout: "was: made it\n\n",
      observed: "made\n",
      expected: "made\n",
    });
    expect((await host.diff(healed, inputs)).changes).toBe("none");

    rmSync(flag);
    expect(await host.read(healed)).toBeUndefined();
    writeFileSync(flag, "");
    await host.delete(healed);
    expect(existsSync(flag)).toBe(false);
  });

  test("runs create again without update; only remembers a new delete; triggers replace", async () => {
    const host = await startHost();
    const log = join(tempFolder(), "log");
    const inputs = { create: `echo run >> ${log}; wc -l < ${log}`, triggers: [1, { a: 2 }] };
    const made = await host.create("Command", inputs);
    const quiet = await host.update(made, { ...inputs, delete: "true", timeout: 3 });
    expect(quiet.outputs).toEqual(made.outputs);
    const changed = await host.update(quiet, { ...inputs, environment: { X: 1 } });
    expect(String(changed.outputs.stdout).trim()).toBe("2");
    const diff = await host.diff(made, { ...inputs, triggers: [1, { a: 3 }] });
    expect(diff).toMatchObject({ replaces: ["triggers"], deleteBeforeReplace: true });
  });

  test("a preview knows outputs only when nothing runs", async () => {
    const host = await startHost();
    const inputs = { create: "echo a" };
    const made = await host.create("Command", inputs);
    const preview = async (next: object) =>
      (
        await host.provider.update({
          urn: "u",
          type: "host:index:Command",
          name: "c",
          id: made.id,
          oldInputs: made.inputs,
          oldOutputs: made.outputs,
          newInputs: await host.checked("Command", next as never),
          ignoreChanges: [],
          preview: true,
        })
      ).outputs;
    expect((await preview({ ...inputs, delete: "true" })).stdout).toBe("a\n");
    expect((await preview({ create: "echo b" })).stdout).toBe(unknown);
  });

  test("fails with exit code and last words, and without the secret", async () => {
    const host = await startHost();
    const failure = await failureOf(
      host.create("Command", {
        create: 'echo "login with $TOKEN failed" >&2; exit 3',
        environment: { TOKEN: new Secret("s3cr3t-token") },
      }),
    );
    expect(failure).toMatchObject({ reason: "provider-error", path: "create", found: "exit code 3" });
    expect(failure.detail).toBe("login with [secret] failed");
    const killed = await failureOf(host.create("Command", { create: "kill -9 $$" }));
    expect(killed.found).toBe("signal SIGKILL");
  });

  test("what it prints of a secret is a secret", async () => {
    const host = await startHost();
    const made = await host.create("Command", {
      create: 'echo "token=$TOKEN"; echo fine >&2',
      environment: { TOKEN: new Secret("s3cr3t-token") },
    });
    expect(made.outputs.stdout).toEqual(new Secret("token=s3cr3t-token\n"));
    expect(made.outputs.stderr).toBe("fine\n");
  });

  test("neither script nor environment is in a process list", async () => {
    const host = await startHost();
    const made = await host.create("Command", {
      create: "ps -eo args | cat; ps -o args= -p $$",
      environment: { TOKEN: new Secret("s3cr3t-token") },
      stdin: "input-s3cr3t",
    });
    expect(made.outputs.stdout).not.toBeInstanceOf(Secret);
    expect(made.outputs.stdout).toContain("/bin/sh");
    expect(made.outputs.stdout).not.toContain("s3cr3t");
  });

  test("standard input, folder, odd characters and another interpreter", async () => {
    const host = await startHost();
    const folder = tempFolder();
    const odd = `it's "$HOME" \`x\` \\ \n\tü ✓`;
    const made = await host.create("Command", {
      create: `printf '%s|' "$ODD"; pwd; cat; cat <<'EOF'\nhere\nEOF`,
      environment: { ODD: odd },
      cwd: folder,
      stdin: "to the script\n",
    });
    expect(made.outputs.stdout).toBe(`${odd}|${folder}\nto the script\nhere\n`);
    const other = await host.create("Command", {
      create: "import sys, os\nprint('py', sys.argv[1:], os.environ['N'], sys.stdin.read())",
      interpreter: ["python3", "-u"],
      environment: { N: 5 },
      stdin: "in",
    });
    expect(other.outputs.stdout).toBe("py [] 5 in\n");
  });

  test("a service left running does not hold it up when its output is open, and lives on", async () => {
    const host = await startHost();
    const started = Date.now();
    const made = await host.create("Command", { create: "sleep 30 & echo $!" });
    expect(Date.now() - started).toBeLessThan(5_000);
    const pid = Number(made.outputs.stdout);
    expect(alive(pid)).toBe(true);
    process.kill(pid);
  });

  test("a timeout and a cancellation end the whole process group", async () => {
    const host = await startHost();
    const folder = tempFolder();
    const script = `sh -c 'echo $$ > ${folder}/child; sleep 60; true' & echo $$ > ${folder}/leader; wait`;
    const pids = () => ["child", "leader"].map((name) => Number(readFileSync(join(folder, name), "utf8")));
    const failure = await failureOf(host.create("Command", { create: script, timeout: 0.5 }));
    expect(failure).toMatchObject({ reason: "timeout", path: "timeout" });
    await sleep(200);
    expect(pids().filter(alive)).toEqual([]);

    const stop = new AbortController();
    setTimeout(() => stop.abort(), 500);
    const cancelled = await failureOf(host.create("Command", { create: script }, stop.signal));
    expect(cancelled.reason).toBe("interrupted");
    await sleep(200);
    expect(pids().filter(alive)).toEqual([]);
  });

  test("a read that ignores being asked to end is ended at once, with what it started", async () => {
    const host = await startHost();
    const folder = tempFolder();
    const read = `trap '' TERM; if [ -e ${folder}/slow ]; then echo $$ >${folder}/leader; sh -c 'echo $$ >${folder}/child; sleep 600; :'; fi`;
    const made = await host.create("Command", { create: "true", read });
    writeFileSync(join(folder, "slow"), "");
    const stop = new AbortController();
    const reading = host.provider.read({
      urn: "urn:pulumi:test::host::host:index:Command::it",
      name: "it",
      ...made,
      type: "host:index:Command",
      signal: stop.signal,
    });
    const failed = failureOf(reading);
    while (!existsSync(join(folder, "child"))) await sleep(20);
    const started = Date.now();
    stop.abort();
    expect((await failed).reason).toBe("interrupted");
    // A script that changes something has five seconds.
    expect(Date.now() - started).toBeLessThan(4_000);
    await sleep(200);
    const pids = ["child", "leader"].map((name) => Number(readFileSync(join(folder, name), "utf8")));
    expect(pids.filter(alive)).toEqual([]);
  });

  test("a script that ran, but whose read says otherwise, is kept as unfinished", async () => {
    const host = await startHost();
    const made = await host.create("Command", { create: "true", read: "exit 1" });
    expect(made.partial?.[0]).toContain("not there");
    const broken = await host.create("Command", { create: "true", read: "no-such-program-here" });
    expect(broken.partial?.[0]).toContain("127");
    expect((await failureOf(host.read(broken))).path).toBe("read");
  });

  test("keeps the end of a very long output", async () => {
    const host = await startHost();
    const made = await host.create("Command", { create: "seq 1 100000" });
    const text = String(made.outputs.stdout);
    expect(text.length).toBeLessThan(300_000);
    expect(text).toMatch(/^\[\d+ bytes left out\]\n/);
    expect(text.endsWith("99999\n100000\n")).toBe(true);
  });

  test("gets nothing of what orch itself was given", async () => {
    process.env.ORCH_PASSPHRASE_FOR_TEST = "p";
    try {
      const host = await startHost();
      const made = await host.create("Command", { create: "env" });
      expect(made.outputs.stdout).not.toMatch(/ORCH_PASSPHRASE/);
      expect(made.outputs.stdout).toContain("PATH=");
    } finally {
      delete process.env.ORCH_PASSPHRASE_FOR_TEST;
    }
  });
});
