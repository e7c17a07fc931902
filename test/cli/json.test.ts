/** What every command prints with `--json` is what docs/schemas/cli-1.json says, and nothing else; so are the lines of `--events`. */
import { spawn } from "node:child_process";
import { appendFileSync, existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import { describe, expect, test } from "vitest";
import commands from "../../packages/cli/src/commands/index.js";
import { placePlugin } from "../plugins/place.js";
import { cliSchema, documentTypes, eventTypes, mistakesIn } from "./cli-schema.js";
import { bin, type Project, project, type RunOptions, stack } from "./kit.js";
import { dynamicProgram, filesProgram } from "./programs.js";

type Json = Readonly<Record<string, unknown>>;
const ran = new Set<string>();
const seen = new Set<string>();

/** Runs it with `--json`, holds what it prints against the schema, and gives its documents (more than one for `apply`). */
async function json(made: Project, words: string, code = 0, options: RunOptions = {}): Promise<Json[]> {
  const args = [...words.split(" "), "--json"];
  const result = await made.orch(args, options);
  expect(`${words}: ${result.code}\n${result.code === code ? "" : result.stderr}`).toBe(
    `${words}: ${code}\n`,
  );
  const [first = "", second = ""] = args;
  const id = [`${first}:${second}`, first].find((name) => name in commands);
  if (id !== undefined) ran.add(id);
  const lines = /^\{"/.test(result.stdout);
  const documents = (lines ? result.stdout.trimEnd().split("\n") : [result.stdout]).map(
    (text) => JSON.parse(text) as Json,
  );
  for (const one of documents) {
    const kind = documentTypes.includes(String(one.type)) ? "document" : "event";
    expect([words, ...mistakesIn(one, kind)]).toEqual([words]);
    seen.add(String(one.type));
  }
  return documents;
}

const lines = (text: string): Json[] =>
  text
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line) as Json);

function checkedEvents(text: string): Json[] {
  const events = lines(text);
  for (const event of events) {
    expect(mistakesIn(event, "event")).toEqual([]);
    seen.add(String(event.type));
  }
  return events;
}

