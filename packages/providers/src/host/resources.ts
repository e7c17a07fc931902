/**
 * Files, folders and scripts on machines, for programs:
 *
 * ```ts
 * import * as host from "@orch/providers/host";
 *
 * const web = new host.Provider("web1", { connection: { type: "ssh", host: "web1.example.com", user: "deploy" } });
 * const site = new host.Directory("site", { path: "/srv/site", mode: "0755" }, { provider: web });
 * new host.File("index", { path: pulumi.interpolate`${site.path}/index.html`, content: "<h1>Hello</h1>\n" }, { provider: web });
 * ```
 *
 * This module imports nothing but the SDK, so that programs load fast; the provider runs inside orch.
 */
import { createRequire } from "node:module";
import * as pulumi from "@pulumi/pulumi";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

/** The machine that runs orch. */
export interface LocalConnection {
  type: "local";
}

/** How to log in to one machine. */
export interface SshLogin {
  /** Name or address. */
  host: pulumi.Input<string>;
  /** TCP port. Default 22. */
  port?: pulumi.Input<number>;
  /** Default root. */
  user?: pulumi.Input<string>;
  /** Always kept as a secret. Also given to keyboard-interactive prompts. */
  password?: pulumi.Input<string>;
  /** A private key as PEM or OpenSSH text. Always kept as a secret. */
  privateKey?: pulumi.Input<string>;
  /** File with a private key on the machine that runs orch; `~/` is the home folder. */
  privateKeyFile?: pulumi.Input<string>;
  /** Opens an encrypted private key. Always kept as a secret. */
  passphrase?: pulumi.Input<string>;
  /**
   * Use the SSH agent: true for the one at SSH_AUTH_SOCK, or the path of a socket. Where no password, key or agent is given, the agent
   * is used if there is one, and then `~/.ssh/id_ed25519`, `id_ecdsa` and `id_rsa`.
   */
  agent?: pulumi.Input<boolean | string>;
  /** The server's key, or several allowed ones: `SHA256:…` or a public key line. Known hosts are not asked then. */
  hostKey?: pulumi.Input<string | pulumi.Input<string>[]>;
  /** Files with known host keys. Default `~/.ssh/known_hosts` and `/etc/ssh/ssh_known_hosts`. */
  knownHostsFile?: pulumi.Input<string | pulumi.Input<string>[]>;
  /** Trust a machine that no file knows at first sight, and record its key. Default false. */
  acceptNewHostKey?: pulumi.Input<boolean>;
  /** Seconds until a try to connect is given up. Default 20. */
  connectTimeout?: pulumi.Input<number>;
  /** Keep trying for so many seconds while nothing answers: for machines that are just starting. Default 0. */
  waitSeconds?: pulumi.Input<number>;
}

/** A machine reached over SSH. */
export interface SshConnection extends SshLogin {
  type: "ssh";
  /** Jump hosts to go through, the first one first. */
  jump?: pulumi.Input<SshLogin | SshLogin[]>;
}

/** Which machine, and how it is reached. */
export type Connection = LocalConnection | SshConnection;

const secretKeys = ["password", "privateKey", "passphrase"] as const;

/** What logs in is a secret, whether or not the program said so. */
function protect(connection: pulumi.Input<Connection> | undefined): pulumi.Input<Connection> | undefined {
  const login = <T extends object>(given: T): T => {
    const copy = { ...given } as Record<string, unknown>;
    for (const key of secretKeys) if (copy[key] !== undefined) copy[key] = pulumi.secret(copy[key]);
    const { jump } = copy;
    if (Array.isArray(jump)) copy.jump = jump.map(login);
    else if (typeof jump === "object" && jump !== null && !pulumi.Output.isInstance(jump))
      copy.jump = login(jump);
    return copy as T;
  };
  if (connection === undefined || typeof connection !== "object") return connection;
  // What is inside an output or a promise is marked by the provider's check.
  if (pulumi.Output.isInstance(connection) || connection instanceof Promise) return connection;
  return login(connection as Connection);
}

/** The program's options with this package's version, which says which code serves the resource. */
const withVersion = <O extends { version?: string }>(options: O | undefined): O =>
  ({ version, ...options }) as O;

/** Absent properties as the SDK wants them for reading an existing object. */
const nothing = (names: readonly string[]): pulumi.Inputs =>
  Object.fromEntries(names.map((name) => [name, undefined]));

export interface ProviderArgs {
  /** The machine of all resources with this provider that name none themselves. Default: the machine that runs orch. */
  connection?: pulumi.Input<Connection>;
}

/** A machine as a provider: pass it to resources as `{ provider }`, or to a component as `{ providers: [web] }`. */
export class Provider extends pulumi.ProviderResource {
  static override isInstance(value: unknown): value is Provider {
    return isOfType(value, "pulumi:providers:host");
  }
  constructor(name: string, args: ProviderArgs = {}, options?: pulumi.ResourceOptions) {
    super("host", name, { connection: protect(args.connection) }, withVersion(options));
  }
}

