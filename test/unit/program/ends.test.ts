import { OrchError } from "@orch/core/model/failure";
import { startProgramHost } from "@orch/core/program/run";
import { describe, expect, test } from "vitest";
import { failureOf, program, resultOf, run } from "./harness.js";

const head = 'import * as pulumi from "@pulumi/pulumi";\n';
const ts = (text: string) => program({ "index.ts": head + text });
const thing = (name: string, args = "{}", opts = "{}") =>
  `new pulumi.CustomResource("test:index:Thing", ${JSON.stringify(name)}, ${args}, ${opts})`;

describe("errors of the program show its own frames in TypeScript positions", () => {
  test("thrown while loading", async () => {
    const dir = program({
      "index.ts": 'import { boom } from "./lib/deep";\n\nboom({ a: 1 });\n',
      "lib/deep.ts":
        'interface Args {\n  a: number;\n}\n\nexport function boom(args: Args): never {\n  throw new TypeError("bad " + args.a);\n}\n',
    });
    expect(failureOf(await run(dir))).toEqual({
      reason: "program-error",
      message: "TypeError: bad 1",
      source: { file: "lib/deep.ts", line: 6, column: 9 },
      detail: "at boom (lib/deep.ts:6:9)\nat index.ts:3:1",
    });
  });

  test("thrown in an ES module", async () => {
    const dir = program({
      "index.mts": "type A = string;\nconst a: A = await Promise.resolve('x');\nthrow new Error(a);\n",
    });
    expect(failureOf(await run(dir))).toMatchObject({
      message: "x",
      source: { file: "index.mts", line: 3, column: 7 },
    });
  });

  test("thrown in an apply", async () => {
    const dir = ts(
      `type X = string;\n${thing("r", "{ a: 1 }")};\nconst o = pulumi.output(1);\no.apply((n: number) => {\n  throw new Error("in apply " + n);\n});\n`,
    );
    const ran = await run(dir);
    expect(failureOf(ran)).toMatchObject({
      reason: "program-error",
      message: "in apply 1",
      source: { file: "index.ts", line: 6, column: 9 },
    });
    expect(failureOf(ran).causes).toBeUndefined();
    expect(ran.resources.map((r) => r.name)).toContain("r");
  });

  test("an unhandled rejection, also of something that is no error", async () => {
    expect(failureOf(await run(ts('void Promise.reject(new RangeError("late"));')))).toMatchObject({
      reason: "program-error",
      message: "RangeError: late",
      source: { file: "index.ts", line: 2 },
    });
    expect(failureOf(await run(ts('void Promise.reject("just text");')))).toMatchObject({
      message: expect.stringContaining("just text"),
    });
  });

  test("several errors: the first, and the others as causes", async () => {
    const failure = failureOf(
      await run(
        ts(
          'pulumi.output(1).apply(() => { throw new Error("a"); });\npulumi.output(2).apply(() => { throw new Error("b"); });',
        ),
      ),
    );
    expect(failure.message).toBe("a");
    expect(failure.causes?.map((cause) => cause.message)).toEqual(["b"]);
  });

  test("RunError and ResourceError", async () => {
    expect(failureOf(await run(ts('throw new pulumi.RunError("please do this instead");')))).toEqual({
      reason: "program-error",
      message: "please do this instead",
    });
    const dir = ts(
      `const r = ${thing("r")};\nr.urn.apply(() => { throw new pulumi.ResourceError("not like this", r, true); });`,
    );
    expect(failureOf(await run(dir))).toEqual({
      reason: "program-error",
      message: "not like this",
      urn: "urn:pulumi:dev::proj::test:index:Thing::r",
    });
  });

  test("missing configuration names the key and the command", async () => {
    expect(failureOf(await run(ts('new pulumi.Config().require("size");')))).toMatchObject({
      reason: "config-missing",
      path: "proj:size",
      source: { file: "index.ts", line: 2 },
      next: ["orch config set size <value>"],
    });
    expect(failureOf(await run(ts('new pulumi.Config("aws").requireSecret("token");')))).toMatchObject({
      reason: "config-missing",
      path: "aws:token",
      next: ["orch config set aws:token <value> --secret"],
    });
  });

  test("what the sink refuses is the failure, once", async () => {
    const dir = ts(`const a = ${thing("a")};\n${thing("b", "{ from: a.urn }")};`);
    const refusal = { reason: "invalid-property" as const, message: "size must be a number", path: "size" };
    const failure = failureOf(
      await run(dir, {
        answer: (resource) => {
          if (resource.name === "a") throw new OrchError(refusal);
          return { outputs: resource.inputs };
        },
      }),
    );
    expect(failure).toEqual(refusal);
  });

  test("a sink that is interrupted ends the program quietly", async () => {
    const dir = ts(`const a = ${thing("a")};\n${thing("b", "{ from: a.urn }")};`);
    const interrupted = { reason: "interrupted" as const, message: "stopped" };
    const ran = await run(dir, {
      answer: (resource) => {
        if (resource.name === "a") throw new OrchError(interrupted);
        return { outputs: resource.inputs };
      },
    });
    expect(failureOf(ran)).toEqual(interrupted);
  });

  test("a program may live with a refusal", async () => {
    const dir = ts(
      `export const out = pulumi.runtime.invoke("test:index:get", {}).catch((error: Error) => error.message);`,
    );
    const ran = await run(dir, {
      invoke: () => {
        throw new OrchError({ reason: "invoke-failed", message: "no such thing" });
      },
    });
    expect(resultOf(ran).outputs.out).toBe("no such thing");
  });
});

