/** What the documentation shows of systems that are more than npm packages: examples of commands, and whole pages, run against the real ones. */
import { execFileSync } from "node:child_process";
import { cpSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "vitest";
import { readPage, root } from "../docs/blocks.js";
import type { Example } from "../docs/examples.js";
import { labPages } from "../docs/lab-pages.js";
import { testExamples } from "../docs/run-examples.js";
import { type Sandbox, type SandboxOptions, sandbox } from "../docs/sandbox.js";
import { walk } from "../docs/walk.js";
import { startKubernetes } from "./kubernetes.js";
import { startPostgres } from "./postgres.js";
import { describeLab } from "./requirements.js";

interface Started extends SandboxOptions {
  /** Before the page's first command. */
  prepare?(box: Sandbox): Promise<void>;
  stop?(): Promise<void>;
}

const needs =
  (...names: string[]) =>
  (example: Example): boolean =>
    example.needs?.every((name) => names.includes(name)) ?? false;

async function postgres(): Promise<Started> {
  const server = await startPostgres({ tls: true });
  await server.sql(`create role orch login password '${server.password}'`);
  await server.sql("create database infra owner orch");
  return {
    env: { PGPASSWORD: server.password, PGSSLROOTCERT: server.rootCertificate },
    elsewhere: { "db.example.com": `localhost:${server.port}` },
    stop: () => server.remove(),
  };
}

async function kubernetes(): Promise<Started> {
  const cluster = await startKubernetes();
  return { env: { KUBECONFIG: cluster.kubeconfig }, stop: () => cluster.remove() };
}

/** How this machine gets to npm's registry: what its own settings say, which the sandbox does not see. */
function registry(): Record<string, string> {
  const set = JSON.parse(
    execFileSync("npm", ["config", "list", "--json"], { cwd: tmpdir(), encoding: "utf8" }),
  );
  const names = ["registry", "proxy", "https-proxy", "noproxy", "cafile", "strict-ssl"];
  const wanted = names.flatMap((name): [string, string][] =>
    set[name] === undefined || set[name] === null || set[name] === ""
      ? []
      : [[`npm_config_${name.replaceAll("-", "_")}`, String(set[name])]],
  );
  const passed = Object.entries(process.env).filter(([name]) =>
    /^(https?_proxy|no_proxy|NODE_EXTRA_CA_CERTS|SSL_CERT_FILE)$/i.test(name),
  );
  return Object.fromEntries([...wanted, ...passed]) as Record<string, string>;
}

/** A copy of this checkout, as it is now, in which the page begins; npm is the real one, and installs into the sandbox. */
async function checkout(): Promise<Started> {
  return {
    real: true,
    env: { ...registry(), npm_config_cache: join(tmpdir(), `orch-test-npm-${process.getuid?.() ?? 0}`) },
    async prepare(box) {
      const files = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
        cwd: root,
        encoding: "utf8",
      });
      for (const file of files.split("\0").filter(Boolean))
        cpSync(join(root, file), join(box.dir, "orch", file));
      symlinkSync(join(root, "node_modules"), join(box.dir, "orch", "node_modules"));
      await box.run("cd orch");
    },
  };
}

const starts: Readonly<Record<string, () => Promise<Started>>> = {
  "README.md": checkout,
  "docs/kubernetes.md": kubernetes,
  "docs/quick-start.md": checkout,
  "docs/state.md": postgres,
};

describeLab("examples of commands, with other programs", ["jq", "graphviz"], () => {
  testExamples(needs("jq", "graphviz"));
});

describeLab("examples of commands, with PostgreSQL", ["postgres"], () => {
  testExamples(needs("postgres"), postgres);
});

describe.each(Object.entries(labPages))("the page %s", (file, tools) => {
  describeLab("from its top to its end", tools, () => {
    test("does what it shows", { timeout: 1_800_000 }, async () => {
      const { prepare, stop, ...options } = (await starts[file]?.()) ?? {};
      const box = sandbox(options);
      try {
        await prepare?.(box);
        await walk(readPage(file), box, "lab");
      } finally {
        box.remove();
        await stop?.();
      }
    });
  });
});
