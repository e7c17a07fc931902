import { chmod, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import { getConfig, readConfig, removeConfig, type SetOptions, setConfig } from "@orch/core/project/config";
import { type ConfigCipher, makeKeyring, openKeyring } from "@orch/core/project/keyring";
import { findProject } from "@orch/core/project/project-file";
import { readStackFile, saveStackFile, stackFilePath } from "@orch/core/project/stack-file";
import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), "orch-config-"));
  await writeFile(join(dir, "Pulumi.yaml"), "name: shop\nruntime: nodejs\n");
});
afterEach(() => rm(dir, { recursive: true, force: true }));

/** Readable at a glance in a file, and not the plaintext. */
const cipher: ConfigCipher = {
  encrypt: (plaintext) => `v1:${Buffer.from(plaintext).toString("hex")}`,
  decrypt: (ciphertext) => Buffer.from(ciphertext.slice(3), "hex").toString(),
};
const path = () => join(dir, "Pulumi.dev.yaml");
const open = async () => readStackFile(await findProject(dir), "dev");
async function set(key: string, value: string, options: SetOptions = {}): Promise<string> {
  const file = await open();
  setConfig(file, cipher, key, value, options);
  await saveStackFile(file);
  return readFile(path(), "utf8");
}
const values = async () => readConfig(await open(), cipher);

function failureOf(work: () => unknown) {
  try {
    work();
  } catch (error) {
    expect(error).toBeInstanceOf(OrchError);
    return (error as OrchError).failure;
  }
  return expect.fail("it should have failed");
}

describe("reading", () => {
  test("values of every kind, with secrets at any depth", async () => {
    await writeFile(
      path(),
      `# The development stack
config:
  aws:region: eu-central-1
  shop:size: 3
  own: true
  shop:zip: 01234
  shop:ratio: 0.5
  shop:empty: ""
  shop:secret:
    secure: ${cipher.encrypt("hunter2")}
  shop:database:
    host: db
    password: { secure: ${cipher.encrypt("s3cret")} }
    ports: [1, 2]
  shop:like: { secure: 5 }
`,
    );
    expect(await values()).toEqual({
      "aws:region": { value: "eu-central-1", secret: false },
      "shop:size": { value: "3", secret: false },
      "shop:own": { value: "true", secret: false },
      "shop:zip": { value: "01234", secret: false },
      "shop:ratio": { value: "0.5", secret: false },
      "shop:empty": { value: "", secret: false },
      "shop:secret": { value: "hunter2", secret: true },
      "shop:database": { value: '{"host":"db","password":"s3cret","ports":[1,2]}', secret: true },
      "shop:like": { value: '{"secure":5}', secret: false },
    });
  });

  test("a file that is not there is empty", async () => {
    expect(await values()).toEqual({});
    expect((await open()).exists).toBe(false);
  });

  test.each([
    ["config:\n  a: [\n", 2, 7, /./],
    ["config: 5\n", 1, 1, /must be a map/],
    ["config:\n  a: 1\n  shop:a: 2\n", 3, 3, /with and without its namespace/],
    ["config:\n  a:b:c: 2\n", 2, 3, /not a configuration key/],
    ["orch:\n  encryption: { kind: magic }\n", 2, 17, /./],
    ["orch:\n  encryption: { kind: key-file, keyId: xyz, wrappedKey: a }\n", 2, 33, /16 hex digits/],
  ])("what is wrong is shown where it is: %j", async (text, line, column, message) => {
    await writeFile(path(), text);
    const error = await values().then(
      () => expect.fail("it should have failed"),
      (thrown: unknown) => thrown,
    );
    const { failure } = error as OrchError;
    expect(failure).toMatchObject({
      reason: "config-invalid",
      source: { file: "Pulumi.dev.yaml", line, column },
    });
    expect(failure.message).toMatch(message);
  });
});

