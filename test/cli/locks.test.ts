/** Two people at one stack: who waits for whom, and what `orch unlock` does. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { type Project, stack } from "./kit.js";

/** Creating `slow` lasts until there is a file `go`; `quick` does not. `sizes` tell what they are to be. */
const program = (slow: string, quick: string) => ({
  "orch.yaml": "name: shared\n",
  "index.ts": `
import { join } from "node:path";
import * as host from "@orch/providers/host";

const at = (file: string) => join(process.cwd(), file);
new host.Command("slow", {
  create: \`touch '\${at("begun")}'; until [ -e '\${at("go")}' ]; do sleep 0.05; done\`,
  update: \`touch '\${at("begun")}'; until [ -e '\${at("go")}' ]; do sleep 0.05; done\`,
  environment: { SIZE: "${slow}" },
});
new host.File("quick", { path: at("quick"), content: "${quick}\\n" });
`,
});

const until = async (there: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await there())) await new Promise((resolve) => setTimeout(resolve, 30));
};
const begun = (made: Project) => until(() => existsSync(made.path("begun")));

test("an apply waits for another one on the same resources, says for whom, and plans again when that changed them", async () => {
  const made = await stack(program("1", "one"));
  const first = made.orch(["apply", "--yes"]);
  await begun(made);
  const refused = await made.orch(["apply", "--yes", "--lock-timeout", "0"]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/error\[state-locked\].*being changed by .* \(run 1, process \d+/s);
  expect(refused.stderr).toContain("orch unlock");
  expect((await made.orch(["apply", "--yes", "--lock-timeout", "soon"])).code).toBe(64);

  const terminal = made.terminal(["apply", "--yes"], { columns: 200 });
  await terminal.until("Waiting");
  await terminal.until("for run 1 of");
  expect(JSON.parse(await made.ok(["unlock", "--json"]))).toMatchObject({
    type: "locks",
    locks: [
      { runId: 1, kind: "apply", alive: true, wholeStack: false, underWay: 1 },
      { kind: "apply", alive: true, underWay: 0 },
    ],
  });
  // Planning waits for nobody.
  expect((await made.orch(["plan"])).code).toBe(0);
  made.write({ go: "" });
  expect((await first).code).toBe(0);
  await terminal.until("Another run changed the stack meanwhile. Planning again.");
  expect(await terminal.ended).toBe(0);
  expect(await made.ok(["unlock"])).toBe("");
});

test("Ctrl-C ends the waiting, and nothing was done", async () => {
  const made = await stack(program("1", "one"));
  const first = made.orch(["apply", "--yes"]);
  await begun(made);
  const terminal = made.terminal(["apply", "--yes"], { columns: 200 });
  await terminal.until("for run 1 of");
  terminal.type("\x03");
  expect(await terminal.ended).toBe(130);
  made.write({ go: "" });
  expect((await first).code).toBe(0);
});

test("a lock is taken away after it was shown what that breaks; the run that held it writes nothing more", async () => {
  const made = await stack(program("1", "one"));
  const first = made.orch(["apply", "--yes"]);
  await begun(made);
  const list = await made.ok(["unlock"]);
  expect(list).toMatch(/LOCK +RUN +WHO/);
  const [, lock] = /^(\d+) +run 1 /m.exec(list) as unknown as [string, string];
  expect((await made.orch(["unlock", lock])).code).toBe(64);
  expect((await made.orch(["unlock", "77"])).stderr).toMatch(/There is no lock 77.*expected.*one of/s);
  const asked = made.terminal(["unlock", lock], { columns: 200 });
  await asked.until("end it first if you can");
  await asked.until("1 step that it has begun would be unfinished");
  asked.type("yes\r");
  expect(await asked.ended).toBe(0);
  made.write({ go: "" });
  const ended = await first;
  expect(ended.code).toBe(1);
  expect(ended.stderr).toContain("no longer holds its locks");
  // A script has no object to look for: a person says what became of it.
  const open = await made.orch(["resume"]);
  expect(open.code).toBe(4);
  await made.ok(["resume", "--urn", "slow", "--retry"]);
  await made.ok(["apply", "--yes"]);
  expect((await made.orch(["drift"])).code).toBe(0);
});
