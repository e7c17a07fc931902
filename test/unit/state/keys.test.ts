import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import { openText } from "@orch/core/state/crypter";
import {
  encryptionBlock,
  keyFolder,
  makeDataKey,
  pulumiPassphraseKey,
  unwrapDataKey,
} from "@orch/core/state/keys/index";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), "orch-keys-"));
});
afterEach(() => rm(home, { recursive: true, force: true }));

async function failureOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => expect.fail("it should have failed"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OrchError);
  return (error as OrchError).failure;
}

describe("key file", () => {
  test("is made on first use, for its owner only, and used again", async () => {
    const sources = { env: { HOME: home } };
    const first = await makeDataKey(sources);
    const path = join(home, ".config", "orch", "keys", "default.key");
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await stat(join(home, ".config", "orch", "keys"))).mode & 0o777).toBe(0o700);
    const text = await readFile(path, "utf8");
    const second = await makeDataKey(sources);
    expect(await readFile(path, "utf8")).toBe(text);
    expect(second.dataKey.equals(first.dataKey)).toBe(false);
    for (const { block, dataKey } of [first, second]) {
      expect(encryptionBlock.parse(JSON.parse(JSON.stringify(block)))).toEqual(block);
      expect((await unwrapDataKey(block, sources)).equals(dataKey)).toBe(true);
      expect(JSON.stringify(block)).not.toContain(dataKey.toString("base64"));
    }
    expect(await readdir(keyFolder(sources))).toEqual(["default.key"]);
  });

  test("of many first uses at once there is one key", async () => {
    const sources = { env: { XDG_CONFIG_HOME: home } };
    const made = await Promise.all(Array.from({ length: 8 }, () => makeDataKey(sources)));
    for (const { block, dataKey } of made) {
      expect((await unwrapDataKey(block, sources)).equals(dataKey)).toBe(true);
    }
    expect(await readdir(keyFolder(sources))).toEqual(["default.key"]);
  });

  test("missing: says which, where it looked, and how to give it", async () => {
    const { block } = await makeDataKey({ env: { HOME: home } });
    const elsewhere = join(home, "elsewhere");
    const failure = await failureOf(unwrapDataKey(block, { env: { HOME: elsewhere } }));
    expect(failure.reason).toBe("key-missing");
    expect(failure.message).toContain(block.kind === "key-file" ? block.keyId : "");
    expect(failure.found).toContain(join(elsewhere, ".config", "orch", "keys"));
    expect(failure.next?.join()).toContain("ORCH_KEY_FILE");
    expect(failure.next?.join()).toContain("ORCH_PASSPHRASE");
  });

  test("is found by its id among others, and by ORCH_KEY_FILE anywhere", async () => {
    const { block, dataKey } = await makeDataKey({ env: { HOME: home } });
    const other = { env: { HOME: join(home, "other") } };
    await makeDataKey(other);
    const from = join(home, ".config", "orch", "keys", "default.key");
    const named = await failureOf(unwrapDataKey(block, other));
    expect(named.found).toContain("another key");
    await copyFile(from, join(keyFolder(other), "work.key"));
    expect((await unwrapDataKey(block, other)).equals(dataKey)).toBe(true);
    const env = { HOME: join(home, "third"), ORCH_KEY_FILE: from };
    expect((await unwrapDataKey(block, { env })).equals(dataKey)).toBe(true);
    const wrong = await failureOf(unwrapDataKey(block, { env: { ...env, ORCH_KEY_FILE: join(home, "no") } }));
    expect(wrong.found).toContain(`${join(home, "no")} (not there)`);
  });

  test.each([0o644, 0o640, 0o602])("that others can use is refused (mode %o)", async (mode) => {
    const sources = { env: { HOME: home } };
    const { block } = await makeDataKey(sources);
    const path = join(keyFolder(sources), "default.key");
    await chmod(path, mode);
    for (const use of [() => unwrapDataKey(block, sources), () => makeDataKey(sources)]) {
      const failure = await failureOf(use());
      expect(failure).toMatchObject({ reason: "key-missing", expected: "mode 0600" });
      expect(failure.next).toContain(`chmod 600 ${path}`);
    }
  });

  test("that is something else is refused, not replaced", async () => {
    const sources = { env: { HOME: home } };
    await mkdir(keyFolder(sources), { recursive: true });
    const path = join(keyFolder(sources), "default.key");
    await writeFile(path, "a secret diary", { mode: 0o600 });
    const failure = await failureOf(makeDataKey(sources));
    expect(failure.message).toContain(path);
    expect(JSON.stringify(failure)).not.toContain("diary");
    expect(await readFile(path, "utf8")).toBe("a secret diary");
  });

  test("a changed block is refused", async () => {
    const sources = { env: { HOME: home } };
    const { block } = await makeDataKey(sources);
    const other = await makeDataKey(sources);
    const changed = { ...block, wrappedKey: `${block.wrappedKey.slice(0, -6)}AAAAAA` };
    expect(await failureOf(unwrapDataKey(changed, sources))).toMatchObject({ reason: "secret-unreadable" });
    expect(
      (await unwrapDataKey({ ...block, wrappedKey: other.block.wrappedKey }, sources)).equals(other.dataKey),
    ).toBe(true);
  });
});

