/** What the classes have in common: how a machine is reached, and what marks a resource as this package's. */
import * as pulumi from "@pulumi/pulumi";
import { nothing, withVersion } from "../../direct/program.js";

/** The machine that runs orch. */
export interface LocalConnection {
  type: "local";
  /** Do everything as another user. Default: as the one who runs orch. */
  become?: pulumi.Input<Become>;
}

/** Everything as another user, through sudo or doas. */
export interface Become {
  /** Default sudo. */
  method?: pulumi.Input<"sudo" | "doas">;
  /** Default root. */
  user?: pulumi.Input<string>;
  /** The login's own password, where sudo asks for one. Always kept as a secret. */
  password?: pulumi.Input<string>;
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
  /** Do everything as another user. Default: as the login's. */
  become?: pulumi.Input<Become>;
}

/** Which machine, and how it is reached. */
export type Connection = LocalConnection | SshConnection;

const secretKeys = ["password", "privateKey", "passphrase"] as const;

/** What logs in is a secret, whether or not the program said so. */
export function protect(
  connection: pulumi.Input<Connection> | undefined,
): pulumi.Input<Connection> | undefined {
  const login = <T extends object>(given: T): T => {
    const copy = { ...given } as Record<string, unknown>;
    for (const key of secretKeys) if (copy[key] !== undefined) copy[key] = pulumi.secret(copy[key]);
    const { jump, become } = copy;
    if (typeof become === "object" && become !== null && !pulumi.Output.isInstance(become))
      copy.become = login(become);
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

/** A resource whose inputs go to the provider as they are, with the connection's secrets marked. `outputs`: names that only the provider knows. */
export abstract class HostResource extends pulumi.CustomResource {
  constructor(
    type: string,
    outputs: readonly string[],
    name: string,
    args: object | undefined,
    options?: pulumi.CustomResourceOptions,
  ) {
    const given = args as { connection?: pulumi.Input<Connection> } | undefined;
    const inputs = options?.id === undefined ? { ...given, connection: protect(given?.connection) } : {};
    super(type, name, { ...nothing(outputs), ...inputs }, withVersion(options));
  }
}

/** Where a resource lives. */
export interface OnMachine {
  /** Default: the provider's machine; and without one, the machine that runs orch. */
  connection?: pulumi.Input<Connection>;
}
/** A resource that may be there already. */
export interface Overwriting extends OnMachine {
  /** Change what is there already and is not as wanted. Default false: then it is a failure that says what differs. */
  overwrite?: pulumi.Input<boolean>;
}