describe("the real output of every command", () => {
  test("a stack's whole life", async () => {
    const empty = project({});
    const [made] = await json(empty, "new here --name shop");
    expect(made).toMatchObject({ type: "new", project: "shop" });
    await json(empty, "doctor");
    await json(empty, "explain");
    await json(empty, "explain plan-stale");

    const shop = project(filesProgram());
    await json(shop, "stack init dev");
    await json(shop, "stack init other");
    await json(shop, "stack select dev");
    await json(shop, "stack ls");
    await json(shop, "stack rm other --yes");
    await json(shop, "config set greeting hello");
    await json(shop, "config set token --secret", 0, { input: "s3cret-value" });
    await json(shop, "config get greeting");
    await json(shop, "config ls");
    await json(shop, "config rm greeting");
    await json(shop, "whoami");
    await json(shop, "plan --out a.plan");
    await json(shop, "show plan a.plan");
    const input = await shop.ok(["show", "plan", "a.plan", "--format", "markdown"]);
    const where = "--platform github --repository acme/shop --number 12";
    await json(shop, `comment --dry-run ${where}`, 0, { input });
    await json(shop, "graph --plan");
    await json(shop, "explain");
    await json(shop, "explain page");
    await json(shop, "explain page a.plan");
    await json(shop, "explain pgae", 64);
    await json(shop, "apply a.plan --yes --events events");
    await json(shop, "apply a.plan --yes", 3);
    await json(shop, "graph");
    await json(shop, "graph --plan --events events");
    await json(shop, "graph --events events", 64);
    const [timeline] = await json(shop, "timeline");
    expect(timeline).toMatchObject({ run: 1, outcome: "succeeded", mostAtOnce: expect.any(Number) });
    const { calls, criticalPath } = timeline as { calls: { urn: string }[]; criticalPath: number[] };
    expect(calls.length).toBeGreaterThan(2);
    expect(calls[criticalPath.at(-1) as number]).toBeDefined();
    await json(shop, "timeline --format svg", 64);
    await json(shop, "completion fish");
    await json(shop, "state ls");
    await json(shop, "state show token");
    writeFileSync(shop.path("out/page.html"), "changed by hand\n");
    await json(shop, "drift --events events", 2);
    appendFileSync(
      shop.path("orch.yaml"),
      'drift:\n  ignore:\n    - type: "*"\n      paths: ["*"]\n      reason: tests\n',
    );
    await json(shop, "drift");
    await json(shop, "refresh --yes --events events");
    shop.write(filesProgram("Goodbye"));
    await json(shop, "apply --yes --refresh");
    await json(shop, "history");
    await json(shop, "history 1");
    await json(shop, "state diff 1");
    await json(shop, "undo --out back.plan");
    await json(shop, "undo --yes --events events");
    await json(shop, "unlock");
    await json(shop, "resume --events events");
    await json(shop, "state pull dev.state.json");
    await json(shop, "state push dev.state.json --force");
    await json(shop, "stack export --file pulumi.json --show-secrets");
    await json(shop, "state migrate --to sqlite:elsewhere.db");
    const backend = `sqlite:${shop.path("elsewhere.db")}`;
    await json(shop, `login ${backend}`);
    await json(shop, "plan --events events");
    await json(shop, "logout");
    await json(shop, "logout");
    const env = { ORCH_BACKEND: backend };
    await json(shop, "secrets rotate", 0, { env });
    await json(shop, "secrets change-provider passphrase", 0, { env: { ...env, ORCH_PASSPHRASE: "word" } });
    await json(shop, "destroy --yes --events events", 0, { env: { ...env, ORCH_PASSPHRASE: "word" } });

    const checkpoint = readFileSync(shop.path("pulumi.json"), "utf8");
    const copy = project(filesProgram());
    await json(copy, "stack init dev");
    copy.write({ "pulumi.json": checkpoint });
    await json(copy, "stack import --file pulumi.json");

    const outputs = await copy.ok(["stack", "output", "--json"]);
    expect(JSON.parse(outputs)).toMatchObject({ secret: "[secret]" });
    ran.add("stack:output");

    const events = checkedEvents(readFileSync(shop.path("events"), "utf8"));
    expect(events[0]).toMatchObject({ type: "command-started", command: "apply", stack: "dev" });
    expect(events.at(-1)).toMatchObject({ type: "command-ended", exitCode: 0 });
    expect(events.filter(({ type }) => type === "command-started").map(({ command }) => command)).toEqual([
      ...["apply", "graph", "drift", "refresh", "undo", "resume", "plan", "destroy"],
    ]);
    expect(events.filter(({ type }) => type === "command-ended")).toHaveLength(8);
    expect(JSON.stringify(events)).not.toContain("s3cret-value");
  });

  test("an import, and the program for it", async () => {
    const made = await stack({ "orch.yaml": "name: taken\n", "index.ts": "export {};\n", note: "hello\n" });
    const documents = await json(made, `import host:index:File note ${made.path("note")} --yes`);
    expect(documents.at(-1)).toMatchObject({ type: "import-code", secrets: [] });
  });

  test("the console answers with a line for each expression, mistakes among them", async () => {
    const made = await stack(filesProgram());
    await made.ok(["apply", "--yes"]);
    const input = "outputs.path\n({ a: [1] })\nconst n = 2\nn +\n1\nnothing.there\n1n\n.nonsense\n";
    const answers = await json(made, "console", 1, { input });
    expect(answers.map(({ value, mistake }) => value ?? mistake)).toEqual([
      ...[made.path("out"), { a: [1] }, undefined, 3],
      ...["ReferenceError: nothing is not defined", "TypeError: Do not know how to serialize a BigInt"],
      "There is no command .nonsense.",
    ]);
    expect(answers[3]).toMatchObject({ input: "n +\n1" });
    expect(answers.every(({ type }) => type === "answer")).toBe(true);
  });

  test("watch: a line per plan, failure and save, on standard output and with what happened in the file", async () => {
    const made = await stack(filesProgram());
    const child = spawn(process.execPath, [bin, "watch", "--json", "--events", "events"], {
      cwd: made.dir,
      env: { ...made.env },
      stdio: ["ignore", "pipe", "ignore"],
    });
    ran.add("watch");
    const ended = new Promise((resolve) => child.on("exit", resolve));
    let out = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      out += text;
    });
    const types = (): unknown[] =>
      out
        .split("\n")
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as Json).type);
    const until = (n: number) =>
      expect.poll(() => types().filter((type) => type === "watching").length, { timeout: 60_000 }).toBe(n);
    await until(1);
    made.write({ "index.ts": "export const = broken;" });
    await until(2);
    made.write(filesProgram("Goodbye"));
    await until(3);
    child.kill("SIGINT");
    expect(await ended).toBe(0);
    expect(types()).toEqual([
      ...["plan", "watching", "files-changed", "error", "watching", "files-changed", "plan", "watching"],
    ]);
    for (const line of lines(out)) {
      const kind = documentTypes.includes(String(line.type)) ? "document" : "event";
      expect(mistakesIn(line, kind)).toEqual([]);
    }
    const events = checkedEvents(readFileSync(made.path("events"), "utf8"));
    expect(
      events
        .map(({ type }) => type)
        .filter((type) => /^(?:command|files|watch|plan-made|plan$|error)/.test(String(type))),
    ).toEqual([
      ...[
        "command-started",
        "plan",
        "watching",
        "files-changed",
        "error",
        "watching",
        "files-changed",
        "plan",
      ],
      ...["watching", "command-ended"],
    ]);
  });

  test("plugins", async () => {
    const made = await stack({ "orch.yaml": "name: plain\n", "index.ts": "export {};\n" });
    const plugin = placePlugin(join(made.dir, "vendor"), "scripted", "1.2.3");
    await json(made, `plugin install scripted 1.2.3 --file ${plugin}`);
    await json(made, `plugin install scripted 1.2.3 --file ${plugin}`);
    await json(made, "plugin ls");
    await json(made, "plugin lock scripted@1.2.3");
    await json(made, "plugin rm scripted --yes");
  });

  test("failures are one line, whatever the command", async () => {
    const made = await stack(dynamicProgram(`async create() { throw new Error("no more room"); }`));
    appendFileSync(
      made.path("index.ts"),
      `const first = new Thing("first", { size: 2 });
new Thing("second", { size: 3 }, { dependsOn: [first] });
console.log("said");
pulumi.log.info("noted");
`,
    );
    const failed = await json(made, "apply --yes --events events", 1);
    expect(failed.map(({ type }) => type)).toEqual(
      expect.arrayContaining(["program-output", "log", "step-failed", "step-skipped", "apply-ended"]),
    );
    checkedEvents(readFileSync(made.path("events"), "utf8"));
    expect(await json(made, "state show nothing", 64)).toMatchObject([{ type: "error", exitCode: 64 }]);
    expect(await json(made, "apply --nonsense", 64)).toMatchObject([{ type: "error", exitCode: 64 }]);
    expect(await json(made, "nonsense", 64)).toMatchObject([{ type: "error", exitCode: 64 }]);
    made.write({ "index.ts": "throw new Error('broken')" });
    const broken = await json(made, "apply --yes --events broken", 1);
    expect(broken.at(-1)).toMatchObject({ type: "error", error: { reason: "program-error" } });
    const events = checkedEvents(readFileSync(made.path("broken"), "utf8"));
    expect(events.slice(-2)).toMatchObject([{ type: "error" }, { type: "command-ended", exitCode: 1 }]);
  });

  test("steps that were cut off, locks of a run that goes on, and the file that a kill leaves", async () => {
    const made = await stack(
      dynamicProgram(
        `async create(inputs: any) {
      require("node:fs").writeFileSync(inputs.mark, "");
      await new Promise((resolve) => setTimeout(resolve, 600_000));
      return { id: "thing-1", outs: inputs };
    }`,
        `{ mark: process.cwd() + "/mark" }`,
      ),
    );
    const child = spawn(process.execPath, [bin, "apply", "--yes", "--events", "events"], {
      cwd: made.dir,
      env: { ...made.env },
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.on("exit", resolve));
    while (!existsSync(made.path("mark"))) await new Promise((resolve) => setTimeout(resolve, 20));
    const [locks] = await json(made, "unlock");
    const [lock] = (locks as { locks: { id: number }[] }).locks;
    const waiting = await json(made, "apply --yes --lock-timeout 1s --events waiting", 1);
    expect(waiting.map(({ type }) => type)).toContain("lock-waiting");
    expect(checkedEvents(readFileSync(made.path("waiting"), "utf8")).at(-2)).toMatchObject({
      type: "error",
      error: { reason: "state-locked" },
    });
    const next = json(made, "apply --yes --events next", 4);
    const said = (file: string): string => (existsSync(file) ? readFileSync(file, "utf8") : "");
    while (!said(made.path("next")).includes("lock-waiting"))
      await new Promise((resolve) => setTimeout(resolve, 20));
    await json(made, `unlock ${lock?.id} --yes`);
    expect((await next).map(({ type }) => type)).toContain("lock-acquired");
    child.kill("SIGKILL");
    await ended;
    const left = checkedEvents(readFileSync(made.path("events"), "utf8"));
    expect(left.at(-1)).toMatchObject({ type: "step-started", op: "create" });
    await json(made, "resume", 4);
    // A line that was cut short is ended before the next command writes.
    appendFileSync(made.path("events"), '{"format":1,"type":"lo');
    await json(made, "plan --events events", 4);
    const after = readFileSync(made.path("events"), "utf8").split("\n");
    const cut = after.indexOf('{"format":1,"type":"lo');
    expect(cut).toBe(left.length);
    checkedEvents(after.slice(cut + 1).join("\n"));
  });

  // Last: what the tests above have run is counted.
  test("no command, no document and no event was left out", () => {
    const takes = Object.entries(commands as Readonly<Record<string, { readonly flags?: object }>>)
      .filter(([, { flags = {} }]) => "json" in flags)
      .map(([id]) => id);
    expect(takes.filter((id) => !ran.has(id))).toEqual([]);
    expect(Object.keys(commands).filter((id) => !takes.includes(id))).toEqual([]);
    const types = [...new Set([...documentTypes, ...eventTypes])];
    expect(types.filter((type) => !seen.has(type))).toEqual([]);
  });
});

test("the published schema is a schema, and lets what is added later pass", () => {
  const ajv = new Ajv2020({ strict: true, strictTypes: false, strictRequired: false });
  ajv.addFormat("date-time", true);
  const validate = ajv.compile(cliSchema);
  expect(validate({ format: 1, type: "stack-selected", stack: "dev", later: true })).toBe(true);
  expect(validate({ format: 1, type: "stack-selected" })).toBe(false);
  expect(validate({ format: 2, type: "stack-selected", stack: "dev" })).toBe(false);
});
