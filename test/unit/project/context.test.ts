import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import { Secret } from "@orch/core/model/value";
import {
  type ContextOptions,
  createStackContext,
  openProjectContext,
  openStackContext,
  removeStackContext,
  saveStackFile,
  selectStackContext,
  setConfig,
} from "@orch/core/project/index";
import { selectedStack } from "@orch/core/project/workspace";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let dir: string;
let options: ContextOptions;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "orch-context-"));
  await mkdir(join(dir, "project", "src"), { recursive: true });
  await writeFile(
    join(dir, "project", "Pulumi.yaml"),
    "name: shop\nruntime: nodejs\nconfig:\n  aws:region: eu\n  size: 1\n",
  );
  options = { cwd: join(dir, "project", "src"), env: { HOME: dir } };
});
afterEach(() => rm(dir, { recursive: true, force: true }));

async function failureOf(promise: Promise<{ close?(): Promise<void> } | void>) {
  const error = await promise.then(
    () => expect.fail("it should have failed"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OrchError);
  return (error as OrchError).failure;
}
const init = async (stack: string, more: Partial<ContextOptions> = {}) =>
  (await createStackContext({ ...options, ...more, stack })).close();

describe("a stack's life", () => {
  test("made, selected, configured, run, opened again, removed", async () => {
    const made = await createStackContext({ ...options, stack: "dev" });
    setConfig(made.file, made.keyring.config, "size", "2");
    setConfig(made.file, made.keyring.config, "password", "hunter2", { secret: true });
    await saveStackFile(made.file);
    const run = await made.store.beginRun({ kind: "apply", startedAt: 1, who: "me@test" });
    await run.append([
      {
        kind: "outcome",
        step: 0,
        op: "same",
        urn: "u",
        result: "done",
        at: 1,
        writes: [{ outputs: { password: new Secret("hunter2") } }],
      },
    ]);
    await run.finish("succeeded");
    await made.close();

    const opened = await openStackContext(options);
    expect(opened.stack).toBe("dev");
    expect(opened.config.values).toEqual({
      "aws:region": { value: "eu", secret: false },
      "shop:size": { value: "2", secret: false },
      "shop:password": { value: "hunter2", secret: true },
    });
    expect((await opened.store.snapshot()).outputs).toEqual({ password: new Secret("hunter2") });
    await opened.close();

    expect((await readdir(join(dir, "project"), { recursive: true })).sort()).toEqual([
      ".orch",
      ".orch/.gitignore",
      ".orch/selected",
      ".orch/state.db",
      "Pulumi.dev.yaml",
      "Pulumi.yaml",
      "src",
    ]);
    for (const name of [".orch/state.db", "Pulumi.dev.yaml", ".orch/selected"]) {
      expect((await readFile(join(dir, "project", name))).includes("hunter2"), name).toBe(false);
    }

    await removeStackContext({ ...options, stack: "dev", force: false });
    expect((await failureOf(openStackContext(options))).reason).toBe("stack-not-selected");
    expect((await failureOf(openStackContext({ ...options, stack: "dev" }))).reason).toBe("stack-unknown");
  });

  test("a settings file that is there already is kept with its key", async () => {
    await init("dev");
    const text = await readFile(join(dir, "project", "Pulumi.dev.yaml"), "utf8");
    await removeStackContext({ ...options, stack: "dev", force: false });
    await init("dev");
    expect(await readFile(join(dir, "project", "Pulumi.dev.yaml"), "utf8")).toBe(text);
  });

  test("selection: the last made or selected, ORCH_STACK before it, an argument before all", async () => {
    await init("dev");
    await init("prod");
    const opened = async (more: Partial<ContextOptions> = {}) => {
      const context = await openStackContext({ ...options, ...more });
      await context.close();
      return context.stack;
    };
    expect(await opened()).toBe("prod");
    await selectStackContext({ ...options, stack: "dev" });
    expect(await opened()).toBe("dev");
    expect(await opened({ env: { HOME: dir, ORCH_STACK: "prod" } })).toBe("prod");
    expect(await opened({ env: { HOME: dir, PULUMI_STACK: "prod" } })).toBe("prod");
    expect(await opened({ env: { HOME: dir, ORCH_STACK: "prod" }, stack: "dev" })).toBe("dev");
    expect((await failureOf(selectStackContext({ ...options, stack: "prd" }))).reason).toBe("stack-unknown");
    const { project, close } = await openProjectContext(options);
    expect(await selectedStack(project, {})).toBe("dev");
    await close();
  });

  test("the backend of the settings, and of ORCH_BACKEND before them", async () => {
    await init("dev", { env: { HOME: dir, ORCH_BACKEND: "sqlite:../elsewhere/state.db" } });
    expect(await readdir(join(dir, "elsewhere"))).toEqual(["state.db"]);
    expect((await failureOf(openStackContext({ ...options, stack: "dev" }))).reason).toBe("stack-unknown");
    const failure = await failureOf(
      openProjectContext({ ...options, env: { ORCH_BACKEND: "mysql://me:hunter2@db/orch" } }),
    );
    expect(failure).toMatchObject({ reason: "project-invalid", path: "ORCH_BACKEND" });
    expect(JSON.stringify(failure)).not.toContain("hunter2");
  });

  test("PostgreSQL by its URL, shown without the password", async () => {
    const { backend, close } = await openProjectContext({
      ...options,
      env: { ORCH_BACKEND: "postgres://me:hunter2@db:6000/orch" },
    });
    expect(backend.description).toBe("PostgreSQL me@db:6000/orch");
    await close();
  });

  test("a password in the project file is refused", async () => {
    await writeFile(
      join(dir, "project", "orch.yaml"),
      "name: shop\nbackend: postgres://me:hunter2@db/orch\n",
    );
    const failure = await failureOf(openProjectContext({ ...options, env: {} }));
    expect(failure).toMatchObject({ reason: "project-invalid", path: "backend" });
    expect(JSON.stringify(failure)).not.toContain("hunter2");
  });
});

describe("what can go wrong", () => {
  test("nothing is made by commands that only read", async () => {
    const before = await readdir(dir, { recursive: true });
    expect((await failureOf(openStackContext(options))).reason).toBe("stack-not-selected");
    expect((await failureOf(openStackContext({ ...options, stack: "dev" }))).reason).toBe("stack-unknown");
    const { backend, close } = await openProjectContext(options);
    expect(await backend.listStacks()).toEqual([]);
    await close();
    expect(await readdir(dir, { recursive: true })).toEqual(before);
  });

  test.each(["", "a b", "../x", "a/b", ".", "..", "ä", "x".repeat(101)])(
    "%j is no name for a stack, and nothing is made of it",
    async (stack) => {
      const before = await readdir(dir, { recursive: true });
      const failure = await failureOf(createStackContext({ ...options, stack }));
      expect(failure.reason).toBe("config-invalid");
      expect(failure.next?.[0]).toMatch(/^Name it [\w.-]+, for instance\.$/);
      expect(await readdir(dir, { recursive: true })).toEqual(before);
    },
  );

  test("a stack twice: refused before a key or a file is touched", async () => {
    await init("dev");
    const path = join(dir, "project", "Pulumi.dev.yaml");
    await rm(path);
    expect((await failureOf(createStackContext({ ...options, stack: "dev" }))).reason).toBe("stack-exists");
    expect(await readdir(join(dir, "project"))).not.toContain("Pulumi.dev.yaml");
  });

  test("a settings file that lost its key: made anew only for a stack that never ran", async () => {
    await init("dev");
    const path = join(dir, "project", "Pulumi.dev.yaml");
    await rm(path);
    const context = await openStackContext(options);
    await (await context.store.beginRun({ kind: "apply", startedAt: 1, who: "me" })).finish("succeeded");
    await context.close();
    await rm(path);
    const failure = await failureOf(openStackContext(options));
    expect(failure).toMatchObject({ reason: "key-missing", found: "no such file" });
    expect(failure.next?.[0]).toContain(path);
  });

  test("a wrong passphrase, and none", async () => {
    await init("dev", { env: { ORCH_PASSPHRASE: "right" } });
    expect(
      (await failureOf(openStackContext({ ...options, env: { ORCH_PASSPHRASE: "wrong" } }))).reason,
    ).toBe("wrong-passphrase");
    expect((await failureOf(openStackContext({ ...options, env: {} }))).reason).toBe("key-missing");
    const asked = await openStackContext({ ...options, env: {}, passphrasePrompt: async () => "right" });
    await asked.close();
  }, 60_000);
});
