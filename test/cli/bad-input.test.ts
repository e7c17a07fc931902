/** Whatever a person gets wrong, or the world does: what is said, the exit code, and that nothing is lost. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { DatabaseSync } from "node:sqlite";
import ssh2 from "ssh2";
import { afterEach, describe, expect, test } from "vitest";
import { golden, type Project, project, stack, transcript } from "./kit.js";
import { dynamicProgram, filesProgram } from "./programs.js";

const run = async (made: Project, ...args: string[]): Promise<string> =>
  transcript(args, await made.orch(args), made);

describe("the command line", () => {
  test("unknown words and flags are told with what was meant", async () => {
    const made = project({});
    const text = [
      await run(made, "plam"),
      await run(made, "stack", "lst"),
      await run(made, "stack", "something"),
      await run(made, "plan", "--refrehs"),
      await run(made, "apply", "--parallel", "many"),
      await run(made, "stack", "init"),
      await run(made, "apply", "a.plan", "--refresh"),
      await run(made, "--cwd", "nowhere", "plan"),
    ].join("\n");
    await expect(text).toMatchFileSnapshot(golden("usage"));
  });

  test("a reader that goes away early is no failure", async () => {
    const made = project({});
    const { status, stderr } = pipeline(made, `"$ORCH" plan --help | head -1`);
    expect(status).toBe(0);
    expect(stderr).toBe("");
  });

  test("a reader that goes away during an apply does not cut it off", async () => {
    const made = await stack(filesProgram());
    const { stderr } = pipeline(made, `"$ORCH" apply --yes | head -1`);
    expect(stderr).toBe("");
    expect(existsSync(made.path("out/page.html"))).toBe(true);
    expect((await made.orch(["plan", "--detailed-exitcode"])).code).toBe(0);
  });
});

/** A shell pipeline in the project; `$ORCH` runs the binary. Exit code of the last command. */
function pipeline(made: Project, script: string): { status: number; stdout: string; stderr: string } {
  const orch = made.path("orch-here");
  const bin = new URL("../../packages/cli/bin/orch.js", import.meta.url).pathname;
  made.write({ "orch-here": `#!/bin/sh\nexec '${process.execPath}' '${bin}' "$@"\n` });
  const file = made.path("stderr");
  const stdout = execFileSync("sh", ["-c", `(${script}) 2> '${file}'`], {
    cwd: made.dir,
    env: { ...made.env, ORCH: orch },
    encoding: "utf8",
  });
  return { status: 0, stdout, stderr: readFileSync(file, "utf8") };
}

