/** `--events FILE` serves a run and never harms it. */
import { execFileSync, spawn } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { mistakesIn } from "./cli-schema.js";
import { stack } from "./kit.js";
import { filesProgram } from "./programs.js";

test.runIf(existsSync("/dev/full"))("a full disk is told once, and everything is done", async () => {
  const made = await stack(filesProgram());
  const result = await made.orch(["apply", "--yes", "--events", "/dev/full"]);
  expect(result.code).toBe(0);
  expect(result.stderr.match(/The events are not written/g)).toHaveLength(1);
  expect(result.stderr).toContain("no space left");
  expect(existsSync(made.path("out/page.html"))).toBe(true);
});

test("a pipe: read to its end, its reader gone, no reader at all", async () => {
  const made = await stack(filesProgram());
  const fifo = made.path("pipe");
  execFileSync("mkfifo", [fifo]);
  const nobody = await made.orch(["apply", "--yes", "--events", "pipe"]);
  expect(nobody.code).toBe(64);
  expect(nobody.stderr).toMatch(/a pipe that nobody reads.*Start its reader first/s);
  expect(existsSync(made.path("out"))).toBe(false);

  const reader = spawn("head", ["-n", "1", fifo], { stdio: ["ignore", "pipe", "ignore"] });
  let first = "";
  reader.stdout.setEncoding("utf8").on("data", (text: string) => {
    first += text;
  });
  const gone = await whileRead(() => made.orch(["apply", "--yes", "--events", "pipe"]));
  expect(gone.code).toBe(0);
  expect(JSON.parse(first)).toMatchObject({ type: "command-started", command: "apply" });
  expect(gone.stderr.match(/its reader has gone/g)).toHaveLength(1);
  expect(existsSync(made.path("out/page.html"))).toBe(true);

  const cat = spawn("sh", ["-c", `cat '${fifo}' > '${made.path("read")}'`]);
  const read = new Promise((resolve) => cat.on("exit", resolve));
  expect((await whileRead(() => made.orch(["destroy", "--yes", "--events", "pipe"]))).stderr).toBe("");
  await read;
  const lines = readFileSync(made.path("read"), "utf8").trimEnd().split("\n");
  for (const line of lines) expect(mistakesIn(JSON.parse(line), "event")).toEqual([]);
  expect(JSON.parse(lines.at(-1) as string)).toMatchObject({ type: "command-ended", exitCode: 0 });
});

/** The reader may need a moment to open its end. */
async function whileRead<T extends { readonly stderr: string }>(run: () => Promise<T>): Promise<T> {
  for (;;) {
    const result = await run();
    if (!result.stderr.includes("a pipe that nobody reads")) return result;
  }
}

test("a reader who stands still holds nothing up", async () => {
  // More than a pipe takes: 64 KiB on Linux.
  const made = await stack({
    "orch.yaml": "name: talk\n",
    "index.ts": `for (let i = 0; i < 3000; i++) console.log("line " + i + " " + "x".repeat(80));\n`,
  });
  execFileSync("mkfifo", [made.path("pipe")]);
  const reader = spawn("sh", ["-c", `exec 3< '${made.path("pipe")}'; echo open; sleep 600`], {
    stdio: ["ignore", "pipe", "ignore"],
  });
  const result = await whileRead(() => made.orch(["plan", "--events", "pipe"]));
  reader.kill("SIGKILL");
  expect(result.code).toBe(0);
  expect(result.stderr.match(/its reader does not keep up/g)).toHaveLength(1);
});

test("a file that can't be written is a mistake in the flags, and nothing is done", async () => {
  const made = await stack(filesProgram());
  const result = await made.orch(["apply", "--yes", "--events", "no/such/folder"]);
  expect(result.code).toBe(64);
  expect(result.stderr).toContain("--events: no/such/folder cannot be written. Nothing was done.");
  expect(existsSync(made.path("out"))).toBe(false);
});