export interface FileArgs {
  /** Absolute path on the machine. Another path replaces the file. */
  path: pulumi.Input<string>;
  /** The content as text (UTF-8). Give exactly one of `content`, `source` and `template`. */
  content?: pulumi.Input<string>;
  /** The content as an asset: a file, a text or a URL; may be binary. */
  source?: pulumi.Input<pulumi.asset.Asset>;
  /** The content as a Liquid template (https://liquidjs.com), filled in with `variables`. */
  template?: pulumi.Input<string | pulumi.asset.Asset>;
  /** What the template may use; a variable that it names and that is not here is an error. */
  variables?: pulumi.Input<Record<string, pulumi.Input<unknown>>>;
  /** Permission bits in octal. Default "0644", or "0600" when the content is secret. */
  mode?: pulumi.Input<string>;
  /** User's name or number. Default: whoever has it already, or the login's user. */
  owner?: pulumi.Input<string>;
  /** Group's name or number. Default: as with `owner`. */
  group?: pulumi.Input<string>;
  /** Replace content that orch has neither put there nor shown in a plan. Default false: such a file is a failure that says so. */
  overwrite?: pulumi.Input<boolean>;
  /** Keep what is replaced beside the file, as `<path>.<time>.bak`. Default false. */
  backup?: pulumi.Input<boolean>;
  /** Default: the provider's machine; and without one, the machine that runs orch. */
  connection?: pulumi.Input<Connection>;
}

const fileOutputs = ["path", "sha256", "size", "mode", "owner", "group", "content"];

/** A file. Written whole beside its place and then moved there. Its id is its path: `import: "/etc/motd"`. */
export class File extends pulumi.CustomResource {
  declare readonly path: pulumi.Output<string>;
  /** SHA-256 of the content, lower-case hex. */
  declare readonly sha256: pulumi.Output<string>;
  /** Bytes. */
  declare readonly size: pulumi.Output<number>;
  /** Permission bits, such as "0644". */
  declare readonly mode: pulumi.Output<string>;
  declare readonly owner: pulumi.Output<string>;
  declare readonly group: pulumi.Output<string>;
  /** The content, where it is text of at most 256 KiB. */
  declare readonly content: pulumi.Output<string | undefined>;

  /** A file that somebody else manages; `id` is its path. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): File {
    return new File(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is File {
    return isOfType(value, "host:index:File");
  }
  constructor(name: string, args: FileArgs, options?: pulumi.CustomResourceOptions) {
    const inputs = options?.id === undefined ? { ...args, connection: protect(args?.connection) } : {};
    super("host:index:File", name, { ...nothing(fileOutputs), ...inputs }, withVersion(options));
  }
}

export interface DirectoryArgs {
  /** Absolute path on the machine. Another path replaces the folder. */
  path: pulumi.Input<string>;
  /** Permission bits in octal. Default: as it is, and "0755" for a new folder. */
  mode?: pulumi.Input<string>;
  /** User's name or number. */
  owner?: pulumi.Input<string>;
  /** Group's name or number. */
  group?: pulumi.Input<string>;
  /** Make missing folders above it too; they stay when it is deleted. Default true. */
  parents?: pulumi.Input<boolean>;
  /** Delete it with all that is in it. Default false: a folder that is not empty is not deleted. */
  purge?: pulumi.Input<boolean>;
  /** Default: the provider's machine; and without one, the machine that runs orch. */
  connection?: pulumi.Input<Connection>;
}

/** A folder, not what is in it. One that is there already is taken over. Its id is its path. */
export class Directory extends pulumi.CustomResource {
  declare readonly path: pulumi.Output<string>;
  /** Permission bits, such as "0755". */
  declare readonly mode: pulumi.Output<string>;
  declare readonly owner: pulumi.Output<string>;
  declare readonly group: pulumi.Output<string>;

  /** A folder that somebody else manages; `id` is its path. */
  static get(name: string, id: pulumi.Input<pulumi.ID>, options?: pulumi.CustomResourceOptions): Directory {
    return new Directory(name, undefined as never, { ...options, id });
  }
  static override isInstance(value: unknown): value is Directory {
    return isOfType(value, "host:index:Directory");
  }
  constructor(name: string, args: DirectoryArgs, options?: pulumi.CustomResourceOptions) {
    const inputs = options?.id === undefined ? { ...args, connection: protect(args?.connection) } : {};
    super(
      "host:index:Directory",
      name,
      { ...nothing(["path", "mode", "owner", "group"]), ...inputs },
      withVersion(options),
    );
  }
}

