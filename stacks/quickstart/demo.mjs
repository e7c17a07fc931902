// `npm run demo`: everything that orch does, once, for real, on this machine, in about a minute. Works as the first
// command after a clone: it installs and compiles what it needs. With --keep the stack stays running at the end.

import { spawnSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { pinnedNode, root, setup } from "../../scripts/setup.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const keep = process.argv.includes("--keep");
const bold = (text) => (process.stdout.isTTY && !process.env.NO_COLOR ? `\x1b[1m${text}\x1b[0m` : text);
const say = (text) => process.stdout.write(`${text}\n`);
const heading = (text) => say(`\n${bold(`── ${text} ${"─".repeat(Math.max(3, 76 - text.length))}`)}`);

/** Ends the demo: something is not as it was promised. */
class Broken extends Error {}

if (!process.env.ORCH_DEMO_STARTED) {
  // This may be any Node from 20 on; the rest runs on the one that the workspace pins.
  try {
    setup(say);
  } catch (error) {
    process.stderr.write(`demo: ${error.message}\n`);
    process.exit(1);
  }
  const env = { ...process.env, ORCH_DEMO_STARTED: "1" };
  const { status, signal } = spawnSync(pinnedNode, process.argv.slice(1), { stdio: "inherit", env });
  process.exit(status ?? (signal === "SIGINT" ? 130 : 1));
}

/** A port that nothing listens on right now. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = createServer().on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** A copy of the stack with a home of its own, so that the demo leaves nothing behind. */
function workingCopy() {
  const copy = realpathSync(mkdtempSync(join(tmpdir(), "orch-quickstart-")));
  for (const file of [
    "Pulumi.yaml",
    "package.json",
    "tsconfig.json",
    "index.ts",
    "shop.ts",
    "item.ts",
    "service",
  ])
    cpSync(join(here, file), join(copy, file), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(copy, "node_modules"));
  return copy;
}

const project = workingCopy();
const env = { ...process.env, HOME: join(project, ".home") };
for (const name of Object.keys(env)) if (/^(XDG_|ORCH_|PULUMI_)/.test(name)) delete env[name];
const cli = join(root, "packages", "cli", "bin", "orch.js");

/** Runs orch as a person would, with its output on the screen. `input` goes to its standard input. */
function orch(args, { expected = 0, input } = {}) {
  say(`\n${bold(`$ orch ${args.join(" ")}`)}`);
  const stdio = [input === undefined ? "ignore" : "pipe", "inherit", "inherit"];
  const { status, signal, error } = spawnSync(process.execPath, [cli, ...args], {
    cwd: project,
    env,
    stdio,
    input,
  });
  if (error) throw error;
  if (status !== expected)
    throw new Broken(
      `orch ${args.join(" ")} ended with ${signal ?? status}, and ${expected} was to be expected`,
    );
}

/** What orch says to a program: nothing on the screen. */
function ask(args) {
  const done = spawnSync(process.execPath, [cli, ...args], { cwd: project, env, encoding: "utf8" });
  if (done.status !== 0) throw new Broken(`orch ${args.join(" ")} ended with ${done.status}: ${done.stderr}`);
  return JSON.parse(done.stdout);
}

async function get(url, headers) {
  const response = await fetch(url, { headers });
  return { status: response.status, text: await response.text() };
}

function check(holds, what) {
  if (!holds) throw new Broken(`not so: ${what}`);
  say(`  ✓ ${what}`);
}

let applied = false;

async function demo() {
  const port = await freePort();
  say("A stack is an ordinary Pulumi program: stacks/quickstart/index.ts. This is a copy of it in");
  say(`  ${project}`);

  heading("A stack, its configuration, a secret");
  orch(["stack", "init", "demo"]);
  orch(["config", "set", "port", String(port)]);
  const secret = `demo-${Math.random().toString(36).slice(2)}`;
  orch(["config", "set", "token", "--secret"], { input: `${secret}\n` });
  const settings = readFileSync(join(project, "Pulumi.demo.yaml"), "utf8");
  check(!settings.includes(secret), "the token is not in clear in Pulumi.demo.yaml");

  heading("What would happen, kept in a file");
  orch(["plan", "--out", "first.plan"]);

  heading("Do exactly that");
  applied = true;
  orch(["apply", "first.plan", "--yes"]);
  const { url } = ask(["stack", "output", "--json"]);
  const page = await get(url);
  check(
    page.status === 200 && page.text.includes("tea: 4.5"),
    `${url} really answers, with the page that orch wrote:`,
  );
  say(page.text.trimEnd().replace(/^/gm, "      "));
  const items = JSON.parse((await get(`${url}/api/items`)).text);
  check(items.length === 3, `its API holds ${items.map((item) => `${item.title} (${item.id})`).join(", ")}`);

  heading("Somebody changes things behind orch's back");
  const file = join(project, "run", "index.html");
  writeFileSync(file, readFileSync(file, "utf8").replace("tea: 4.5", "tea: 99"));
  say("  the page now asks 99 for the tea");
  const bread = items.find((item) => item.title === "bread");
  const gone = await fetch(`${url}/api/items/${bread.id}`, {
    method: "DELETE",
    headers: { authorization: `Bearer ${secret}` },
  });
  if (!gone.ok) throw new Broken(`the API answered ${gone.status} to the deletion of ${bread.id}`);
  say(`  the bread (${bread.id}) is deleted through the API`);
  orch(["drift"], { expected: 2 });
  say("\n  (exit code 2: something is not as it was left; a scheduled job can act on that)");

  heading("Heal it");
  orch(["apply", "--refresh", "--yes"]);
  const healed = await get(url);
  check(healed.text.includes("tea: 4.5"), "the tea costs 4.5 again");
  const now = JSON.parse((await get(`${url}/api/items`)).text);
  check(
    now.some((item) => item.title === "bread"),
    "the bread is back, under a new id, and the page has that id",
  );
  check(healed.text.includes(now.find((item) => item.title === "bread").id), "both worlds agree");

  heading("Nothing more to do");
  orch(["plan", "--refresh", "--detailed-exitcode"]);
  orch(["drift"]);

  if (keep) return keepRunning(url);
  heading("Take it all away");
  orch(["destroy", "--yes"]);
  applied = false;
  const answers = await get(url).then(
    () => true,
    () => false,
  );
  check(!answers && !existsSync(join(project, "run")), "the service is gone, and so are its files");
  orch(["stack", "rm", "demo", "--yes"]);
}

function keepRunning(url) {
  heading("It keeps running");
  say(`  ${url} answers. To go on:`);
  say(`    cd ${project}`);
  say(`    alias orch="HOME=${env.HOME} ${process.execPath} ${cli}"`);
  say("    orch plan; orch graph; orch state ls; orch destroy");
}

const started = Date.now();
let failed = false;
try {
  await demo();
  say(`\n${bold(`Done in ${Math.round((Date.now() - started) / 1000)} s.`)} Next: README.md, then npm test.`);
} catch (error) {
  failed = true;
  process.stderr.write(`\ndemo: ${error instanceof Broken ? error.message : error.stack}\n`);
  process.exitCode = 1;
} finally {
  if (failed && applied) {
    say("\nCleaning up.");
    spawnSync(process.execPath, [cli, "destroy", "--yes"], { cwd: project, env, stdio: "inherit" });
    const settings = join(project, "run", "settings.json");
    if (existsSync(settings))
      spawnSync(process.execPath, [join(project, "service", "server.mjs"), "stop", settings], {
        stdio: "inherit",
      });
  }
  if (!keep || failed) rmSync(project, { recursive: true, force: true });
}