describe("the project", () => {
  test("none, or broken", async () => {
    const none = project({});
    const broken = project({ "orch.yaml": "name: shop\n  main: [src\nconfig:\n" });
    const typo = project({ "orch.yaml": "name: shop\nbackends: sqlite:x.db\n" });
    const python = project({ "Pulumi.yaml": "name: shop\nruntime: python\n" });
    const text = [
      await run(none, "plan"),
      await run(broken, "plan"),
      await run(typo, "plan"),
      await run(python, "plan"),
    ].join("\n");
    await expect(text).toMatchFileSnapshot(golden("project"));
  });

  test("no stack, an unknown one, a wrong passphrase", async () => {
    const made = project(filesProgram());
    let text = await run(made, "plan");
    await made.ok(["stack", "init", "production", "--secrets-provider", "passphrase"], {
      env: { ORCH_PASSPHRASE: "correct horse" },
    });
    await made.ok(["config", "set", "token", "--secret"], {
      input: "x",
      env: { ORCH_PASSPHRASE: "correct horse" },
    });
    text += `\n${await run(made, "plan", "--stack", "prodution")}`;
    text += `\n${await run(made, "stack", "init", "production")}`;
    text += `\n${await run(made, "plan")}`;
    const wrong = await made.orch(["plan"], { env: { ORCH_PASSPHRASE: "battery staple" } });
    text += `\n${transcript(["plan"], wrong, made)}`;
    await expect(text).toMatchFileSnapshot(golden("stack"));
    expect(await made.ok(["config", "get", "token"], { env: { ORCH_PASSPHRASE: "correct horse" } })).toBe(
      "x\n",
    );
  });

  test("a stack's settings file that is broken", async () => {
    const made = await stack(filesProgram());
    writeFileSync(
      made.path("orch.dev.yaml"),
      `${readFileSync(made.path("orch.dev.yaml"), "utf8")}config:\n  a: [1\n`,
    );
    const result = await made.orch(["plan"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toMatch(/error\[config-invalid\]/);
    expect(result.stderr).toMatch(/orch\.dev\.yaml:\d+:\d+/);
  });
});

describe("the program", () => {
  test("missing, broken, failing, ending early", async () => {
    const made = await stack({ "orch.yaml": "name: shop\n" });
    const runs = [await run(made, "plan")];
    const attempt = async (source: string): Promise<void> => {
      made.write({ "index.ts": source });
      runs.push(await run(made, "plan"));
    };
    await attempt(`import * as aws from "@pulumi/awss";\nexport const x = aws;\n`);
    await attempt(`const x: number = ;\n`);
    await attempt(
      `import * as pulumi from "@pulumi/pulumi";\nfunction load(name: string) {\n  throw new Error("no such customer: " + name);\n}\nload("acme");\n`,
    );
    await attempt(
      `import * as pulumi from "@pulumi/pulumi";\nexport const x = new pulumi.Config().require("size");\n`,
    );
    await attempt(`import * as pulumi from "@pulumi/pulumi";\nprocess.exit(3);\n`);
    await attempt(
      `import * as pulumi from "@pulumi/pulumi";\nclass C extends pulumi.ComponentResource {}\nnew C("shop:index:C", "one");\nnew C("shop:index:C", "one");\n`,
    );
    await expect(runs.join("\n")).toMatchFileSnapshot(golden("program"));
  });

  test("resources that wait for each other: all of the circle", async () => {
    const made = await stack({
      "orch.yaml": "name: shop\n",
      "index.ts": `import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";
let close: (value: pulumi.Output<string>) => void = () => {};
const later = pulumi.output(new Promise<pulumi.Output<string>>((resolve) => { close = resolve; }));
const first = new host.Command("first", { create: pulumi.interpolate\`echo \${later}\` });
const second = new host.Command("second", { create: pulumi.interpolate\`echo \${first.stdout}\` });
close(second.stdout);
`,
    });
    const { code, stderr } = await made.orch(["plan"]);
    expect(code).toBe(1);
    expect(stderr).toContain("error[program-hanging]");
    expect(stderr).toContain('first [host:index:Command] waits for its input "create"');
    expect(stderr).toContain('second [host:index:Command] waits for its input "create"');
    expect(stderr).toContain("circle");
  });

  test("plugins that are not there: version, places, and the command to get them", async () => {
    const made = await stack({
      "orch.yaml": "name: shop\n",
      "index.ts": `import * as aws from "@pulumi/aws";\nnew aws.s3.Bucket("logs");\n`,
    });
    const { code, stderr } = await made.orch(["plan"], { env: { PULUMI_IGNORE_AMBIENT_PLUGINS: "1" } });
    expect(code).toBe(1);
    expect(stderr).toContain("error[plugin-missing]");
    expect(stderr).toMatch(/aws \d+\.\d+\.\d+/);
    expect(stderr).toContain(".orch/plugins");
    expect(stderr).toContain(".pulumi/plugins");
    expect(stderr).toMatch(/orch plugin install resource aws \d/);
  });
});

describe("a resource", () => {
  test("invalid properties: path, expected, found", async () => {
    const made = await stack({
      "orch.yaml": "name: shop\n",
      "index.ts": `import * as host from "@orch/providers/host";\nnew host.File("page", { path: "/tmp/x", mode: "rw", content: 5 } as any);\n`,
    });
    const { code, stdout, stderr } = await made.orch(["plan"]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toContain("error[invalid-property]");
    expect(stderr).toContain("mode");
    expect(stderr).toContain("expected");
    expect(stderr).toContain("found");
    expect(stderr).toContain("index.ts:2");
  });

  test("a provider that dies says its last words; what was done before is kept", async () => {
    const made = await stack({
      "Pulumi.yaml": "name: dyn\nruntime: nodejs\n",
      "index.ts": `
import * as pulumi from "@pulumi/pulumi";
class Thing extends pulumi.dynamic.Resource {
  constructor(name: string, props: pulumi.Inputs, opts?: pulumi.CustomResourceOptions) {
    super({
      async create(inputs: any) {
        if (inputs.die) {
          console.error("the disk caught fire");
          process.exit(7);
        }
        return { id: "id-1", outs: inputs };
      },
    }, name, props, opts);
  }
}
const first = new Thing("first", {});
new Thing("second", { die: true }, { dependsOn: first });
`,
    });
    const result = await made.orch(["apply", "--yes"]);
    expect(result.code).toBe(1);
    const text = result.stdout + result.stderr;
    expect(text).toContain("error[provider-crashed]");
    expect(text).toContain("the disk caught fire");
    expect(text).toMatch(/1 created/);
    expect(await made.ok(["state", "ls"])).toContain("first (id-1)");
  });

  test("a provider's error names the resource; with --continue-on-error the others are done", async () => {
    const made = await stack(
      dynamicProgram(`async create() { throw new Error("quota exceeded for things"); }`),
    );
    made.write({
      "index.ts": `${readFileSync(made.path("index.ts"), "utf8")}
new Thing("dependent", {}, { dependsOn: pulumi.output(0) as any });
`,
    });
    const result = await made.orch(["apply", "--yes", "--continue-on-error"]);
    expect(result.code).toBe(1);
    expect(result.stdout + result.stderr).toContain("quota exceeded for things");
    expect(result.stderr).toContain("2 failed");
  });
});

describe("machines over SSH", () => {
  const servers: { close(): void }[] = [];
  afterEach(() => {
    for (const server of servers.splice(0)) server.close();
  });
  const onHost = (port: number): Record<string, string> => ({
    "orch.yaml": "name: far\n",
    "index.ts": `import * as host from "@orch/providers/host";
const machine = new host.Provider("machine", { connection: { type: "ssh", host: "127.0.0.1", port: ${port}, user: "root", password: "x" } });
new host.File("page", { path: "/tmp/orch-never", content: "x" }, { provider: machine });
`,
  });
  const listen = (server: {
    listen(port: number, host: string, done: () => void): unknown;
    address(): unknown;
  }) =>
    new Promise<number>((resolve) => {
      server.listen(0, "127.0.0.1", () => resolve((server.address() as { port: number }).port));
    });

  test("nobody listens", async () => {
    const server = createServer();
    const port = await listen(server);
    await new Promise((resolve) => server.close(resolve));
    const made = await stack(onHost(port));
    const { code, stderr } = await made.orch(["apply", "--yes"]);
    expect(code).toBe(1);
    expect(stderr).toContain("error[connection-failed]");
    expect(stderr).toContain(`127.0.0.1`);
    expect(stderr).toContain(String(port));
  });

  test("another host key than the known one", async () => {
    const key = ssh2.utils.generateKeyPairSync("ed25519");
    const other = ssh2.utils.generateKeyPairSync("ed25519");
    const server = new ssh2.Server({ hostKeys: [key.private] }, (client) => client.on("error", () => {}));
    servers.push(server);
    const port = await listen(server as never);
    const made = await stack(onHost(port));
    mkdirSync(`${made.env.HOME}/.ssh`, { mode: 0o700 });
    writeFileSync(`${made.env.HOME}/.ssh/known_hosts`, `[127.0.0.1]:${port} ${other.public}\n`);
    const { code, stderr } = await made.orch(["apply", "--yes"]);
    expect(code).toBe(1);
    expect(stderr).toContain("error[host-key-mismatch]");
    expect(stderr).toContain("known_hosts");
  });
});

describe("the state", () => {
  test("of a newer version is left alone", async () => {
    const made = await stack(filesProgram());
    await made.ok(["apply", "--yes"]);
    const db = new DatabaseSync(made.path(".orch/state.db"));
    // What a later orch leaves behind: a migration that this one does not know.
    db.exec("insert into schema_version (version, applied_at, orch_version) values (9999, 0, '9.9.9')");
    db.close();
    const before = readFileSync(made.path(".orch/state.db"));
    const result = await made.orch(["plan"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("error[state-newer]");
    expect(readFileSync(made.path(".orch/state.db")).equals(before)).toBe(true);
  });

  test("that is no database", async () => {
    const made = await stack(filesProgram());
    writeFileSync(
      made.path(".orch/state.db"),
      "not a database, but long enough to be taken for one".repeat(10),
    );
    const result = await made.orch(["plan"]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain("error[state-invalid]");
  });

  const mounts = canMount();
  test.skipIf(!mounts)(
    `on a full disk: said so, nothing lost, and it goes on${mounts ? "" : " (needs root, to mount)"}`,
    async () => {
      const made = project(filesProgram());
      mkdirSync(made.path(".orch"));
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", made.path(".orch")]);
      try {
        await made.ok(["stack", "init", "dev"]);
        await made.ok(["apply", "--yes"]);
        let size = 3_000_000;
        // Whatever is left is filled up.
        for (; size >= 1; size = Math.floor(size / 2)) {
          try {
            writeFileSync(made.path(`.orch/ballast-${size}`), Buffer.alloc(size));
          } catch {
            execFileSync("rm", ["-f", made.path(`.orch/ballast-${size}`)]);
          }
        }
        made.write(filesProgram("Changed"));
        const full = await made.orch(["apply", "--yes"]);
        expect(full.code).toBe(1);
        expect(full.stderr).toContain("error[disk-full]");
        execFileSync("sh", ["-c", `rm -f '${made.path(".orch")}'/ballast-*`]);
        await made.ok(["apply", "--yes"]);
        expect(readFileSync(made.path("out/page.html"), "utf8")).toContain("Changed");
        expect((await made.orch(["plan", "--detailed-exitcode"])).code).toBe(0);
      } finally {
        execFileSync("umount", [made.path(".orch")]);
      }
    },
  );
});

function canMount(): boolean {
  const probe = project({});
  try {
    mkdirSync(probe.path("disk"));
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", probe.path("disk")], {
      stdio: "ignore",
    });
    execFileSync("umount", [probe.path("disk")]);
    return true;
  } catch {
    return false;
  }
}

describe("confirmation", () => {
  test("without a terminal and without --yes nothing is even planned", async () => {
    const made = await stack(filesProgram());
    const text = [
      await run(made, "apply"),
      await run(made, "destroy"),
      await run(made, "refresh"),
      await run(made, "stack", "rm", "dev"),
    ].join("\n");
    await expect(text).toMatchFileSnapshot(golden("confirmation"));
    expect(existsSync(made.path("out"))).toBe(false);
    const piped = await made.orch(["apply"], { input: "yes\n" });
    expect(piped.code).toBe(64);
  });
});

describe("a new project", () => {
  test("is not written over what is there", async () => {
    const made = project({ "notes.txt": "mine" }, { modules: false });
    const { code, stderr } = await made.orch(["new"]);
    expect(code).toBe(1);
    expect(stderr).toContain("is not empty");
    expect(stderr).toContain("notes.txt");
    expect(existsSync(made.path("orch.yaml"))).toBe(false);
  });

  test.each(["typescript", "pulumi"])("from the template %s plans and applies as it is", async (template) => {
    const made = project({});
    await made.ok(["new", "fresh", "--template", template]);
    execFileSync("ln", ["-s", made.path("node_modules"), made.path("fresh/node_modules")]);
    await made.ok(["stack", "init", "dev"], { cwd: "fresh" });
    const text = await made.ok(["apply", "--yes"], { cwd: "fresh" });
    expect(text).toMatch(/Apply complete: \d created/);
    expect((await made.orch(["plan", "--detailed-exitcode"], { cwd: "fresh" })).code).toBe(0);
  });
});
