/** Changing the key of a stack, through the real command line; and what becomes of it when that is killed. */
import { spawn } from "node:child_process";
import { copyFileSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { expect, test } from "vitest";
import { bin, type Project, stack } from "./kit.js";
import { filesProgram } from "./programs.js";

const secret = "Kx7-rotated-secret-value";

async function appliedStack(): Promise<Project> {
  const made = await stack(filesProgram());
  await made.ok(["config", "set", "token", "--secret"], { input: secret });
  await made.ok(["apply", "--yes"]);
  return made;
}

/** Every ciphertext in the settings file and in the state. */
function ciphertexts(made: Project): string[] {
  const database = new DatabaseSync(made.path(".orch/state.db"), { readOnly: true });
  const texts = [
    "select body from resources",
    "select body from resource_history",
    "select outputs as body from stacks",
  ]
    .flatMap((sql) => database.prepare(sql).all() as { body: string | null }[])
    .map(({ body }) => body ?? "");
  database.close();
  return [readFileSync(made.path("orch.dev.yaml"), "utf8"), ...texts].flatMap((text) =>
    [...text.matchAll(/(?<!wrappedKey: )v1:[\w+/=]+:[\w+/=]+/g)].map(([found]) => found),
  );
}

async function expectReadable(made: Project): Promise<void> {
  expect((await made.ok(["config", "get", "token"])).trim()).toBe(secret);
  expect(await made.ok(["state", "show", "token", "--show-secrets"])).toContain(secret);
  expect((await made.ok(["stack", "output", "secret", "--show-secrets"])).trim()).toBe("hidden output");
}

test("rotate: everything is encrypted anew, the old key opens nothing, an old plan is refused", async () => {
  const made = await appliedStack();
  await made.ok(["plan", "--out", "before.plan"]);
  const before = ciphertexts(made);
  expect(before.length).toBeGreaterThan(4);
  const settings = readFileSync(made.path("orch.dev.yaml"), "utf8");
  const json = JSON.parse(await made.ok(["secrets", "rotate", "--json"]));
  expect(json).toMatchObject({ stack: "dev", newKey: true, provider: "key-file", configSecrets: 1 });
  expect(json.stateSecrets).toBe(before.length - 1);
  const after = ciphertexts(made);
  expect(after.length).toBe(before.length);
  expect(after.filter((text) => before.includes(text))).toEqual([]);
  await expectReadable(made);

  const old = await made.orch(["apply", "before.plan", "--yes"]);
  expect(old.code).toBe(3);
  expect(old.stderr).toMatch(/another (key|stack)|new key/);
  expect(await made.ok(["plan"])).toContain("nothing to do");

  // A settings file from before (another branch): the state knows its key, and the next change writes it.
  writeFileSync(made.path("orch.dev.yaml"), settings);
  await expectReadable(made);
  await made.ok(["config", "set", "other", "x"]);
  expect(readFileSync(made.path("orch.dev.yaml"), "utf8")).not.toContain(
    /wrappedKey: (\S+)/.exec(settings)?.[1] as string,
  );
  await expectReadable(made);
});

test("change-provider: the same key by a passphrase, then a new one by the key file", async () => {
  const made = await appliedStack();
  await made.ok(["plan", "--out", "kept.plan"]);
  const env = { ORCH_PASSPHRASE: "correct horse" };
  expect(await made.ok(["secrets", "change-provider", "passphrase"], { env })).toContain(
    "It is the same key",
  );
  expect(readFileSync(made.path("orch.dev.yaml"), "utf8")).toContain("kind: passphrase");
  const without = await made.orch(["config", "get", "token"]);
  expect(without).toMatchObject({ code: 1 });
  expect(without.stderr).toContain("error[key-missing]");
  expect((await made.ok(["config", "get", "token"], { env })).trim()).toBe(secret);
  await made.ok(["apply", "kept.plan", "--yes"], { env });
  await made.ok(["secrets", "change-provider", "key-file", "--rotate"], { env });
  await expectReadable(made);
  const none = await made.orch(["secrets", "change-provider", "pasphrase"]);
  expect(none.code).toBe(64);
  expect(none.stderr).toContain("Did you mean passphrase?");
});

test("a set passphrase is what a new stack takes", async () => {
  const made = await stack(filesProgram());
  await made.ok(["stack", "init", "locked"], { env: { ORCH_PASSPHRASE: "correct horse" } });
  expect(readFileSync(made.path("orch.locked.yaml"), "utf8")).toContain("kind: passphrase");
});

test("a provider that can't be reached changes nothing", async () => {
  const made = await appliedStack();
  const before = readFileSync(made.path("orch.dev.yaml"), "utf8");
  const env = { VAULT_ADDR: "http://127.0.0.1:1", VAULT_TOKEN: "hvs.t" };
  const failed = await made.orch(["secrets", "change-provider", "hashivault://orch", "--rotate"], { env });
  expect(failed.code).toBe(1);
  expect(failed.stderr).toContain("error[connection-failed]");
  expect(readFileSync(made.path("orch.dev.yaml"), "utf8")).toBe(before);
  await expectReadable(made);
});

test("killed at any moment, the stack stays readable and can be rotated again", async () => {
  const made = await appliedStack();
  const settings = readFileSync(made.path("orch.dev.yaml"), "utf8");
  const begun = performance.now();
  await made.ok(["secrets", "rotate"]);
  const whole = performance.now() - begun;
  const wal = made.path(".orch/state.db-wal");
  const size = (): number => statSync(wal, { throwIfNoEntry: false })?.size ?? 0;
  const states = new Set<string>();
  const kept = () => readFileSync(made.path("orch.dev.yaml"), "utf8");
  const stateKey = (): string => {
    const database = new DatabaseSync(made.path(".orch/state.db"), { readOnly: true });
    const { key } = database.prepare("select key from stacks").get() as { key: string };
    database.close();
    return key;
  };
  // At random times, and as soon as the state was written (its log grows with the lease, then with the rows).
  const moments: (number | "lease" | "rows")[] = ["lease", "rows", "rows", 0.7, 0.85, 1, 1.1];
  for (const moment of moments) {
    const before = kept();
    const stateBefore = stateKey();
    const child = spawn(process.execPath, [bin, "secrets", "rotate"], {
      cwd: made.dir,
      env: made.env,
      stdio: "ignore",
    });
    const ended = new Promise((resolve) => child.on("close", resolve));
    if (typeof moment === "number") setTimeout(() => child.kill("SIGKILL"), whole * moment);
    else {
      let last = size();
      let grown = 0;
      while (child.exitCode === null && grown < (moment === "lease" ? 1 : 2)) {
        const now = size();
        if (now > last) grown++;
        last = now;
        await new Promise((resolve) => setImmediate(resolve));
      }
      child.kill("SIGKILL");
    }
    await ended;
    states.add(
      `state ${stateKey() === stateBefore ? "old" : "new"}, file ${kept() === before ? "old" : "new"}`,
    );
    await expectReadable(made);
  }
  console.log(`secrets rotate: ${moments.length} kills; left: ${[...states].join(", ")}`);

  // Exactly between the state and the settings file: the state new, the file as it was.
  const old = kept();
  await made.ok(["secrets", "rotate"]);
  writeFileSync(made.path("orch.dev.yaml"), old);
  await expectReadable(made);
  await made.ok(["secrets", "rotate"]);
  expect(kept()).not.toBe(old);
  await expectReadable(made);
  expect(kept()).not.toBe(settings);
  // And the file lost altogether: its own secrets with it, the state's not.
  copyFileSync(made.path("orch.dev.yaml"), made.path("copy.yaml"));
  rmSync(made.path("orch.dev.yaml"));
  expect(await made.ok(["state", "show", "token", "--show-secrets"])).toContain(secret);
});