export interface CommandArgs {
  /** Script that makes it. Exit code 0 means made. */
  create: pulumi.Input<string>;
  /** Script for a change of a script, the environment or the input, and for drift. Default: `create` again. It finds what the last run printed in ORCH_STDOUT and ORCH_STDERR. */
  update?: pulumi.Input<string>;
  /** Script that undoes it. Default: nothing is done. It finds what the last run printed in ORCH_STDOUT and ORCH_STDERR. */
  delete?: pulumi.Input<string>;
  /**
   * Script that prints what is there, for drift. Other output than after the last run is a change; an exit code other than 0 means
   * that it is gone, and 126 or 127 that looking failed.
   */
  read?: pulumi.Input<string>;
  /** Any values; when one changes, `delete` and then `create` are run. */
  triggers?: pulumi.Input<pulumi.Input<unknown>[]>;
  /** Variables of all the scripts; may be secret, and never show in a process list. */
  environment?: pulumi.Input<Record<string, pulumi.Input<string | number | boolean>>>;
  /** Program and arguments that get a file with the script, such as `["python3"]`. Default: /bin/sh. */
  interpreter?: pulumi.Input<pulumi.Input<string>[]>;
  /** Folder to run in. Default: the login's home, or locally the project's folder. */
  cwd?: pulumi.Input<string>;
  /** Standard input of `create` and `update`. */
  stdin?: pulumi.Input<string>;
  /** Seconds that one script may take. Default: no limit. */
  timeout?: pulumi.Input<number>;
  /** Default: the provider's machine; and without one, the machine that runs orch. */
  connection?: pulumi.Input<Connection>;
}

/** What only a script can do. A service that it starts must not keep the script's output open: redirect it. */
export class Command extends pulumi.CustomResource {
  /** What `create` or `update` printed last (the last 256 KiB); secret where it holds a secret of the inputs. */
  declare readonly stdout: pulumi.Output<string>;
  declare readonly stderr: pulumi.Output<string>;
  declare readonly exitCode: pulumi.Output<number>;
  /** What `read` printed when it last ran. */
  declare readonly observed: pulumi.Output<string | undefined>;
  /** What `read` printed right after the last `create` or `update`. */
  declare readonly expected: pulumi.Output<string | undefined>;

  static override isInstance(value: unknown): value is Command {
    return isOfType(value, "host:index:Command");
  }
  constructor(name: string, args: CommandArgs, options?: pulumi.CustomResourceOptions) {
    super(
      "host:index:Command",
      name,
      {
        ...nothing(["stdout", "stderr", "exitCode", "observed", "expected"]),
        ...args,
        connection: protect(args.connection),
      },
      withVersion(options),
    );
  }
}

export interface ReadFileArgs {
  /** Absolute path on the machine. */
  path: string;
  connection?: Connection;
}
export interface ReadFileResult {
  readonly path: string;
  /** The content, where it is text of at most 256 KiB. */
  readonly content?: string;
  /** The content otherwise. */
  readonly base64?: string;
  readonly sha256: string;
  /** Bytes. */
  readonly size: number;
  readonly mode: string;
  readonly owner: string;
  readonly group: string;
}

/** Reads a file that orch need not manage; while planning, too. */
export function readFile(args: ReadFileArgs, options?: pulumi.InvokeOptions): Promise<ReadFileResult> {
  return pulumi.runtime.invoke("host:index:readFile", withConnection(args), withVersion(options));
}
export function readFileOutput(
  args: { path: pulumi.Input<string>; connection?: pulumi.Input<Connection> },
  options?: pulumi.InvokeOutputOptions,
): pulumi.Output<ReadFileResult> {
  return pulumi.runtime.invokeOutput("host:index:readFile", withConnection(args), withVersion(options));
}

export interface Facts {
  /** As `uname -n` gives it. */
  readonly hostname: string;
  /** `debian`, `ubuntu`, `alpine`, `macos` …; empty where it can't be told. */
  readonly os: string;
  /** `13`; empty where there is none. */
  readonly osVersion: string;
  /** In full, for people. */
  readonly osName: string;
  /** `Linux`, `Darwin` … */
  readonly kernel: string;
  readonly kernelVersion: string;
  /** `x86_64`, `aarch64` … */
  readonly architecture: string;
  readonly cpus: number;
  /** 0 where it can't be told. */
  readonly memoryBytes: number;
  /** The login's user. */
  readonly user: string;
  readonly uid: number;
  readonly home: string;
}

/** What a machine is: its name, system, kernel, size. */
export function facts(
  args: { connection?: Connection } = {},
  options?: pulumi.InvokeOptions,
): Promise<Facts> {
  return pulumi.runtime.invoke("host:index:facts", withConnection(args), withVersion(options));
}
export function factsOutput(
  args: { connection?: pulumi.Input<Connection> } = {},
  options?: pulumi.InvokeOutputOptions,
): pulumi.Output<Facts> {
  return pulumi.runtime.invokeOutput("host:index:facts", withConnection(args), withVersion(options));
}

function withConnection<A extends { connection?: pulumi.Input<Connection> }>(args: A): pulumi.Inputs {
  const connection = protect(args.connection);
  return { ...args, ...(connection === undefined ? {} : { connection }) };
}

function isOfType(value: unknown, type: string): boolean {
  return (
    typeof value === "object" && value !== null && (value as { __pulumiType?: string }).__pulumiType === type
  );
}
