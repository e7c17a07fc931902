/** orch is killed while its program keeps a thread busy for ever: the program's process does not outlive it. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { isAlive } from "../plugins/start.js";
import { bin, stack } from "./kit.js";

async function until(what: string, is: () => boolean): Promise<void> {
  for (const end = Date.now() + 60_000; !is(); await delay(50))
    if (Date.now() > end) throw new Error(`waited a minute for ${what}`);
}

/** Kills the process, and sees the other one end. */
async function endsWith(parent: ChildProcess, pid: number): Promise<void> {
  onTestFinished(() => {
    if (isAlive(pid)) process.kill(pid, "SIGKILL");
  });
  expect(isAlive(pid)).toBe(true);
  parent.kill("SIGKILL");
  await until("its end", () => !isAlive(pid));
}

test("the thread that looks where the kernel does not", async () => {
  const dir = mkdtempSync(join(tmpdir(), "orch-watchdog-"));
  onTestFinished(() => rmSync(dir, { recursive: true, force: true }));
  const watchdog = new URL("../../packages/core/dist/program/child/watchdog.js", import.meta.url).href;
  const child = join(dir, "child.mjs");
  const said = join(dir, "pid");
  writeFileSync(
    child,
    `import { startWatchdog } from ${JSON.stringify(watchdog)};
import { renameSync, writeFileSync } from "node:fs";
startWatchdog(process.ppid);
writeFileSync("${said}.part", String(process.pid));
renameSync("${said}.part", "${said}");
for (;;);`,
  );
  const start = `require("node:child_process").spawn(process.execPath, [${JSON.stringify(child)}]); setInterval(() => {}, 1000);`;
  const parent = spawn(process.execPath, ["-e", start], { stdio: "ignore" });
  onTestFinished(() => void parent.kill("SIGKILL"));
  await until("the child", () => existsSync(said));
  await endsWith(parent, Number(readFileSync(said, "utf8")));
});

test.each([
  ["from its first line", ""],
  ["after it registered something", "await new Promise((resolve) => setTimeout(resolve, 50));"],
])("an endless loop %s", async (_, before) => {
  const made = await stack({
    "orch.yaml": "name: busy\n",
    "index.mts": `
import { renameSync, writeFileSync } from "node:fs";
${before}
writeFileSync("pid.part", String(process.pid));
renameSync("pid.part", "pid");
for (;;);
`,
  });
  const orch = spawn(process.execPath, [bin, "plan"], { cwd: made.dir, env: made.env, stdio: "ignore" });
  onTestFinished(() => void orch.kill("SIGKILL"));
  await until("the program", () => existsSync(made.path("pid")));
  await endsWith(orch, Number(readFileSync(made.path("pid"), "utf8")));
});
