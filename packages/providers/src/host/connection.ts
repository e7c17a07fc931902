/** How a machine is reached: the schema, and what follows from it. */
import { homedir } from "node:os";
import { join } from "node:path";
import { isMap, type PropertyMap, reveal, type Value } from "@orch/core/model/value";
import { z } from "zod";

const secret = () => z.string().meta({ secret: true });

const sshFields = {
  host: z.string().min(1).describe("Name or address of the machine."),
  port: z.int().min(1).max(65535).default(22).describe("TCP port. Default 22."),
  user: z.string().min(1).default("root").describe("Name to log in with. Default root."),
  password: secret().optional().describe("Password, also given to keyboard-interactive prompts."),
  privateKey: secret().optional().describe("A private key as PEM or OpenSSH text."),
  privateKeyFile: z
    .string()
    .min(1)
    .optional()
    .describe("File with a private key on the machine that runs orch; `~/` is the home folder."),
  passphrase: secret().optional().describe("Opens an encrypted private key."),
  agent: z
    .union([z.boolean(), z.string().min(1)])
    .optional()
    .describe(
      "Use the SSH agent: true for the one at SSH_AUTH_SOCK, or the path of a socket. Default: used when there is one and nothing else is given.",
    ),
  hostKey: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .describe(
      "The server's key, or several allowed ones: `SHA256:…` or a public key line (`ssh-ed25519 AAAA…`). Known hosts are not asked then.",
    ),
  knownHostsFile: z
    .union([z.string().min(1), z.array(z.string().min(1)).min(1)])
    .optional()
    .describe("Files with known host keys. Default ~/.ssh/known_hosts and /etc/ssh/ssh_known_hosts."),
  acceptNewHostKey: z
    .boolean()
    .optional()
    .describe("Trust a machine that no file knows at first sight, and record its key in the first file."),
  connectTimeout: z
    .number()
    .min(1)
    .max(3600)
    .optional()
    .describe("Seconds until a try to connect is given up. Default 20."),
  waitSeconds: z
    .number()
    .min(0)
    .max(3600)
    .optional()
    .describe(
      "Keep trying for so many seconds while nothing answers: for machines that are just starting. Default 0.",
    ),
};

const hop = z.strictObject(sshFields);

const become = z
  .strictObject({
    method: z.enum(["sudo", "doas"]).default("sudo").describe("Default sudo."),
    user: z
      .string()
      .regex(/^[A-Za-z_][A-Za-z0-9_.-]*\$?$/, "a user's name")
      .default("root")
      .describe("Whom to become. Default root."),
    password: secret()
      .regex(/^[^\n\0]+$/, "one line of text")
      .optional()
      .describe(
        "The login's own password, where sudo asks for one. It goes over standard input, never in an argument. doas takes none that way.",
      ),
  })
  .refine(({ method, password }) => method !== "doas" || password === undefined, {
    error: "without a password for doas, which reads one from a terminal only (`permit nopass` in doas.conf)",
    path: ["password"],
  });
export type Become = z.output<typeof become>;
const becomeField = {
  become: become
    .optional()
    .describe("Do everything as another user, through sudo or doas. Default: as the login's user."),
};

export const connectionSchema = z.discriminatedUnion("type", [
  z.strictObject({ type: z.literal("local").describe("The machine that runs orch."), ...becomeField }),
  z.strictObject({
    type: z.literal("ssh").describe("A machine reached over SSH."),
    ...sshFields,
    jump: z
      .union([hop, z.array(hop)])
      .optional()
      .describe("Jump hosts to go through, the first one first."),
    ...becomeField,
  }),
]);

export type Connection = z.output<typeof connectionSchema>;
export type SshConnection = Extract<Connection, { type: "ssh" }>;
export type Hop = z.output<typeof hop>;

/** The jump hosts and then the machine itself. */
export function hops(connection: SshConnection): readonly [Hop, ...Hop[]] {
  // Whom to become there is no part of the login: both ways share its connection.
  const { type: _type, become: _become, jump, ...last } = connection;
  const jumps = jump === undefined ? [] : Array.isArray(jump) ? jump : [jump];
  return [...jumps, last] as unknown as readonly [Hop, ...Hop[]];
}

export const hopName = (hop: Pick<Hop, "user" | "host" | "port">): string =>
  `${hop.user}@${hop.host.includes(":") ? `[${hop.host}]` : hop.host}:${hop.port}`;

export const expandHome = (path: string): string =>
  path === "~" || path.startsWith("~/") ? join(homedir(), path.slice(1)) : path;

/** `local` and `ssh://user@host:port`, as one writes them on the command line, in the long form. */
export function fromShorthand(value: Value | undefined): Value | undefined {
  if (typeof value !== "string") return value;
  if (value === "local") return { type: "local" };
  const match = /^ssh:\/\/(?:([^@/]+)@)?(\[[^\]]+\]|[^:/@]+)(?::(\d+))?\/?$/.exec(value);
  if (!match) return value;
  const [, user, host = "", port] = match;
  return {
    type: "ssh",
    host: host.replace(/^\[|\]$/g, ""),
    ...(user ? { user: decodeURIComponent(user) } : {}),
    ...(port ? { port: Number(port) } : {}),
  };
}

/** Which machine a resource lives on, while planning: `local`, `ssh <host>`, or undefined while that is not known. */
export function machineName(own: Value | undefined, ofProvider: Connection | undefined): string | undefined {
  const connection = reveal(own ?? (ofProvider as unknown as PropertyMap | undefined) ?? { type: "local" });
  if (!isMap(connection)) return undefined;
  if (connection.type === "local") return "local";
  return typeof connection.host === "string" ? `ssh ${connection.host}` : undefined;
}

/** The property of every resource and function. */
export const connectionProperty = connectionSchema
  .optional()
  .describe("The machine to act on. Default: the provider's; and without one, the machine that runs orch.");
