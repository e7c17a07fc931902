/** `orch undo`, as a person meets it. */
import { existsSync, readFileSync, renameSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { golden, type Project, stack, transcript } from "./kit.js";
import { filesProgram } from "./programs.js";

async function run(made: Project, ...commands: string[]): Promise<string> {
  let text = "";
  for (const command of commands) {
    const args = command.split(" ");
    text += `${transcript(args, await made.orch(args), made)}\n`;
  }
  return text;
}

test("back to before a run, asked or from a file, without the program", async () => {
  const made = await stack(filesProgram());
  await made.ok(["config", "set", "token", "--secret"], { input: "first-secret\n" });
  let text = await run(made, "undo", "undo --yes");
  await made.ok(["apply", "--yes"]);
  made.write(filesProgram("Good evening"));
  await made.ok(["config", "set", "token", "--secret"], { input: "second-secret\n" });
  await made.ok(["apply", "--yes"]);
  const page = (): string => readFileSync(made.path("out/page.html"), "utf8");
  expect(page()).toContain("Good evening");

  // Nothing of it is needed.
  renameSync(made.path("index.ts"), made.path("index.gone"));
  text += await run(made, "undo", "undo 2 --to 1", "undo 99", "undo --to x", "undo --out back.plan");
  expect(page()).toContain("Good evening");
  expect(statSync(made.path("back.plan")).mode & 0o777).toBe(0o600);
  text += await run(made, "apply back.plan --yes");
  expect(page()).toContain("<h1>Hello</h1>");
  expect(readFileSync(made.path("out/token"), "utf8")).toBe("first-secret");

  text += await run(made, "undo --to 2 --yes");
  expect(page()).toContain("Good evening");
  text += await run(made, "undo 1 --yes");
  expect(existsSync(made.path("out"))).toBe(false);
  text += await run(made, "undo --yes", "undo --to 4 --yes");
  expect(readFileSync(made.path("out/token"), "utf8")).toBe("second-secret");
  const json = JSON.parse(await made.ok(["undo", "--json", "--out", "other.plan"]));
  expect(json).toMatchObject({ type: "plan", kind: "apply", undo: { before: 6, runs: [6] } });
  text += JSON.stringify(json);
  expect(text).not.toMatch(/(first|second)-secret/);
  await expect(text.slice(0, text.lastIndexOf('{"format"'))).toMatchFileSnapshot(golden("undo"));
});
