/** What a person sees: prompts, colours, what moves, Ctrl-C. In a pseudo-terminal. */
import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Project, stack, type Terminal } from "./kit.js";
import { filesProgram, slowProgram } from "./programs.js";

const logOf = (made: Project): string[] =>
  existsSync(made.path("log")) ? readFileSync(made.path("log"), "utf8").trimEnd().split("\n") : [];

/** Waits until so many lines are in the log; rejects when the run ends before. */
async function logged(made: Project, lines: number, terminal: Terminal): Promise<void> {
  let over = false;
  void terminal.ended.then(() => {
    over = true;
  });
  while (logOf(made).length < lines) {
    if (over) throw new Error(`ended with ${logOf(made).length} lines in the log:\n${terminal.text()}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe("the question", () => {
  test("comes with the plan on screen; details, a wrong word, and no", async () => {
    const made = await stack(filesProgram());
    const terminal = made.terminal(["apply"]);
    await terminal.until("Plan: 4 to create");
    await terminal.until("Apply this to shop/dev? [yes/no/details]");
    terminal.type("maybe\r");
    await terminal.until('Please answer "yes", "no" or "details".');
    terminal.type("details\r");
    await terminal.until("urn:pulumi:dev::shop::host:index:Directory::folder");
    await terminal.until("[yes/no/details]");
    terminal.type("no\r");
    await terminal.until("Nothing was changed.");
    expect(await terminal.ended).toBe(1);
    expect(existsSync(made.path("out"))).toBe(false);
  });

  test("yes does it; the result and the outputs follow; nothing live is left", async () => {
    const made = await stack(filesProgram());
    const terminal = made.terminal(["apply"]);
    await terminal.until("[yes/no/details]");
    terminal.type("yes\r");
    await terminal.until(/Apply complete: 4 created, in [\d.]+ m?s\./);
    expect(await terminal.ended).toBe(0);
    expect(existsSync(made.path("out/page.html"))).toBe(true);
    const raw = terminal.raw();
    // The cursor is hidden while something moves, and shown again in the end.
    expect(raw.lastIndexOf("\x1b[?25h")).toBeGreaterThan(raw.lastIndexOf("\x1b[?25l"));
    // Green for what is created.
    expect(raw).toContain("\x1b[32m+");
    expect(terminal.text()).toContain("+ created host:File page");
  });

  test("Ctrl-C and Ctrl-D at the question change nothing", async () => {
    const made = await stack(filesProgram());
    const first = made.terminal(["apply"]);
    await first.until("[yes/no/details]");
    first.type("\x03");
    expect(await first.ended).toBe(130);
    const second = made.terminal(["apply"]);
    await second.until("[yes/no/details]");
    second.type("\x04");
    expect(await second.ended).toBe(1);
    expect(existsSync(made.path("out"))).toBe(false);
    expect(await made.ok(["state", "ls", "--urns"])).toBe("");
  });

  test("says how many resources go, in red", async () => {
    const made = await stack(filesProgram());
    await made.ok(["apply", "--yes"]);
    const terminal = made.terminal(["destroy"]);
    await terminal.until("DELETE 4 resources");
    await terminal.until("Really destroy 4 resources of shop/dev?");
    terminal.type("yes\r");
    expect(await terminal.ended).toBe(0);
    expect(terminal.raw()).toMatch(/\x1b\[31m-/);
    expect(existsSync(made.path("out"))).toBe(false);
  });
});

describe("secrets", () => {
  test("are typed without being shown", async () => {
    const made = await stack(filesProgram());
    const terminal = made.terminal(["config", "set", "token", "--secret"]);
    await terminal.until("Secret value of token:");
    terminal.type("typx\x7fed-secret\r");
    expect(await terminal.ended).toBe(0);
    expect(terminal.raw()).not.toContain("typ");
    expect(await made.ok(["config", "get", "token"])).toBe("typed-secret\n");
  });

  test("passphrases are asked twice when made, and once later", async () => {
    const made = await stack(filesProgram());
    const first = made.terminal(["stack", "init", "safe", "--secrets-provider", "passphrase"]);
    await first.until(/[Pp]assphrase.*:/);
    first.type("horse\r");
    await first.until("The same again:");
    first.type("horse\r");
    expect(await first.ended).toBe(0);
    const second = made.terminal(["config", "ls"]);
    await second.until(/[Pp]assphrase.*:/);
    second.type("wrong\r");
    await second.until("error[wrong-passphrase]");
    expect(await second.ended).toBe(1);
    const third = made.terminal(["config", "ls"]);
    await third.until(/[Pp]assphrase.*:/);
    third.type("horse\r");
    expect(await third.ended).toBe(0);
    expect(first.raw() + third.raw()).not.toContain("horse");
  });
});

describe("colours", () => {
  test("NO_COLOR and --no-color turn them off", async () => {
    const made = await stack(filesProgram());
    const runs = [made.terminal(["plan", "--no-color"]), made.terminal(["plan"], { env: { NO_COLOR: "1" } })];
    for (const run of runs) {
      expect(await run.ended).toBe(0);
      expect(run.text()).toContain("Plan: 4 to create");
      expect(run.raw()).not.toMatch(/\x1b\[[0-9;]*m/);
    }
  });
});

describe("the live view", () => {
  test("shows what runs, with its time, in bounded height, also when the terminal is narrow", async () => {
    const made = await stack(slowProgram(20, 1, 1500));
    const columns = 40;
    const terminal = made.terminal(["apply", "--yes"], { columns, rows: 12 });
    await terminal.until("more running");
    await terminal.until("Applying · ");
    terminal.resize(30, 10);
    await terminal.until(/Apply complete: 20 created/);
    expect(await terminal.ended).toBe(0);
    // The region holds at most half of the rows: rows that are erased at once tell how high it was.
    const heights = [...terminal.raw().matchAll(/\x1b\[(\d+)A/g)].map((match) => Number(match[1]));
    expect(Math.max(...heights)).toBeLessThanOrEqual(2 * 6);
    // No live line is longer than the terminal is wide; those would wrap and could not be erased.
    for (const line of terminal.text().split("\n"))
      if (/ creating |running$|Applying/.test(line)) expect([...line].length).toBeLessThan(columns);
  });
});

describe("Ctrl-C", () => {
  test("once: what runs is finished, nothing new is started, the state is right", async () => {
    const made = await stack(slowProgram(2, 3, 1500));
    const terminal = made.terminal(["apply", "--yes"]);
    await terminal.until(/creating .*step-0-0/);
    // Both first steps have begun.
    await logged(made, 2, terminal);
    terminal.type("\x03");
    await terminal.until("Interrupted: what is running will be finished");
    expect(await terminal.ended).toBe(130);
    expect(logOf(made).sort()).toEqual(["begin 0-0", "begin 1-0", "end 0-0", "end 1-0"]);
    expect(terminal.text()).toContain("Apply interrupted: 2 created");
    expect(terminal.text()).toContain("4 not done");
    const urns = (await made.ok(["state", "ls", "--urns"])).trimEnd().split("\n");
    expect(urns.map((urn) => urn.split("::").at(-1)).sort()).toEqual(["step-0-0", "step-1-0"]);
    // And it goes on from there.
    const plan = await made.orch(["plan", "--json"]);
    expect(JSON.parse(plan.stdout).summary).toMatchObject({ create: 4, same: 2 });
  });

  test("twice: what runs is cancelled, and the next command sorts it out", async () => {
    const made = await stack(slowProgram(1, 2, 20_000));
    const terminal = made.terminal(["apply", "--yes"]);
    await logged(made, 1, terminal);
    terminal.type("\x03");
    await terminal.until("Interrupted:");
    const started = Date.now();
    terminal.type("\x03");
    await terminal.until("Cancelling what is running.");
    expect(await terminal.ended).toBe(130);
    expect(Date.now() - started).toBeLessThan(15_000);
    expect(logOf(made)).toEqual(["begin 0-0"]);
    const after = await made.orch(["state", "ls", "--json"]);
    expect(after.code).toBe(0);
  });

  test("while planning: nothing was changed", async () => {
    const made = await stack({
      "orch.yaml": "name: endless\n",
      "index.ts": `import * as pulumi from "@pulumi/pulumi";\nconsole.log("the program runs");\nexport const x = new Promise((resolve) => setTimeout(resolve, 1e9));\n`,
    });
    const terminal = made.terminal(["plan"]);
    await terminal.until("the program runs");
    terminal.type("\x03");
    expect(await terminal.ended).toBe(130);
    expect(terminal.text()).toContain("error[interrupted]");
  });
});