describe("setting", () => {
  test("a first value makes the file; keys without namespace get the project's", async () => {
    expect(await set("region", "eu")).toBe("config:\n  shop:region: eu\n");
    expect(await set("aws:region", "us")).toBe("config:\n  shop:region: eu\n  aws:region: us\n");
  });

  test("text stays text, whatever it looks like", async () => {
    for (const text of [
      "true",
      "5",
      "0123",
      "null",
      "~",
      "",
      " x ",
      "a: b",
      "# no",
      "multi\nline\n",
      "☃",
      "- a",
      "1e3",
      "2020-01-01",
    ]) {
      await set("value", text);
      expect((await values())["shop:value"], JSON.stringify(text)).toEqual({ value: text, secret: false });
    }
  });

  test("comments, order and form of the rest stay", async () => {
    const before = `# The development stack, see the wiki

config:
  # where
  aws:region: 'eu-central-1' # near us
  shop:list:
  - a # first
  - b

  "shop:text": |
    several
    lines
encryptionsalt: v1:abc:v1:def
`;
    await writeFile(path(), before);
    const after = await set("aws:region", "us-east-1");
    expect(after).toBe(before.replace("'eu-central-1'", "us-east-1"));
    expect(await set("size", "3")).toBe(after.replace("    lines\n", '    lines\n  shop:size: "3"\n'));
  });

  test("indentation by four and lists that are indented stay", async () => {
    const before =
      "config:\n    shop:a: {x: 1}\n    shop:list:\n        - a\n        - b: 1\n          c: 2\n";
    await writeFile(path(), before);
    expect(await set("d", "e")).toBe(`${before.replace("{x: 1}", "{ x: 1 }")}    shop:d: e\n`);
  });

  test("a key that is spelled without its namespace is the same key", async () => {
    await writeFile(path(), "config:\n  region: eu\n");
    expect(await set("shop:region", "us")).toBe("config:\n  region: us\n");
  });

  test("a secret's plaintext never reaches the disk, and it stays a secret when it is set again", async () => {
    const text = await set("password", "hunter2", { secret: true });
    expect(text).toBe(`config:\n  shop:password:\n    secure: ${cipher.encrypt("hunter2")}\n`);
    expect(await set("password", "hunter3")).toContain(`secure: ${cipher.encrypt("hunter3")}`);
    expect(await set("password", "now plain", { secret: false })).toBe(
      "config:\n  shop:password: now plain\n",
    );
    expect((await readdir(dir)).sort()).toEqual(["Pulumi.dev.yaml", "Pulumi.yaml"]);
  });

  test("--path goes into objects and lists, makes them, and reads booleans and integers", async () => {
    await set("servers[0].name", "a", { path: true });
    await set("servers[0].port", "80", { path: true });
    await set("servers[0].tls", "true", { path: true });
    await set("servers[0].zip", "01", { path: true });
    await set("servers[1].key", "k", { path: true, secret: true });
    expect(await set('aws:tags["a.b"]', "c", { path: true })).toBe(`config:
  shop:servers:
    - name: a
      port: 80
      tls: true
      zip: "01"
    - key:
        secure: ${cipher.encrypt("k")}
  aws:tags:
    a.b: c
`);
    expect(await values()).toEqual({
      "shop:servers": {
        value: '[{"name":"a","port":80,"tls":true,"zip":"01"},{"key":"k"}]',
        secret: true,
      },
      "aws:tags": { value: '{"a.b":"c"}', secret: false },
    });
  });

  test("what can't be is refused, and the file stays as it was", async () => {
    await set("single", "x");
    await set("closed", "x", { secret: true });
    await set("list[0]", "x", { path: true });
    const before = await readFile(path(), "utf8");
    const file = await open();
    const refused = (key: string) => failureOf(() => setConfig(file, cipher, key, "v", { path: true }));
    expect(refused("single.inner").message).toContain("shop:single is a single value");
    expect(refused("closed.inner").message).toContain("encrypted as a whole");
    expect(refused("list.inner").message).toContain("is a list");
    expect(refused("list[5]")).toMatchObject({ expected: "an index from 0 to 1", found: "5" });
    expect(refused("list[x]").message).toContain("is not an index");
    expect(refused("a:b:c:d").message).toContain("not a configuration key");
    for (const key of ["", ":", "a:", ":a", "a:b:c"]) {
      expect(failureOf(() => setConfig(file, cipher, key, "v")).reason, key).toBe("config-invalid");
    }
    expect(await readFile(path(), "utf8")).toBe(before);
  });

  test("the file keeps its mode, and a link stays a link", async () => {
    const real = join(dir, "real.yaml");
    await writeFile(real, "config: {}\n");
    await chmod(real, 0o660);
    await symlink("real.yaml", path());
    await set("a", "b");
    expect((await stat(real)).mode & 0o777).toBe(0o660);
    expect(await readFile(real, "utf8")).toContain("shop:a: b");
    expect((await readdir(dir)).sort()).toEqual(["Pulumi.dev.yaml", "Pulumi.yaml", "real.yaml"]);
  });

  test("Windows line ends stay", async () => {
    await writeFile(path(), "config:\r\n  shop:a: b\r\n");
    expect(await set("c", "d")).toBe("config:\r\n  shop:a: b\r\n  shop:c: d\r\n");
  });

  test("any values come back from the file as they were set", async () => {
    const name = fc.stringMatching(/^[a-zA-Z_][\w.-]{0,10}$/);
    const entry = fc.record({
      key: fc.oneof(
        name,
        fc.tuple(name, name).map((parts) => parts.join(":")),
      ),
      value: fc.string({ unit: "grapheme" }).filter((text) => !text.includes("\r")),
      secret: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(entry, { maxLength: 8 }), async (entries) => {
        await rm(path(), { force: true });
        const expected: Record<string, unknown> = {};
        const file = await open();
        for (const { key, value, secret } of entries) {
          setConfig(file, cipher, key, value, { secret });
          expected[key.includes(":") ? key : `shop:${key}`] = { value, secret };
        }
        if (entries.length > 0) await saveStackFile(file);
        expect(await values()).toEqual(expected);
      }),
      { numRuns: 60 },
    );
  });
});

