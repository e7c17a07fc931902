/** Which ways of logging in are tried, in which order, and what is said when none works. */
import { existsSync, readFileSync } from "node:fs";
import { type Failure, fail } from "@orch/core/model/failure";
import type { AnyAuthMethod, ParsedKey } from "ssh2";
import ssh2 from "ssh2";
import { expandHome, type Hop, hopName } from "../connection.js";

export interface AuthWay {
  /** For messages: `agent at /run/…`, `key file ~/.ssh/id_ed25519`, `password`. */
  readonly name: string;
  readonly method: AnyAuthMethod;
}

const defaultKeys = ["~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa"];

/** Throws `authentication-failed` when something named in the connection can't be used, or nothing is there to try. */
export function authWays(hop: Hop): readonly AuthWay[] {
  const { user, password } = hop;
  const ways: AuthWay[] = [];
  const named =
    hop.privateKey !== undefined ||
    hop.privateKeyFile !== undefined ||
    password !== undefined ||
    hop.agent !== undefined;

  if (hop.privateKey !== undefined) {
    const key = parseKey(hop, hop.privateKey, "`privateKey`");
    ways.push({ name: "the given private key", method: { type: "publickey", username: user, key } });
  }
  if (hop.privateKeyFile !== undefined) ways.push(keyFile(hop, hop.privateKeyFile));
  const agent = agentSocket(hop, named);
  if (agent !== undefined)
    ways.push({ name: `agent at ${agent}`, method: { type: "agent", username: user, agent } });
  if (!named)
    for (const file of defaultKeys)
      if (existsSync(expandHome(file)) && !needsPassphrase(file)) ways.push(keyFile(hop, file));
  if (password !== undefined) {
    ways.push({ name: "password", method: { type: "password", username: user, password } });
    ways.push({
      name: "keyboard-interactive",
      method: {
        type: "keyboard-interactive",
        username: user,
        // Every prompt that hides its answer is taken for the password's.
        prompt: (_name, _instructions, _language, prompts, finish) =>
          finish(prompts.map((prompt) => (prompt.echo ? "" : password))),
      },
    });
  }
  if (ways.length === 0)
    fail({
      reason: "authentication-failed",
      message: `There is no way to log in to ${hopName(hop)}: no key, password or agent`,
      expected: "privateKeyFile, privateKey, password or an agent (SSH_AUTH_SOCK)",
      found: "none of them",
      next: ["Give the connection one of them, or start an agent and `ssh-add` a key."],
    });
  return ways;
}

function agentSocket(hop: Hop, named: boolean): string | undefined {
  if (typeof hop.agent === "string") return expandHome(hop.agent);
  const socket = process.env.SSH_AUTH_SOCK;
  if (hop.agent === true && !socket)
    fail({
      reason: "authentication-failed",
      message: `The connection to ${hopName(hop)} wants the SSH agent, but none is running`,
      expected: "SSH_AUTH_SOCK in the environment, or the path of a socket in `agent`",
      found: "neither",
      next: ["Start one: eval $(ssh-agent) && ssh-add"],
    });
  return hop.agent === true || (hop.agent === undefined && !named) ? socket || undefined : undefined;
}

function keyFile(hop: Hop, file: string): AuthWay {
  let text: string;
  try {
    text = readFileSync(expandHome(file), "utf8");
  } catch (error) {
    return fail({
      reason: "authentication-failed",
      message: `The private key ${file} for ${hopName(hop)} can't be read: ${(error as Error).message}`,
      expected: "a readable file with a private key",
      next: ["Correct `privateKeyFile`, or the file's owner and mode."],
    });
  }
  const key = parseKey(hop, text, file);
  return { name: `key file ${file}`, method: { type: "publickey", username: hop.user, key } };
}

function parseKey(hop: Hop, text: string, from: string): ParsedKey {
  // A key that went through an environment variable or YAML often lost its last line break, which OpenSSH's format needs.
  const parsed = ssh2.utils.parseKey(text.endsWith("\n") ? text : `${text}\n`, hop.passphrase);
  const key = Array.isArray(parsed) ? parsed[0] : parsed;
  if (key instanceof Error || key === undefined) {
    const encrypted = /passphrase|encrypted/i.test(key?.message ?? "");
    return fail({
      reason: "authentication-failed",
      message: encrypted
        ? hop.passphrase === undefined
          ? `The private key from ${from} for ${hopName(hop)} is encrypted`
          : `The passphrase does not open the private key from ${from} for ${hopName(hop)}`
        : `The private key from ${from} for ${hopName(hop)} can't be read: ${key?.message ?? "it holds no key"}`,
      expected: encrypted ? "its passphrase" : "a private key in OpenSSH or PEM format",
      ...(encrypted ? { found: hop.passphrase === undefined ? "none" : "another" } : {}),
      next: [
        encrypted
          ? "Give the connection the right `passphrase` as a secret, or add the key to an agent and set `agent: true`."
          : "Check that it is the private half, and whole.",
      ],
    });
  }
  return key;
}

const needsPassphrase = (file: string): boolean => {
  const parsed = ssh2.utils.parseKey(readFileSync(expandHome(file)));
  return parsed instanceof Error;
};

export const refused = (hop: Hop, tried: readonly string[], offered: readonly string[]): Failure => ({
  reason: "authentication-failed",
  message: `${hopName(hop)} did not accept the login`,
  expected:
    offered.length > 0 ? `one of the server's ways: ${offered.join(", ")}` : "a login that it accepts",
  found: `tried ${tried.length > 0 ? tried.join(", ") : "nothing that the server offers"}`,
  next: [
    "Check the user's name, and that the public key is in its ~/.ssh/authorized_keys.",
    `Try by hand: ssh -v -p ${hop.port} ${hop.user}@${hop.host}`,
  ],
});
