/**
 * The recipes for CI: right by the vendors' own rules, and each job run, step by step, as the CI would run it. GitHub's workflows are read by GitHub's parser
 * (@actions/workflow-parser), their expressions and conditions computed by GitHub's evaluator (@actions/expressions); GitLab's are read, held against GitLab's
 * schema and their rules decided by gitlab-ci-local. Actions of others (`uses`) are not run but done by hand: `doneByHand` has them.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire, registerHooks } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { data, Evaluator, Lexer, Parser } from "@actions/expressions";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { parseSections } from "../../packages/cli/src/render/markdown/section.js";
import { isBlock, readPage } from "./blocks.js";
import { type Internet, startInternet } from "./internet.js";
import { type Sandbox, sandbox } from "./sandbox.js";

const recipes = (page: string): string[] =>
  readPage(page)
    .parts.filter(isBlock)
    .filter(({ language }) => language === "yaml")
    .map(({ text }) => text);

const commit = "3f786850e387550fdab836ed7e6dc881de23001b";
const slack = "https://hooks.slack.com/services/T000/B000/of-the-channel";
let folder: string;
let internet: Internet;
let box: Sandbox;
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "orch-ci-"));
  internet = await startInternet(folder);
  box = sandbox({ ...internet, env: { ...internet.env, ORCH_BACKEND: "sqlite:/srv/orch/state.db" } });
  const { code, output } = await box.run(`
mkdir -p /srv/orch && orch new shop && cd shop && npm install
export ORCH_PASSPHRASE='correct horse'
for stack in staging production; do
  orch stack init $stack
  orch config set folder "$PWD/$stack"
done
unset ORCH_PASSPHRASE`);
  expect(code, output).toBe(0);
  box.keep();
});
afterAll(async () => {
  box?.remove();
  await internet?.close();
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  internet.forget();
  box.restore();
});

// GitHub's parser imports JSON in the way of bundlers.
const hooks = registerHooks({
  load: (url, context, next) =>
    next(url, url.endsWith(".json") ? { ...context, importAttributes: { type: "json" } } : context),
});
const { convertWorkflowTemplate, NoOperationTraceWriter, parseWorkflow } = await import(
  "@actions/workflow-parser"
);
hooks.deregister();

const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
const assigned = (env: Readonly<Record<string, unknown>>): string =>
  Object.entries(env)
    .map(([name, value]) => `export ${name}=${quoted(String(value))}`)
    .join("\n");
/** Environment of one job is gone with it. */
const inJob = (env: Readonly<Record<string, unknown>>, script: string) =>
  box.run(`(\n${assigned(env)}\n${script}\n)`);
/** What the one comment holds. */
const commented = () => {
  expect(internet.comments).toHaveLength(1);
  return parseSections(internet.comments[0]?.body ?? "");
};
const statuses = (): string[] =>
  internet.asked
    .filter(({ url }) => url.includes("/statuses/"))
    .map(({ body }) => {
      const { context, name, state } = JSON.parse(body) as Record<string, string>;
      return `${context ?? name}: ${state}`;
    })
    .sort();