describe("getting and removing", () => {
  test("gets whole values and what they hold", async () => {
    await set("servers[0].name", "a", { path: true });
    await set("plain", "x");
    const all = await values();
    const get = (key: string, nested = false) => getConfig(all, "shop", key, { path: nested });
    expect(get("plain")).toEqual({ value: "x", secret: false });
    expect(get("shop:plain").value).toBe("x");
    expect(get("servers[0].name", true).value).toBe("a");
    expect(get("servers[0]", true).value).toBe('{"name":"a"}');
    for (const key of ["plain.x", "servers[1]", "servers.length", "servers[0].constructor"]) {
      expect(failureOf(() => get(key, true)).reason, key).toBe("config-missing");
    }
    const failure = failureOf(() => get("plian"));
    expect(failure.next).toEqual([
      "Did you mean plain?",
      "Set it with `orch config set plian VALUE` (`--secret` if nobody may see it).",
    ]);
  });

  test("removes whole values and parts, and says when there is none", async () => {
    await writeFile(path(), "config:\n  # kept\n  shop:a: 1\n  shop:b: [x, y]\n  c: 3\n");
    const file = await open();
    removeConfig(file, "b[0]", { path: true });
    removeConfig(file, "shop:c");
    await saveStackFile(file);
    expect(await readFile(path(), "utf8")).toBe("config:\n  # kept\n  shop:a: 1\n  shop:b: [ y ]\n");
    expect(failureOf(() => removeConfig(file, "d")).reason).toBe("config-missing");
    expect(failureOf(() => removeConfig(file, "b[4]", { path: true })).reason).toBe("config-missing");
  });
});

describe("the stack's key", () => {
  const sources = () => ({ env: { HOME: dir } });

  test("is made into the file, and opens it again; the file's secrets are not readable with another", async () => {
    const file = await open();
    expect(await openKeyring(file, sources())).toBeUndefined();
    const keyring = await makeKeyring(file, sources());
    setConfig(file, keyring.config, "password", "hunter2", { secret: true });
    await saveStackFile(file);
    const again = await open();
    expect(again.encryption?.kind).toBe("key-file");
    const opened = await openKeyring(again, sources());
    expect(readConfig(again, opened?.config as ConfigCipher)["shop:password"]).toEqual({
      value: "hunter2",
      secret: true,
    });
    expect(opened?.crypter.decrypt(keyring.crypter.encrypt("x"))).toBe("x");

    const text = await readFile(path(), "utf8");
    expect(text).not.toContain("hunter2");
    await writeFile(path(), text.replace(/secure: v1:.{4}/, "secure: v1:AAAA"));
    const changed = await open();
    const failure = failureOf(() => readConfig(changed, opened?.config as ConfigCipher));
    expect(failure).toMatchObject({ reason: "secret-unreadable", path: "shop:password" });
  });

  test("in an orch project stands at the top of orch.<stack>.yaml", async () => {
    await rm(join(dir, "Pulumi.yaml"));
    await writeFile(join(dir, "orch.yaml"), "name: shop\n");
    const project = await findProject(dir);
    const file = await readStackFile(project, "dev");
    await makeKeyring(file, sources());
    await saveStackFile(file);
    expect(stackFilePath(project, "dev")).toBe(join(dir, "orch.dev.yaml"));
    expect(await readFile(join(dir, "orch.dev.yaml"), "utf8")).toMatch(/^encryption:\n {2}kind: key-file\n/);
    expect((await readStackFile(project, "dev")).encryption?.kind).toBe("key-file");
  });

  test("of a file that Pulumi made is Pulumi's passphrase: its secrets are read, and new ones are in its form", async () => {
    // The vectors of test/unit/state/keys.test.ts.
    await writeFile(
      path(),
      `encryptionsalt: v1:AAECAwQFBgc=:v1:AAECAwQFBgcICQoL:CGodPdeWLGtBAImEsIJr8euX5Dm5JA==
config:
  shop:password:
    secure: v1:DA0ODxAREhMUFRYX:KfDk60l0ujxgreBDpkDtjR+eLdGEIkruUUHX
`,
    );
    const env = { PULUMI_CONFIG_PASSPHRASE: "a passphrase" };
    const file = await open();
    const keyring = await openKeyring(file, { env });
    const config = keyring?.config as ConfigCipher;
    expect(readConfig(file, config)["shop:password"]).toEqual({ value: "hunter2 ☃", secret: true });
    setConfig(file, config, "second", "x", { secret: true });
    await saveStackFile(file);
    expect(await readFile(path(), "utf8")).not.toContain("orch:");
    const again = await open();
    expect(readConfig(again, config)["shop:second"]).toEqual({ value: "x", secret: true });
    const wrong = await openKeyring(again, { env: { PULUMI_CONFIG_PASSPHRASE: "other" } }).then(
      () => expect.fail("it should have failed"),
      (error: OrchError) => error.failure,
    );
    expect(wrong.reason).toBe("wrong-passphrase");
  }, 60_000);
});