describe("programs that do not end as they should", () => {
  test("process.exit: the code, how far it came, and where", async () => {
    const dir = ts(`${thing("r")};\nfunction leave(): void {\n  process.exit(3);\n}\nsetTimeout(leave, 20);`);
    expect(failureOf(await run(dir))).toMatchObject({
      reason: "program-exited",
      message: "The program exited with code 3 after 3 registrations, before it had ended.",
      source: { file: "index.ts", line: 4, column: 11 },
      detail: expect.stringContaining("leave (index.ts:4:11)"),
    });
  });

  test("process.exit(0) is no success either", async () => {
    expect(failureOf(await run(ts("process.exit(0);")))).toMatchObject({
      reason: "program-exited",
      message: expect.stringContaining("code 0"),
    });
  });

  test("an exit code that is set is a failure", async () => {
    expect(failureOf(await run(ts("process.exitCode = 4;")))).toMatchObject({
      reason: "program-exited",
      message: expect.stringContaining("code 4"),
    });
  });

  test("something left running that holds the output open does not hold the program", async () => {
    const dir = program({
      "index.ts":
        'import { spawn } from "node:child_process";\nconst left = spawn("sleep", ["8"], { stdio: "inherit", detached: true });\nleft.unref();\nconsole.log(left.pid);\n',
    });
    const started = Date.now();
    const ran = await run(dir);
    resultOf(ran);
    expect(Date.now() - started).toBeLessThan(7000);
    process.kill(Number(ran.lines[0]?.split(" ")[1]));
  });

  test("a promise that is never settled, as an input", async () => {
    const dir = ts(`${thing("stuck", "{ size: new Promise(() => {}) }")};\n${thing("fine")};`);
    const ran = await run(dir);
    expect(failureOf(ran)).toMatchObject({
      reason: "program-hanging",
      detail: '- stuck [test:index:Thing] waits for its input "size"',
    });
    expect(ran.resources.map((r) => r.name)).toContain("fine");
  });

  test("a promise that is never settled, at the top", async () => {
    expect(failureOf(await run(program({ "index.mts": "await new Promise(() => {});\n" })))).toMatchObject({
      reason: "program-hanging",
      message: expect.stringContaining("top-level promise"),
    });
  });

  test("resources that wait for each other", async () => {
    const dir = ts(`
      let resolve!: (r: pulumi.Resource) => void;
      const later = new Promise<pulumi.Resource>((r) => { resolve = r; });
      const a = ${thing("a", "{}", "{ dependsOn: pulumi.output(later).apply((b) => b.urn.apply(() => b)) }")};
      const b = ${thing("b", "{ a: a.urn }")};
      resolve(b);
    `);
    const failure = failureOf(await run(dir));
    expect(failure.reason).toBe("program-hanging");
    expect(failure.detail).toContain("- a [test:index:Thing] waits for its dependsOn");
    expect(failure.detail).toContain('- b [test:index:Thing] waits for its input "a"');
  });

  test.each([
    ["synchronous", "for (;;) {}"],
    ["asynchronous", "setInterval(() => {}, 10);"],
  ])("an endless %s loop is stopped by the signal", async (_, loop) => {
    const stop = new AbortController();
    const dir = ts(`console.log("looping");\nsetTimeout(() => {\n${loop}\n}, 1);`);
    const started = Date.now();
    const ran = await run(dir, {
      signal: stop.signal,
      events: (event) => {
        if (event.type === "program-output") setTimeout(() => stop.abort(), 50);
      },
    });
    expect(failureOf(ran).reason).toBe("interrupted");
    expect(Date.now() - started).toBeLessThan(5000);
  });

  test("one that ignores the request to end is killed", async () => {
    const stop = new AbortController();
    const dir = ts('process.on("SIGTERM", () => {});\nsetInterval(() => {}, 10);\nconsole.log("deaf");');
    const ran = await run(dir, {
      signal: stop.signal,
      events: (event) => {
        if (event.type === "program-output") stop.abort();
      },
    });
    expect(failureOf(ran).reason).toBe("interrupted");
  });

  test("a process that died before it was used", async () => {
    const dir = ts(thing("r"));
    const host = startProgramHost({ programDir: dir });
    host.close();
    await new Promise((resolve) => setTimeout(resolve, 200));
    const ran = await run(dir, { host });
    expect(failureOf(ran)).toMatchObject({
      reason: "program-exited",
      message: expect.stringContaining("SIGKILL"),
    });
  });

  test("a process that was started early waits for its options", async () => {
    const dir = ts(thing("r"));
    const host = startProgramHost({ programDir: dir });
    await new Promise((resolve) => setTimeout(resolve, 300));
    const ran = await run(dir, { host });
    expect(resultOf(ran).resources.map((r) => r.name)).toContain("r");
  });

  test("a signal that came before the start", async () => {
    expect(failureOf(await run(ts(thing("r")), { signal: AbortSignal.abort() })).reason).toBe("interrupted");
  });

  test("killed from outside", async () => {
    expect(failureOf(await run(ts('process.kill(process.pid, "SIGKILL");')))).toMatchObject({
      reason: "program-exited",
      message: expect.stringContaining("SIGKILL after 1 registration"),
    });
  });

  test("out of memory", async () => {
    const dir = ts("const all: unknown[] = [];\nfor (;;) all.push(new Array(10000).fill({ a: 1 }));");
    process.env.NODE_OPTIONS = "--max-old-space-size=60";
    try {
      expect(failureOf(await run(dir))).toMatchObject({
        reason: "program-exited",
        message: expect.stringContaining("ran out of memory"),
      });
    } finally {
      delete process.env.NODE_OPTIONS;
    }
  });

  test("a program that is done but does not end is told what keeps it", async () => {
    const stop = new AbortController();
    const dir = ts("setInterval(() => {}, 1000);\nexport const done = true;");
    const ran = await run(dir, {
      signal: stop.signal,
      events: (event) => {
        if (event.type === "log") stop.abort();
      },
    });
    expect(failureOf(ran).reason).toBe("interrupted");
    expect(ran.logs[0]).toMatchObject({
      level: "warning",
      message: expect.stringContaining("Timeout keeps it alive"),
    });
  });

  test("an error with something that keeps the process alive still ends", async () => {
    const dir = ts('setInterval(() => {}, 1000);\nthrow new Error("with a timer");');
    expect(failureOf(await run(dir)).message).toBe("with a timer");
  });
});

