/** `orch console` over a pipe and at a terminal; `orch watch` through saves, mistakes and Ctrl-C. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { stack } from "./kit.js";
import { filesProgram } from "./programs.js";

const urn = "urn:pulumi:dev::shop::shop:index:Site$host:index:File::page";

test("a pipe: answers as scripts want them, mistakes on standard error", async () => {
  const made = await stack(filesProgram());
  await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value" });
  await made.ok(["apply", "--yes"]);
  const ask = (input: string) => made.orch(["console"], { input });
  expect(await ask("outputs.path\n")).toEqual({ code: 0, stdout: `${made.path("out")}\n`, stderr: "" });
  const several = await ask(
    [
      "outputs.secret",
      "config['shop:token']",
      "resources.token.inputs.content",
      "resources.page.urn",
      "graph.dependents('folder').includes(resources.page.urn)",
      "graph.dependencies(resources.page).includes(resources.folder.urn)",
      "const n = state.length",
      "n === graph.urns.length",
      "state.filter(",
      "  (one) => one.type === 'host:index:Directory',",
      ").map(({ name }) => name).join()",
      "({ a: 1 })",
    ].join("\n"),
  );
  expect(several).toMatchObject({ code: 0, stderr: "" });
  expect(several.stdout).not.toContain("s3cret-value");
  expect(several.stdout.split("\n").slice(0, 8)).toEqual([
    ...["[secret]", "[secret]", "[secret]", urn, "true", "true", "true", "folder"],
  ]);
  expect(several.stdout).toMatch(/\{\n {2}"a": 1\n\}\n$/);
  const shown = await ask(".secrets on\nconfig['shop:token']\noutputs.secret\n.secrets off\noutputs.secret");
  expect(shown.stdout).toBe("s3cret-value\nhidden output\n[secret]\n");
  const wrong = await ask("outputs.)\nnothing.there\ngraph.dependents('nobody')\noutputs.path\n");
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain("ReferenceError: nothing is not defined");
  expect(wrong.stderr).toContain('there is no resource "nobody"');
  expect(await ask("")).toEqual({ code: 0, stdout: "", stderr: "" });
  expect(await made.ok(["history"])).toMatch(/^.*\n1 .*\n$/);
});

test("a terminal: Tab completes names, Ctrl-D ends it", async () => {
  const made = await stack(filesProgram());
  await made.ok(["apply", "--yes"]);
  const terminal = made.terminal(["console"], { columns: 200 });
  await terminal.until("> ");
  terminal.type('resources["pa');
  terminal.type("\t");
  await terminal.until('resources["page');
  terminal.type('"].name + "!"\r');
  await terminal.until("'page!'");
  terminal.type(".secrets maybe\r");
  await terminal.until(".secrets takes on or off.");
  terminal.type(".secrets on\r");
  terminal.type("outputs.secret\r");
  await terminal.until("'hidden output'");
  terminal.type("\x04");
  expect(await terminal.ended).toBe(0);
});

test("watch: a plan per save, what is different, a mistake, Ctrl-C", async () => {
  const made = await stack(filesProgram());
  const terminal = made.terminal(["watch"], { columns: 200 });
  await terminal.until("Watching. Ctrl-C ends it.");
  // Nothing that the program loads.
  made.write({ "notes.txt": "not of interest" });
  made.write({ "index.ts": "export const = broken;" });
  await terminal.until("Changed: index.ts");
  await terminal.until("error[program-error]");
  await terminal.until("Watching.");
  made.write(filesProgram("Goodbye"));
  await terminal.until("Since the last plan:");
  await terminal.until("Watching.");
  await made.ok(["config", "set", "token", "new"]);
  await terminal.until("Changed: orch.dev.yaml");
  await terminal.until("Since the last plan:");
  await terminal.until("Watching.");
  expect(terminal.text()).not.toContain("notes.txt");
  terminal.type("\x03");
  expect(await terminal.ended).toBe(0);
  expect(existsSync(made.path("out"))).toBe(false);
  expect(await made.ok(["history", "--json"])).toContain('"runs": []');
});
