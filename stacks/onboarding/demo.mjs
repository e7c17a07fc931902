// `npm run demo:onboarding`: three people come, one moves, one leaves and comes back, on real systems that are started for it: a domain
// controller (Samba), a SCIM server, PocketBase, PostgreSQL and a file server over SSH. It needs root, for the domain controller's
// network, and installs what is missing of them first (Debian, PyPI, Go). It takes all of it away again.

import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { pinnedNode, root, setup } from "../../scripts/setup.mjs";

const say = (text) => process.stdout.write(`${text}\n`);

/** Runs to its end with its output shown; ends this process when that is not well. */
function must(command, args, env = process.env) {
  const { status, signal } = spawnSync(command, args, { stdio: "inherit", cwd: root, env });
  if (status !== 0) process.exit(status ?? (signal === "SIGINT" ? 130 : 1));
}

if (!process.env.ORCH_DEMO_STARTED) {
  setup(say);
  must(process.execPath, [
    join(root, "test/lab/install.mjs"),
    ...["samba", "scim", "pocketbase", "postgres", "sshd"],
  ]);
  must(pinnedNode, process.argv.slice(1), { ...process.env, ORCH_DEMO_STARTED: "1" });
  process.exit(0);
}

// The systems are the lab's, which are TypeScript; a bundle beside the workspace's packages runs them.
const { build } = await import("esbuild");
const folder = mkdtempSync(join(root, "node_modules", ".orch-demo-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
const outfile = join(folder, "demo.mjs");
await build({
  entryPoints: [join(root, "test/lab/onboarding-story.ts")],
  outfile,
  bundle: true,
  platform: "node",
  format: "esm",
  packages: "external",
  // Where the lab's files look for what is beside them.
  define: { "import.meta.url": JSON.stringify(pathToFileURL(join(root, "test/lab/demo.ts")).href) },
  logLevel: "error",
});
const { story } = await import(pathToFileURL(outfile).href);
process.exitCode = await story(say);
