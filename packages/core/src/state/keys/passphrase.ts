/** A key made of a passphrase with scrypt (RFC 7914). */
import { createHmac, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from "node:crypto";
import { readFile } from "node:fs/promises";
import { promisify } from "node:util";
import { fail } from "../../model/failure.js";
import { keyBytes, openBytes, sealText } from "../crypter.js";
import type { EncryptionBlock, KeyProvider, KeySources } from "./contract.js";

type Block = Extract<EncryptionBlock, { kind: "passphrase" }>;

/** N, r, p: 128 MB and a few tenths of a second, as OWASP advises for passwords. */
const defaultCost: Block["scrypt"] = [2 ** 17, 8, 1];

export const passphraseProvider: KeyProvider<Block> = {
  kind: "passphrase",

  async wrap(dataKey, sources) {
    const passphrase = await readPassphrase(sources, "new");
    const salt = randomBytes(16);
    const cost: Block["scrypt"] = [...(sources.scryptCost ?? defaultCost)];
    const key = await stretch(passphrase, salt, cost);
    return {
      kind: "passphrase",
      salt: salt.toString("base64"),
      scrypt: cost,
      check: checkOf(key).toString("base64"),
      wrappedKey: sealText(key, dataKey),
    };
  },

  async unwrap(block, sources) {
    const passphrase = await readPassphrase(sources, "existing");
    const key = await stretch(passphrase, Buffer.from(block.salt, "base64"), block.scrypt);
    const check = Buffer.from(block.check, "base64");
    const expected = checkOf(key);
    if (check.length !== expected.length || !timingSafeEqual(check, expected)) return failWrongPassphrase();
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

/** Variables that give a passphrase, and those that name a file with one, in the order in which they are looked at. */
const variables = ["ORCH_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE"] as const;

/** Is a passphrase given without asking anybody? An empty one opens what was made with it, but is no reason to choose one. */
export const hasPassphrase = ({ env }: KeySources): boolean =>
  variables.some((name) => Boolean(env[name]) || Boolean(env[`${name}_FILE`]));

/** From the environment, a file that it names, or a person. */
export async function readPassphrase(sources: KeySources, purpose: "new" | "existing"): Promise<string> {
  for (const name of variables) {
    const text = sources.env[name];
    if (text !== undefined) return text;
    const path = sources.env[`${name}_FILE`];
    if (path) return readPassphraseFile(`${name}_FILE`, path);
  }
  if (sources.prompt !== undefined) {
    return purpose === "new"
      ? sources.prompt("A passphrase to protect the stack's secrets", { confirm: true })
      : sources.prompt("The passphrase of the stack's secrets", { confirm: false });
  }
  return fail({
    reason: "key-missing",
    message: "The stack's secrets are encrypted with a passphrase, and none was given.",
    next: [
      "Set ORCH_PASSPHRASE, or ORCH_PASSPHRASE_FILE to a file that holds it (PULUMI_CONFIG_PASSPHRASE and PULUMI_CONFIG_PASSPHRASE_FILE work too).",
      "On a terminal, orch asks for it.",
    ],
  });
}

async function readPassphraseFile(variable: string, path: string): Promise<string> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    return fail(
      {
        reason: "key-missing",
        message: `The passphrase file ${path} that ${variable} names can't be read: ${(error as Error).message}.`,
        next: [`Correct ${variable}, or set ORCH_PASSPHRASE.`],
      },
      error,
    );
  }
}

export const failWrongPassphrase = (): never =>
  fail({
    reason: "wrong-passphrase",
    message: "The passphrase is not the one that the stack's secrets were encrypted with.",
    next: ["Check ORCH_PASSPHRASE (or ORCH_PASSPHRASE_FILE, PULUMI_CONFIG_PASSPHRASE), or enter it again."],
  });

const scryptAsync = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt);

function stretch(passphrase: string, salt: Buffer, [N, r, p]: Block["scrypt"]): Promise<Buffer> {
  return scryptAsync(passphrase.normalize("NFC"), salt, keyBytes, { N, r, p, maxmem: 256 * N * r });
}

const checkOf = (key: Buffer): Buffer =>
  createHmac("sha256", key).update("orch passphrase check v1").digest();
