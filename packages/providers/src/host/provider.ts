/** The package `host`: files, folders and scripts on machines. Loaded when a program first uses one. */
import { createRequire } from "node:module";
import type { LoadContext, Provider } from "@orch/core/provider/contract";
import { z } from "zod";
import { createProvider, defineProvider } from "../direct/index.js";
import { command } from "./command.js";
import { connectionProperty, fromShorthand } from "./connection.js";
import { directory } from "./directory.js";
import { facts } from "./facts.js";
import { file } from "./file.js";
import { readFile } from "./read-file.js";
import { HostSession } from "./session.js";
import type { SshPool } from "./ssh/pool.js";
import { archive } from "./system/archive.js";
import { authorizedKey } from "./system/authorized-key.js";
import { authorizedKeys } from "./system/authorized-keys.js";
import { container } from "./system/container.js";
import { cronJob } from "./system/cron.js";
import { firewallTable } from "./system/firewall.js";
import { gitCheckout } from "./system/git.js";
import { group } from "./system/group.js";
import { lineInFile } from "./system/line.js";
import { package_ } from "./system/package.js";
import { reboot } from "./system/reboot.js";
import { packageRepository } from "./system/repository.js";
import { sysctl } from "./system/sysctl.js";
import { service, systemdUnit } from "./system/unit.js";
import { user } from "./system/user.js";

const { version } = createRequire(import.meta.url)("../../package.json") as { version: string };

/** Explicit providers with one login share its connection; it ends with the last of them. */
let pool: Promise<SshPool> | undefined;
let users = 0;

const openPool = (): Promise<SshPool> => {
  // ssh2 is loaded when a machine is first reached with it.
  pool ??= import("./ssh/pool.js").then(({ SshPool: Pool }) => new Pool());
  return pool;
};

async function closePool(): Promise<void> {
  users--;
  if (users > 0 || pool === undefined) return;
  const closing = pool;
  pool = undefined;
  await (await closing).close();
}

export const hostProvider = defineProvider({
  name: "host",
  version,
  description: "Files, folders and scripts on machines, over SSH or here.",
  config: z.strictObject({ connection: connectionProperty }),
  replaceOn: ["connection.type", "connection.host"],
  normalize: (config) => {
    const connection = fromShorthand(config.connection);
    return connection === undefined ? config : { ...config, connection };
  },
  open: ({ connection }, context: LoadContext) => {
    users++;
    return new HostSession(connection, context, openPool);
  },
  close: closePool,
  resources: [
    file,
    directory,
    command,
    container,
    user,
    group,
    authorizedKey,
    authorizedKeys,
    package_,
    packageRepository,
    systemdUnit,
    service,
    sysctl,
    cronJob,
    firewallTable,
    lineInFile,
    archive,
    gitCheckout,
    reboot,
  ],
  invokes: [readFile, facts],
});

export const create = (context: LoadContext): Provider => createProvider(hostProvider, context);