describe("passphrase", () => {
  /** The real one takes half a second; test/unit/project/context.test.ts pays for it. */
  const scryptCost = [2 ** 10, 8, 1] as const;

  test("a new one costs what OWASP advises", async () => {
    const { block } = await makeDataKey({ env: { ORCH_PASSPHRASE: "x" } });
    expect(block).toMatchObject({ kind: "passphrase", scrypt: [2 ** 17, 8, 1] });
  });

  test("from the environment, a file or a prompt opens what it closed; a wrong one does not", async () => {
    const phrase = "correct horse ☃";
    const { block, dataKey } = await makeDataKey({ env: { ORCH_PASSPHRASE: phrase }, scryptCost });
    expect(block.kind).toBe("passphrase");
    expect(encryptionBlock.parse(JSON.parse(JSON.stringify(block)))).toEqual(block);
    const path = join(home, "passphrase");
    await writeFile(path, `${phrase}\n`);
    for (const sources of [
      { env: { ORCH_PASSPHRASE: phrase } },
      { env: { ORCH_PASSPHRASE_FILE: path } },
      { env: { PULUMI_CONFIG_PASSPHRASE: phrase } },
      { env: { PULUMI_CONFIG_PASSPHRASE_FILE: path } },
      { env: {}, prompt: async () => phrase },
    ]) {
      expect((await unwrapDataKey(block, sources)).equals(dataKey)).toBe(true);
    }
    const wrong = await failureOf(unwrapDataKey(block, { env: { ORCH_PASSPHRASE: "battery staple" } }));
    expect(wrong.reason).toBe("wrong-passphrase");
    expect(JSON.stringify(wrong)).not.toContain("staple");
  }, 60_000);

  test("asked for twice when it is new; not asked for when the environment has it", async () => {
    const asked: boolean[] = [];
    const prompt = async (_: string, { confirm }: { confirm: boolean }) => {
      asked.push(confirm);
      return "x";
    };
    const { block } = await makeDataKey({ env: {}, prompt, scryptCost }, "passphrase");
    await unwrapDataKey(block, { env: {}, prompt });
    await unwrapDataKey(block, { env: { ORCH_PASSPHRASE: "x" }, prompt });
    expect(asked).toEqual([true, false]);
  }, 60_000);

  test("without any, says how to give one", async () => {
    const failure = await failureOf(makeDataKey({ env: {} }, "passphrase"));
    expect(failure.reason).toBe("key-missing");
    expect(failure.next?.join()).toContain("ORCH_PASSPHRASE");
    const unreadable = await failureOf(
      makeDataKey({ env: { ORCH_PASSPHRASE_FILE: join(home, "no") } }, "passphrase"),
    );
    expect(unreadable.message).toContain("ORCH_PASSPHRASE_FILE");
  });

  test("an empty one in the environment is no reason to choose it, but opens what it closed", async () => {
    const env = { HOME: home, PULUMI_CONFIG_PASSPHRASE: "" };
    expect((await makeDataKey({ env })).block.kind).toBe("key-file");
    const { block, dataKey } = await makeDataKey({ env, scryptCost }, "passphrase");
    expect((await unwrapDataKey(block, { env })).equals(dataKey)).toBe(true);
  }, 60_000);

  test("a block that would take all memory is refused", () => {
    const block = { kind: "passphrase", salt: "", scrypt: [2 ** 30, 8, 1], check: "", wrappedKey: "" };
    expect(encryptionBlock.safeParse(block).success).toBe(false);
  });
});

describe("Pulumi's passphrase secrets", () => {
  // Made with Python: PBKDF2-SHA-256 of "a passphrase", salt 00 … 07, 1,000,000 rounds, then AES-256-GCM.
  const salt = "v1:AAECAwQFBgc=:v1:AAECAwQFBgcICQoL:CGodPdeWLGtBAImEsIJr8euX5Dm5JA==";
  const secure = "v1:DA0ODxAREhMUFRYX:KfDk60l0ujxgreBDpkDtjR+eLdGEIkruUUHX";

  test("are readable with the passphrase", async () => {
    const key = await pulumiPassphraseKey(salt, { env: { PULUMI_CONFIG_PASSPHRASE: "a passphrase" } });
    expect(openText(key, secure)).toBe("hunter2 ☃");
  }, 60_000);

  test("and with no other; a damaged salt is told apart", async () => {
    const env = { PULUMI_CONFIG_PASSPHRASE: "another" };
    expect((await failureOf(pulumiPassphraseKey(salt, { env }))).reason).toBe("wrong-passphrase");
    expect((await failureOf(pulumiPassphraseKey("v1:x", { env }))).reason).toBe("secret-unreadable");
  }, 60_000);
});
