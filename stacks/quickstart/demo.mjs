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
import { root } from "../../scripts/setup.mjs";
import {
  Broken,
  bold,
  check,
  commandLine,
  heading,
  say,
  startOnPinnedNode,
  tellFailure,
} from "../../scripts/tour.mjs";

const here = dirname(fileURLToPath(import.meta.url));
const keep = process.argv.includes("--keep");

startOnPinnedNode();

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
const { orch, ask, attempt, alias } = commandLine(project, env);

async function get(url, headers) {
  const response = await fetch(url, { headers });
  return { status: response.status, text: await response.text() };
}

let applied = false;

async function demo() {
  const port = await freePort();
  say("A stack is an ordinary Pulumi program: stacks/quickstart/index.ts. This is a copy of it in");
  say(`  ${project}`);

  heading("A stack, its configuration, a secret");
  await orch(["stack", "init", "demo"]);
  await orch(["config", "set", "port", String(port)]);
  const secret = `demo-${Math.random().toString(36).slice(2)}`;
  await orch(["config", "set", "token", "--secret"], { input: `${secret}\n` });
  const settings = readFileSync(join(project, "Pulumi.demo.yaml"), "utf8");
  check(!settings.includes(secret), "the token is not in clear in Pulumi.demo.yaml");

  heading("What would happen, kept in a file");
  await orch(["plan", "--out", "first.plan"]);

  heading("Do exactly that");
  applied = true;
  await orch(["apply", "first.plan", "--yes"]);
  const { url } = await ask(["stack", "output", "--json"]);
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
  await orch(["drift"], { expected: 2 });
  say("\n  (exit code 2: something is not as it was left; a scheduled job can act on that)");

  heading("Heal it");
  await orch(["apply", "--refresh", "--yes"]);
  const healed = await get(url);
  check(healed.text.includes("tea: 4.5"), "the tea costs 4.5 again");
  const now = JSON.parse((await get(`${url}/api/items`)).text);
  check(
    now.some((item) => item.title === "bread"),
    "the bread is back, under a new id, and the page has that id",
  );
  check(healed.text.includes(now.find((item) => item.title === "bread").id), "both worlds agree");

  heading("Nothing more to do");
  await orch(["plan", "--refresh", "--detailed-exitcode"]);
  await orch(["drift"]);

  if (keep) return keepRunning(url);
  heading("Take it all away");
  await orch(["destroy", "--yes"]);
  applied = false;
  const answers = await get(url).then(
    () => true,
    () => false,
  );
  check(!answers && !existsSync(join(project, "run")), "the service is gone, and so are its files");
  await orch(["stack", "rm", "demo", "--yes"]);
}

function keepRunning(url) {
  heading("It keeps running");
  say(`  ${url} answers. To go on:`);
  say(`    cd ${project}`);
  say(`    ${alias}`);
  say("    orch plan; orch graph; orch state ls; orch destroy");
}

const started = Date.now();
let failed = false;
try {
  await demo();
  say(`\n${bold(`Done in ${Math.round((Date.now() - started) / 1000)} s.`)} Next: README.md, then npm test.`);
} catch (error) {
  failed = true;
  tellFailure(error);
} finally {
  if (failed && applied) {
    say("\nCleaning up.");
    await attempt(["destroy", "--yes"]);
    const settings = join(project, "run", "settings.json");
    if (existsSync(settings))
      spawnSync(process.execPath, [join(project, "service", "server.mjs"), "stop", settings], {
        stdio: "inherit",
      });
  }
  if (!keep || failed) rmSync(project, { recursive: true, force: true });
}