describe("GitHub Actions", () => {
  interface Step {
    readonly id?: string;
    readonly if?: string;
    readonly uses?: string;
    readonly with?: Readonly<Record<string, string>>;
    readonly run?: string;
    readonly env?: Readonly<Record<string, string>>;
  }
  interface Job {
    readonly if?: string;
    readonly strategy?: { readonly matrix: Readonly<Record<string, readonly string[]>> };
    readonly env?: Readonly<Record<string, string>>;
    readonly steps: readonly Step[];
  }
  interface Workflow {
    readonly jobs: Readonly<Record<string, Job>>;
  }
  type Context = Readonly<Record<string, unknown>>;

  const page = recipes("docs/ci/github-actions.md");
  const named = (part: string): Workflow =>
    parse(page.find((text) => text.includes(part)) ?? expect.fail(`no recipe with ${part}`)) as Workflow;

  test.each(page.map((text, i) => [i + 1, text] as const))(
    "by GitHub's parser: recipe %i",
    async (_number, content) => {
      const { context, value } = parseWorkflow({ name: "orch.yml", content }, new NoOperationTraceWriter());
      if (value !== undefined) await convertWorkflowTemplate(context, value);
      expect(context.errors.getErrors().map(({ message }) => message)).toEqual([]);
    },
  );
  test("its parser finds what is wrong", () => {
    const content = "on: push\njobs:\n  a:\n    runs-on: x\n    steps:\n      - run: x\n        iff: y\n";
    const { context } = parseWorkflow({ name: "x.yml", content }, new NoOperationTraceWriter());
    expect(context.errors.getErrors()).not.toEqual([]);
  });

  const dataOf = (value: unknown): data.ExpressionData =>
    value === null || value === undefined
      ? new data.Null()
      : typeof value === "object"
        ? new data.Dictionary(...Object.entries(value).map(([key, of]) => ({ key, value: dataOf(of) })))
        : typeof value === "number"
          ? new data.NumberData(value)
          : typeof value === "boolean"
            ? new data.BooleanData(value)
            : new data.StringData(String(value));
  function computed(expression: string, context: Context, failed = false): data.ExpressionData {
    const status = (name: string, value: boolean) =>
      [name, { name, minArgs: 0, maxArgs: 0, call: () => new data.BooleanData(value) }] as const;
    const functions = new Map([
      status("cancelled", false),
      status("failure", failed),
      status("success", !failed),
      status("always", true),
    ]);
    const { tokens } = new Lexer(expression).lex();
    const parsed = new Parser(tokens, Object.keys(context), [...functions.values()]).parse();
    return new Evaluator(parsed, dataOf(context) as data.Dictionary, functions).evaluate();
  }
  const filled = (text: string, context: Context): string =>
    text.replaceAll(/\$\{\{(.*?)\}\}/g, (_all, expression: string) =>
      computed(expression.trim(), context).coerceString(),
    );
  const filledAll = (env: Readonly<Record<string, string>> = {}, context: Context) =>
    Object.fromEntries(Object.entries(env).map(([name, text]) => [name, filled(String(text), context)]));
  /** GitHub puts `success()` before a condition that asks for no status. */
  function holds(condition: string | undefined, context: Context, failed: boolean): boolean {
    const text = (condition ?? "").replace(/^\$\{\{(.*)\}\}$/s, "$1").trim();
    const asks = /\b(cancelled|failure|success|always)\(/.test(text);
    if (text === "") return !failed;
    return (asks || !failed) && computed(text, context, failed).coerceString() === "true";
  }

  /** `uses` → what it would leave behind, as shell. */
  const doneByHand: Readonly<Record<string, (given: Readonly<Record<string, string>>) => string>> = {
    "actions/checkout": () => "",
    "actions/setup-node": () => "",
    "actions/cache": () => "",
    "actions/download-artifact": ({ path }) => `mkdir -p ${path} && cp plan.md ${path}/plan.md`,
  };

  const github = (event_name: string, event: object): Context => ({
    ...{
      event_name,
      event,
      repository: "acme/shop",
      ref: "refs/pull/12/merge",
      run_id: "1",
      token: "ghs_run",
    },
  });
  const secrets = { ORCH_PASSPHRASE: "correct horse", ORCH_SLACK_WEBHOOK_URL: slack };
  const pull = { number: 12, head: { sha: commit, repo: { full_name: "acme/shop" } } };

  /** Runs a job, once per entry of its matrix, if its condition holds. Says of each whether it failed. */
  async function runJob(workflow: Workflow, name: string, event_name: string, event: object) {
    const job = workflow.jobs[name] as Job;
    const base = { github: github(event_name, event), secrets, steps: {}, matrix: {} };
    if (!holds(job.if, base, false)) return undefined;
    box.write(join(box.dir, "event.json"), JSON.stringify(event));
    const results: string[] = [];
    const [[axis, values] = ["", [""]]] = Object.entries(job.strategy?.matrix ?? {});
    for (const value of values) {
      const steps: Record<string, { outcome: string }> = {};
      let failed = false;
      for (const step of job.steps) {
        const context = { ...base, steps, matrix: axis === "" ? {} : { [axis]: value } };
        let outcome = "skipped";
        if (holds(step.if, context, failed)) {
          const env = {
            ...{ CI: "true", GITHUB_ACTIONS: "true", GITHUB_EVENT_PATH: join(box.dir, "event.json") },
            ...{
              GITHUB_REPOSITORY: "acme/shop",
              GITHUB_SHA: commit,
              GITHUB_API_URL: "https://api.github.com",
              GITHUB_STEP_SUMMARY: join(box.dir, "summary.md"),
            },
            ...filledAll(job.env, context),
            ...filledAll(step.env, context),
          };
          const [action = ""] = (step.uses ?? "").split("@");
          const script =
            step.uses === undefined
              ? filled(step.run ?? "", context)
              : (doneByHand[action] ?? expect.fail(`${action} is not known here`))(
                  filledAll(step.with, context),
                );
          const { code, output } = await inJob(env, script);
          outcome = code === 0 ? "success" : "failure";
          if (code !== 0) results.push(output);
          failed ||= code !== 0;
        }
        if (step.id !== undefined) steps[step.id] = { outcome };
      }
      if (!failed) results.push("success");
    }
    return results;
  }

  test("a pull request gets one comment for both stacks, and statuses; one of a fork runs nothing", async () => {
    const workflow = named("environment: production");
    expect(await runJob(workflow, "plan", "pull_request", { pull_request: pull })).toEqual([
      "success",
      "success",
    ]);
    expect(commented().map(({ info }) => `${info.stack}: ${info.summary}`)).toEqual([
      "production: 2 to create",
      "staging: 2 to create",
    ]);
    expect(statuses()).toEqual(["orch/shop/production: success", "orch/shop/staging: success"]);
    const fork = { ...pull, head: { ...pull.head, repo: { full_name: "mallory/shop" } } };
    expect(await runJob(workflow, "plan", "pull_request", { pull_request: fork })).toBeUndefined();
    expect(await runJob(workflow, "apply", "pull_request", { pull_request: pull })).toBeUndefined();
  });
  test("a plan that fails is in the comment, and the job is red", async () => {
    box.write("index.ts", 'throw new Error("no such bucket");\n');
    const results = await runJob(named("environment: production"), "plan", "pull_request", {
      pull_request: pull,
    });
    expect(results).toEqual([
      expect.stringContaining("no such bucket"),
      expect.stringContaining("no such bucket"),
    ]);
    expect(commented()[0]?.body).toContain("no such bucket");
    expect(statuses()).toEqual(["orch/shop/production: failure", "orch/shop/staging: failure"]);
  });
  test("what was merged is applied; drift is told at night, in Slack and in an issue, once", async () => {
    expect(await runJob(named("environment: production"), "apply", "push", {})).toEqual(["success"]);
    expect(commented().map(({ info }) => info.summary)).toEqual([expect.stringContaining("2 created")]);
    const drift = named("restore-keys: drift-news-");
    expect(await runJob(drift, "drift", "schedule", {})).toEqual(["success"]);
    const told = () => internet.asked.filter(({ url }) => url === slack).length;
    expect(told()).toBe(0);
    await box.run("echo changed > production/greeting.txt");
    // Red: exit code 2.
    const red = await runJob(drift, "drift", "schedule", {});
    expect([red?.length, red?.[0] === "success", told()]).toEqual([1, false, 1]);
    expect(commented().map(({ info }) => info)).toContainEqual(
      expect.objectContaining({ kind: "drift", stack: "production", state: "failure" }),
    );
    await runJob(drift, "drift", "schedule", {});
    expect(told()).toBe(1);
  });
  test("a fork's plan is commented from an artifact", async () => {
    await inJob(secrets, "orch plan --stack staging --format markdown > plan.md");
    const event = {
      workflow_run: { id: 7, event: "pull_request", head_sha: commit, pull_requests: { 0: { number: 12 } } },
    };
    expect(await runJob(named("path: from-the-fork"), "comment", "workflow_run", event)).toEqual(["success"]);
    expect(internet.comments[0]?.body).toContain("orch:comment fork");
  });
});

describe("GitLab CI", () => {
  interface Job {
    readonly before_script?: readonly string[];
    readonly script: readonly string[];
    readonly variables?: Readonly<Record<string, string>>;
  }
  const [content = ""] = recipes("docs/ci/gitlab.md");
  const program = join(
    dirname(createRequire(import.meta.url).resolve("gitlab-ci-local/package.json")),
    "dist/index.js",
  );

  /** Standard output. It looks at the repository that it is started in. */
  function gitlab(...args: string[]): string {
    const dir = mkdtempSync(join(folder, "gitlab-"));
    writeFileSync(join(dir, ".gitlab-ci.yml"), content);
    const git = (...words: string[]) => execFileSync("git", words, { cwd: dir, stdio: "ignore" });
    git("init", "-q", "-b", "main");
    git("-c", "user.name=x", "-c", "user.email=x@example.com", "commit", "-q", "--allow-empty", "-m", "x");
    git("remote", "add", "origin", "https://gitlab.example.com/acme/shop.git");
    return execFileSync(process.execPath, [program, ...args], {
      cwd: dir,
      env: { ...process.env, HOME: dir, GCL_IGNORE_PREDEFINED_VARS: "CI_PIPELINE_SOURCE" },
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    });
  }
  /** Jobs of a pipeline of that kind, a matrix's one by one: name → when. */
  const pipeline = (source: string): Readonly<Record<string, string>> =>
    Object.fromEntries(
      (
        JSON.parse(gitlab("--list-json", "--variable", `CI_PIPELINE_SOURCE=${source}`)) as {
          name: string;
          when: string;
        }[]
      )
        .filter(({ when }) => when !== "never")
        .map(({ name, when }) => [name, when]),
    );
  const whole = (): Readonly<Record<string, Job>> => parse(gitlab("--preview")) as Record<string, Job>;

  const predefined = {
    ...{
      CI: "true",
      GITLAB_CI: "true",
      CI_API_V4_URL: "https://gitlab.example.com/api/v4",
      CI_PROJECT_ID: "42",
    },
    ...{ CI_MERGE_REQUEST_IID: "12", CI_COMMIT_SHA: commit, GITLAB_TOKEN: "glpat-of-the-project" },
    ...{ ORCH_PASSPHRASE: "correct horse", ORCH_SLACK_WEBHOOK_URL: slack },
  };
  /** As GitLab's runner does: one shell, ended by the first failure. */
  const runJob = (
    { before_script = [], script, variables }: Job,
    more: Readonly<Record<string, string>> = {},
  ) => inJob({ ...predefined, ...variables, ...more }, [...before_script, ...script].join("\n"));

  test("by GitLab's schema and rules: which jobs run when", () => {
    expect(pipeline("merge_request_event")).toEqual({
      "plan: [staging]": "on_success",
      "plan: [production]": "on_success",
    });
    expect(pipeline("push")).toEqual({ apply: "manual" });
    expect(pipeline("schedule")).toEqual({ drift: "on_success" });
  });
  test("a merge request gets one note for both stacks; what is merged is applied; drift is told, once", async () => {
    const { plan, apply, drift } = whole() as { plan: Job; apply: Job; drift: Job };
    for (const STACK of ["staging", "production"]) {
      const { code, output } = await runJob(plan, { STACK });
      expect(code, output).toBe(0);
    }
    expect(commented().map(({ info }) => `${info.stack}: ${info.summary}`)).toEqual([
      "production: 2 to create",
      "staging: 2 to create",
    ]);
    expect(statuses()).toEqual(["orch/shop/production: success", "orch/shop/staging: success"]);
    const applied = await runJob(apply);
    expect(applied.code, applied.output).toBe(0);
    expect(commented().map(({ info }) => info.summary)).toContainEqual(expect.stringContaining("2 created"));
    expect((await runJob(drift)).code).toBe(0);
    await box.run("echo changed > production/greeting.txt");
    const told = () => internet.asked.filter(({ url }) => url === slack).length;
    expect([(await runJob(drift)).code, told()]).toEqual([2, 1]);
    expect([(await runJob(drift)).code, told()]).toEqual([2, 1]);
  });
  test("a plan that fails is in the note, and the job is red", async () => {
    box.write("index.ts", 'throw new Error("no such bucket");\n');
    const { code } = await runJob((whole() as { plan: Job }).plan, { STACK: "staging" });
    expect(code).toBe(1);
    expect(commented()[0]?.body).toContain("no such bucket");
    expect(statuses()).toEqual(["orch/shop/staging: failed"]);
  });
});