test("output comes line by line while the program runs", async () => {
  const dir = ts(`
    console.log("first");
    process.stdout.write("half ");
    process.stdout.write("line\\n\\nlast without end");
    console.error("to stderr");
  `);
  const ran = await run(dir);
  expect(ran.lines.filter((line) => line.startsWith("stdout"))).toEqual([
    "stdout: first",
    "stdout: half line",
    "stdout: ",
    "stdout: last without end",
  ]);
  expect(ran.lines).toContain("stderr: to stderr");
  expect(ran.events.at(-1)?.type).toBe("program-ended");
});

test("secret configuration does not show in output, logs and errors", async () => {
  const dir = ts(`
    const config = new pulumi.Config();
    console.log("token is " + config.require("token"));
    pulumi.log.info(config.require("key").split("\\n")[1]);
    throw new Error("refused: " + config.require("token") + " at port " + config.require("port"));
  `);
  const ran = await run(dir, {
    config: {
      "proj:token": "hunter2-secret",
      "proj:key": "-----BEGIN-----\nabcdefghij\n-----END-----",
      "proj:port": "80",
    },
    secretKeys: ["proj:token", "proj:key", "proj:port"],
  });
  expect(ran.lines).toEqual(["stdout: token is [secret]"]);
  expect(ran.logs[0]?.message).toBe("[secret]");
  expect(failureOf(ran).message).toBe("refused: [secret] at port 80");
});

test("log messages keep their level, resource and being ephemeral", async () => {
  const dir = ts(`
    const r = ${thing("r")};
    pulumi.log.debug("d");
    pulumi.log.info("i", r);
    pulumi.log.warn("w", r, 0, true);
  `);
  const ran = await run(dir);
  resultOf(ran);
  const urn = "urn:pulumi:dev::proj::test:index:Thing::r";
  expect(ran.logs).toEqual([
    { type: "log", level: "debug", message: "d" },
    { type: "log", level: "info", message: "i", urn },
    { type: "log", level: "warning", message: "w", urn, ephemeral: true },
  ]);
});
