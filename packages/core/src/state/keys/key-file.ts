/** A key in a file of one's own: the default. Made on first use; to be copied to where else the stack is worked on. */
import { createHash, randomBytes, randomUUID } from "node:crypto";
import { link, mkdir, open, readdir, readFile, rm, stat } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join } from "node:path";
import { fail } from "../../model/failure.js";
import { keyBytes, openBytes, sealText } from "../crypter.js";
import type { EncryptionBlock, KeyProvider, KeySources } from "./contract.js";

type Block = Extract<EncryptionBlock, { kind: "key-file" }>;

/** One line: `orch-key-v1:` and the base64 of 32 random bytes. */
const prefix = "orch-key-v1:";

export const keyFileProvider: KeyProvider<Block> = {
  kind: "key-file",

  async wrap(dataKey, sources) {
    const path = sources.env.ORCH_KEY_FILE || join(keyFolder(sources), "default.key");
    const key = (await readKeyFile(path)) ?? (await makeKeyFile(path));
    return { kind: "key-file", keyId: keyIdOf(key), wrappedKey: sealText(key, dataKey) };
  },

  async unwrap(block, sources) {
    const key = await findKey(block.keyId, sources);
    return (
      openBytes(key, block.wrappedKey) ??
      fail({
        reason: "secret-unreadable",
        message:
          "The stack's data key can't be unwrapped: the encryption block of its settings file was changed.",
        path: "encryption.wrappedKey",
        next: ["Restore the stack's settings file from version control or a copy."],
      })
    );
  },
};

/** Folder of a person's keys: `$XDG_CONFIG_HOME/orch/keys`, by default `~/.config/orch/keys`. */
export function keyFolder({ env }: KeySources): string {
  return join(env.XDG_CONFIG_HOME || join(env.HOME || homedir(), ".config"), "orch", "keys");
}

const keyIdOf = (key: Uint8Array): string => createHash("sha256").update(key).digest("hex").slice(0, 16);

async function findKey(keyId: string, sources: KeySources): Promise<Buffer> {
  const paths = await candidatePaths(sources);
  const looked: string[] = [];
  for (const path of paths) {
    const key = await readKeyFile(path);
    if (key !== undefined && keyIdOf(key) === keyId) return key;
    looked.push(`${path} (${key === undefined ? "not there" : `another key, ${keyIdOf(key)}`})`);
  }
  return fail({
    reason: "key-missing",
    message: `The key file that the stack's secrets are encrypted with is not here: key ${keyId}.`,
    expected: `a key file with the id ${keyId}`,
    found: `looked at ${looked.join(", ") || `${keyFolder(sources)} (no key files)`}`,
    next: [
      `Copy the key file from where the stack was made (its ${join("~", ".config", "orch", "keys")}) into ${keyFolder(sources)}, with mode 0600.`,
      "Or name it with ORCH_KEY_FILE=PATH.",
      "A stack made with a passphrase (`orch stack init --secrets-provider passphrase`) needs no key file, but ORCH_PASSPHRASE.",
    ],
  });
}

async function candidatePaths(sources: KeySources): Promise<string[]> {
  if (sources.env.ORCH_KEY_FILE) return [sources.env.ORCH_KEY_FILE];
  const folder = keyFolder(sources);
  const names = await readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });
  return names
    .filter((name) => name.endsWith(".key"))
    .sort()
    .map((name) => join(folder, name));
}

/** Undefined when there is none. Refuses one that others can read, as ssh does. */
async function readKeyFile(path: string): Promise<Buffer | undefined> {
  let text: string;
  try {
    const { mode } = await stat(path);
    if (process.platform !== "win32" && (mode & 0o077) !== 0) {
      return fail({
        reason: "key-missing",
        message: `The key file ${path} can be used by other users of this machine, so it is not used.`,
        expected: "mode 0600",
        found: `mode 0${(mode & 0o777).toString(8)}`,
        next: [`chmod 600 ${path}`, "If others may have read it, make a new key for the stack."],
      });
    }
    text = await readFile(path, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
  const key = Buffer.from(text.trim().slice(prefix.length), "base64");
  if (text.startsWith(prefix) && key.length === keyBytes) return key;
  return fail({
    reason: "key-missing",
    message: `${path} is not a key file of orch.`,
    expected: `one line that starts with ${prefix}`,
    next: ["Restore it from a copy, or name another with ORCH_KEY_FILE=PATH."],
  });
}

/** There whole or not at all, and the same for two commands that need it at the same time. */
async function makeKeyFile(path: string): Promise<Buffer> {
  const key = randomBytes(keyBytes);
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}.new`;
  try {
    const file = await open(temporary, "wx", 0o600);
    try {
      await file.writeFile(`${prefix}${key.toString("base64")}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
    return key;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return (await readKeyFile(path)) as Buffer;
  } finally {
    await rm(temporary, { force: true });
  }
}
