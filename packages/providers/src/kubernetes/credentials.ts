/** What a user of a kubeconfig sends with each request, and renewing it: token files, and programs that print credentials. */
import { execFile } from "node:child_process";
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fail } from "@orch/core/model/failure";
import { withoutOwnSecrets } from "@orch/core/provider/environment";
import type { ClusterConfig, ExecConfig } from "./kubeconfig.js";

export interface Credentials {
  headers(): Promise<Readonly<Record<string, string>>>;
  /** After a 401. False: there is nothing newer. */
  renew(): Promise<boolean>;
  /** A client certificate of the credentials' own, asked for once before connecting. */
  certificate(): Promise<{ readonly cert: string; readonly key: string } | undefined>;
}

interface Granted {
  readonly token?: string;
  readonly cert?: string;
  readonly key?: string;
  /** ms since the epoch. */
  readonly until?: number;
}

export function credentialsOf(cluster: ClusterConfig): Credentials {
  const { user } = cluster;
  const impersonate: Record<string, string> = {
    ...(user.as ? { "impersonate-user": user.as } : {}),
    ...(user.asGroup ? { "impersonate-group": user.asGroup } : {}),
  };
  let granted: Promise<Granted> | undefined;
  const grant = async (): Promise<Granted | undefined> => {
    if (user.exec === undefined) return undefined;
    granted ??= runPlugin(user.exec, cluster);
    const now = await granted;
    // Half a minute early, so that it does not run out on its way.
    if (now.until !== undefined && now.until - Date.now() < 30_000) granted = runPlugin(user.exec, cluster);
    return granted;
  };
  const bearer = async (): Promise<string | undefined> =>
    (await grant())?.token ??
    user.token ??
    (user.tokenFile === undefined ? undefined : await tokenIn(user.tokenFile));

  return {
    async headers() {
      const token = await bearer();
      if (token !== undefined) return { authorization: `Bearer ${token}`, ...impersonate };
      if (user.username === undefined) return impersonate;
      const basic = Buffer.from(`${user.username}:${user.password ?? ""}`).toString("base64");
      return { authorization: `Basic ${basic}`, ...impersonate };
    },
    async renew() {
      if (user.exec === undefined) return false;
      granted = undefined;
      return (await grant()) !== undefined;
    },
    async certificate() {
      const now = await grant();
      const [cert, key] = [now?.cert ?? user.cert, now?.key ?? user.key];
      return cert !== undefined && key !== undefined ? { cert, key } : undefined;
    },
  };
}

async function tokenIn(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    return fail({
      reason: "provider-config",
      message: `The kubeconfig's token file can't be read: ${(error as NodeJS.ErrnoException).code}.`,
      path: "kubeconfig",
      found: file,
    });
  }
}

const pluginTimeoutMs = 60_000;

async function runPlugin(exec: ExecConfig, cluster: ClusterConfig): Promise<Granted> {
  // A path with a slash is relative to the kubeconfig's folder; a name alone is looked for in PATH.
  const command =
    exec.command.includes("/") && exec.folder ? resolve(exec.folder, exec.command) : exec.command;
  const info = {
    apiVersion: exec.apiVersion,
    kind: "ExecCredential",
    spec: {
      interactive: false,
      ...(exec.provideClusterInfo
        ? {
            cluster: {
              server: cluster.server,
              "insecure-skip-tls-verify": cluster.insecure,
              ...(cluster.ca
                ? { "certificate-authority-data": Buffer.from(cluster.ca).toString("base64") }
                : {}),
            },
          }
        : {}),
    },
  };
  const printed = await new Promise<string>((done, broken) => {
    const env = {
      ...withoutOwnSecrets(process.env),
      ...exec.env,
      KUBERNETES_EXEC_INFO: JSON.stringify(info),
    };
    execFile(
      command,
      [...exec.args],
      { env, timeout: pluginTimeoutMs, maxBuffer: 1 << 20 },
      (error, stdout, stderr) => {
        if (error === null) done(stdout);
        else broken(Object.assign(error, { said: stderr.trim().slice(0, 500) }));
      },
    );
  }).catch((error: NodeJS.ErrnoException & { said?: string; killed?: boolean }) =>
    fail(
      {
        reason: error.code === "ENOENT" ? "provider-config" : "authentication-failed",
        message:
          error.code === "ENOENT"
            ? `The program ${JSON.stringify(exec.command)} that the kubeconfig wants for logging in is not here.`
            : `The program ${JSON.stringify(exec.command)} that the kubeconfig wants for logging in ${error.killed ? `did not end within ${pluginTimeoutMs / 1000} s` : "failed"}.`,
        path: "kubeconfig",
        expected: "an ExecCredential on its standard output",
        ...(error.said ? { found: error.said } : {}),
        next: [exec.installHint ?? `Run ${exec.command} by hand, and log in with its tool first.`],
      },
      error,
    ),
  );
  let status: Record<string, unknown> | undefined;
  try {
    status = (JSON.parse(printed) as { status?: Record<string, unknown> }).status;
  } catch {
    // Said below: what was printed may hold a token and is not repeated.
  }
  const { token, clientCertificateData, clientKeyData, expirationTimestamp } = status ?? {};
  if (typeof token !== "string" && typeof clientCertificateData !== "string") {
    return fail({
      reason: "authentication-failed",
      message: `The program ${JSON.stringify(exec.command)} of the kubeconfig printed no credentials.`,
      path: "kubeconfig",
      expected: "an ExecCredential with status.token or status.clientCertificateData",
      next: [`Run ${exec.command} by hand, and log in with its tool first.`],
    });
  }
  const until = typeof expirationTimestamp === "string" ? Date.parse(expirationTimestamp) : Number.NaN;
  return {
    ...(typeof token === "string" ? { token } : {}),
    ...(typeof clientCertificateData === "string" ? { cert: clientCertificateData } : {}),
    ...(typeof clientKeyData === "string" ? { key: clientKeyData } : {}),
    ...(Number.isNaN(until) ? {} : { until }),
  };
}
