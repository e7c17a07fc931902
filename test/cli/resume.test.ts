/** After a kill: what was under way is told, and settled by a person where nothing else can tell. */
import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { type Project, stack } from "./kit.js";
import { dynamicProgram } from "./programs.js";

/** A stack whose only creation was cut off by SIGKILL. Dynamic providers offer no way to find again what they made. */
async function cutOff(): Promise<{ made: Project; urn: string }> {
  const made = await stack(
    dynamicProgram(
      `async create(inputs: any) {
      require("node:fs").writeFileSync(inputs.mark, "");
      if (!require("node:fs").existsSync(inputs.mark + ".quick")) await new Promise((resolve) => setTimeout(resolve, 600_000));
      return { id: "thing-1", outs: inputs };
    },
    async read(id: string, props: any) { return { id, props: { ...props, seen: true } }; }`,
      `{ mark: process.cwd() + "/mark" }`,
    ),
  );
  const terminal = made.terminal(["apply", "--yes"]);
  while (!existsSync(made.path("mark"))) await new Promise((resolve) => setTimeout(resolve, 20));
  terminal.kill();
  await terminal.ended;
  made.write({ "mark.quick": "" });
  return { made, urn: "urn:pulumi:dev::dyn::pulumi-nodejs:dynamic:Resource::thing" };
}

test("a plan tells it, and an answer on the command line settles it", async () => {
  const { made, urn } = await cutOff();
  const plan = await made.orch(["plan"]);
  expect(plan.stdout + plan.stderr).toContain("cut off");
  expect(plan.stdout + plan.stderr).toContain(urn);
  expect(plan.code).toBe(4);
  const apply = await made.orch(["apply", "--yes"]);
  expect(apply.code).toBe(4);
  expect(apply.stderr).toContain(`orch resume --urn '${urn}' --adopt ID`);
  const open = await made.orch(["resume"]);
  expect(open.code).toBe(4);
  expect(open.stdout).toContain("orch resume --urn");
  expect(open.stdout).toContain("why it is open: its provider offers no way to find an object");
  expect(open.stdout).toContain(made.path("mark"));
  const wrong = await made.orch(["resume", "--urn", `${urn}-other`, "--retry"]);
  expect(wrong.code).toBe(64);
  const settled = await made.orch(["resume", "--urn", urn, "--adopt", "thing-1", "--json"]);
  expect(settled.code).toBe(0);
  expect(JSON.parse(settled.stdout)).toMatchObject({
    format: 1,
    settled: [{ urn, how: "adopted" }],
    open: [],
  });
  expect(await made.ok(["state", "ls"])).toContain("thing (thing-1)");
  expect(await made.ok(["resume"])).toContain("Nothing is left open");
});

test("at a terminal it is asked", async () => {
  const { made } = await cutOff();
  const terminal = made.terminal(["resume"], { columns: 200 });
  await terminal.until("What became of it? [adopt ID / retry / forget / skip]");
  terminal.type("adopt\r");
  await terminal.until("Please answer one of");
  terminal.type("retry\r");
  await terminal.until("did not take place; the next apply does it");
  expect(await terminal.ended).toBe(0);
  await made.ok(["apply", "--yes"]);
  expect(await made.ok(["state", "ls"])).toContain("thing (thing-1)");
});

test("apply at a terminal asks first, and goes on with the answer", async () => {
  const { made } = await cutOff();
  const terminal = made.terminal(["apply"], { columns: 200 });
  await terminal.until("What became of it?");
  terminal.type("retry\r");
  await terminal.until("Apply this to");
  terminal.type("yes\r");
  expect(await terminal.ended).toBe(0);
  expect(await made.ok(["state", "ls"])).toContain("thing (thing-1)");
});
