/**
 * Where the API server is and how to log in: from a kubeconfig (given, of the environment, of the home folder) or from the pod that
 * this runs in. Files are read, nothing is connected to or run.
 * Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/
 */
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { fail } from "@orch/core/model/failure";
import { parse } from "yaml";
import type { Configuration } from "./config.js";

/** Everything that a connection needs to know. Certificates and keys are PEM texts. */
export interface ClusterConfig {
  /** `https://10.0.0.1:6443` */
  readonly server: string;
  readonly ca?: string;
  readonly insecure: boolean;
  readonly serverName?: string;
  /** Of the context: for objects that name no namespace. */
  readonly namespace?: string;
  readonly user: UserConfig;
  /** For people: the context and where it was read. */
  readonly from: string;
}

export interface UserConfig {
  readonly token?: string;
  /** Read before each request: the kubelet renews it. */
  readonly tokenFile?: string;
  readonly username?: string;
  readonly password?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly exec?: ExecConfig;
  readonly as?: string;
  readonly asGroup?: string;
}

/** A program that prints credentials. Source: https://kubernetes.io/docs/reference/config-api/client-authentication.v1/ */
export interface ExecConfig {
  readonly apiVersion: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly installHint?: string;
  readonly provideClusterInfo: boolean;
  /** Where a relative command is looked for. */
  readonly folder?: string;
}

type Entry = Readonly<Record<string, unknown>>;
interface Kubeconfig {
  readonly clusters: ReadonlyMap<string, Named>;
  readonly contexts: ReadonlyMap<string, Named>;
  readonly users: ReadonlyMap<string, Named>;
  readonly current?: string;
  readonly from: string;
}
interface Named {
  readonly entry: Entry;
  /** Of the file: paths in it are relative to it. */
  readonly folder: string | undefined;
}

const serviceAccount = "/var/run/secrets/kubernetes.io/serviceaccount";

/** @throws `provider-config` that says which file, context or entry is missing or wrong. */
export function clusterConfig(
  config: Pick<Configuration, "kubeconfig" | "context" | "cluster">,
  env: NodeJS.ProcessEnv = process.env,
  podFolder: string = serviceAccount,
): ClusterConfig {
  const found = config.kubeconfig ? given(config.kubeconfig) : ofEnvironment(env);
  if (found === undefined) return inPod(env, podFolder);
  const contextName = config.context ?? found.current;
  const context = contextName ? found.contexts.get(contextName)?.entry : undefined;
  if (context === undefined && config.cluster === undefined) {
    return fail({
      reason: "provider-config",
      message: contextName
        ? `${found.from} has no context ${JSON.stringify(contextName)}.`
        : `${found.from} has no current context.`,
      path: "context",
      expected: names(found.contexts),
      found: contextName ?? "nothing",
      next: ["Name one with `orch config set kubernetes:context NAME`, or correct the kubeconfig."],
    });
  }
  const clusterName = config.cluster ?? text(context?.cluster) ?? "";
  const cluster = found.clusters.get(clusterName);
  if (cluster === undefined) return missing(found, "cluster", clusterName, found.clusters);
  const server = text(cluster.entry.server);
  if (server === undefined || !URL.canParse(server)) {
    return fail({
      reason: "provider-config",
      message: `The cluster ${JSON.stringify(clusterName)} of ${found.from} has no valid server address.`,
      expected: "server: https://HOST:PORT",
      found: server ?? "nothing",
    });
  }
  if (cluster.entry["proxy-url"] !== undefined) return unsupported(found, "proxy-url of a cluster");
  const userName = text(context?.user);
  const user = userName === undefined ? undefined : found.users.get(userName);
  if (userName !== undefined && user === undefined) return missing(found, "user", userName, found.users);
  const ca = pem(cluster, "certificate-authority");
  const serverName = text(cluster.entry["tls-server-name"]);
  const namespace = text(context?.namespace);
  return {
    server,
    insecure: cluster.entry["insecure-skip-tls-verify"] === true,
    ...(ca === undefined ? {} : { ca }),
    ...(serverName ? { serverName } : {}),
    ...(namespace ? { namespace } : {}),
    user: user ? userConfig(user, found) : {},
    from: `${contextName ? `context ${contextName} of ` : ""}${found.from}`,
  };
}

function userConfig(user: Named, found: Kubeconfig): UserConfig {
  const { entry, folder } = user;
  if (entry["auth-provider"] !== undefined)
    return unsupported(found, "auth-provider of a user (use its exec plugin)");
  const groups = (entry["as-groups"] ?? []) as readonly string[];
  if (groups.length > 1) return unsupported(found, "more than one of as-groups");
  const tokenFile = text(entry.tokenFile);
  const exec = entry.exec as Entry | undefined;
  const all = {
    token: text(entry.token),
    tokenFile: tokenFile === undefined ? undefined : resolve(folder ?? ".", tokenFile),
    username: text(entry.username),
    password: text(entry.password),
    cert: pem(user, "client-certificate"),
    key: pem(user, "client-key"),
    as: text(entry.as),
    asGroup: groups[0],
    exec:
      exec === undefined
        ? undefined
        : {
            apiVersion: text(exec.apiVersion) ?? "client.authentication.k8s.io/v1",
            command: text(exec.command) ?? "",
            args: (exec.args ?? []) as readonly string[],
            env: Object.fromEntries(
              ((exec.env ?? []) as readonly { name: string; value: string }[]).map((e) => [e.name, e.value]),
            ),
            provideClusterInfo: exec.provideClusterInfo === true,
            ...(text(exec.installHint) ? { installHint: text(exec.installHint) as string } : {}),
            ...(folder ? { folder } : {}),
          },
  };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as UserConfig;
}

/** The text of one, rather than the path of a file. */
export const isKubeconfigText = (value: string | undefined): boolean => /[\n{]/.test(value ?? "");

/** The property is a text of a kubeconfig, or the path of one. */
function given(value: string): Kubeconfig {
  if (isKubeconfigText(value)) return read([{ content: value, folder: undefined }], "the given kubeconfig");
  const path = value.startsWith("~/") ? join(homedir(), value.slice(2)) : value;
  // What KUBECONFIG holds reaches the provider through the SDK too, and may be a list.
  const files = path.split(delimiter).filter(Boolean);
  const there = files.filter((file) => existsSync(file));
  if (there.length === 0) {
    return fail({
      reason: "provider-config",
      message: "The provider's kubeconfig is neither the text of one nor a file that exists.",
      path: "kubeconfig",
      expected: "YAML or JSON, or the path of a file",
      found:
        files.length === 1 && path.length < 200 && !path.includes(" ")
          ? path
          : `a text of ${value.length} characters`,
      next: ["Give the file's path or text with `orch config set kubernetes:kubeconfig --secret`."],
    });
  }
  return readFiles(there);
}

function ofEnvironment(env: NodeJS.ProcessEnv): Kubeconfig | undefined {
  const listed = (env.KUBECONFIG ?? "").split(delimiter).filter(Boolean);
  if (listed.length > 0) {
    const there = listed.filter((file) => existsSync(file));
    if (there.length > 0) return readFiles(there);
    return fail({
      reason: "provider-config",
      message: "None of the files in KUBECONFIG exists.",
      expected: "a kubeconfig file",
      found: listed.join(delimiter),
    });
  }
  const home = join(env.HOME ?? homedir(), ".kube", "config");
  return existsSync(home) ? readFiles([home]) : undefined;
}

const readFiles = (files: readonly string[]): Kubeconfig =>
  read(
    files.map((file) => ({ content: readFileSync(file, "utf8"), folder: dirname(resolve(file)), file })),
    files.join(" and "),
  );

/** Several files are one: of what has the same name, the first counts. */
function read(
  sources: readonly { readonly content: string; readonly folder: string | undefined }[],
  from: string,
): Kubeconfig {
  const clusters = new Map<string, Named>();
  const contexts = new Map<string, Named>();
  const users = new Map<string, Named>();
  let current: string | undefined;
  for (const { content, folder } of sources) {
    let config: Entry | null;
    try {
      config = parse(content) as Entry | null;
    } catch (error) {
      // The parser quotes the text, which may hold a key: only where it stopped is said.
      const place = (error as { linePos?: readonly { line: number; col: number }[] }).linePos?.[0];
      return fail({
        reason: "provider-config",
        message: `${from} is neither valid YAML nor JSON.`,
        path: "kubeconfig",
        found: place ? `a mistake in line ${place.line}, column ${place.col}` : "something else",
      });
    }
    if (typeof config !== "object" || config === null || Array.isArray(config)) {
      return fail({
        reason: "provider-config",
        message: `${from} is not a kubeconfig.`,
        path: "kubeconfig",
        expected: "an object with clusters, contexts and users",
      });
    }
    const collect = (into: Map<string, Named>, list: unknown, key: string): void => {
      for (const item of (Array.isArray(list) ? list : []) as Entry[]) {
        const name = text(item.name);
        if (name !== undefined && !into.has(name))
          into.set(name, { entry: (item[key] ?? {}) as Entry, folder });
      }
    };
    collect(clusters, config.clusters, "cluster");
    collect(contexts, config.contexts, "context");
    collect(users, config.users, "user");
    current ??= text(config["current-context"]);
  }
  return { clusters, contexts, users, from, ...(current ? { current } : {}) };
}

/** Source: https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
function inPod(env: NodeJS.ProcessEnv, folder: string): ClusterConfig {
  const host = env.KUBERNETES_SERVICE_HOST;
  const port = env.KUBERNETES_SERVICE_PORT ?? "443";
  if (!host || !existsSync(join(folder, "token"))) {
    return fail({
      reason: "provider-config",
      message: "There is no kubeconfig, and this is not a pod of a cluster.",
      path: "kubeconfig",
      expected: "the provider's kubeconfig, KUBECONFIG, ~/.kube/config, or a pod's service account",
      found: "none of them",
      next: ["Set the environment variable KUBECONFIG, or run `orch config set kubernetes:kubeconfig PATH`."],
    });
  }
  const read = (name: string): string | undefined =>
    existsSync(join(folder, name)) ? readFileSync(join(folder, name), "utf8") : undefined;
  const ca = read("ca.crt");
  const namespace = read("namespace")?.trim();
  return {
    server: `https://${host.includes(":") ? `[${host}]` : host}:${port}`,
    insecure: false,
    ...(ca === undefined ? {} : { ca }),
    ...(namespace ? { namespace } : {}),
    user: { tokenFile: join(folder, "token") },
    from: "this pod's service account",
  };
}

/** `name` is a file's path, `name-data` base64 of its content. */
function pem({ entry, folder }: Named, name: string): string | undefined {
  const data = text(entry[`${name}-data`]);
  if (data) return Buffer.from(data, "base64").toString("utf8");
  const path = text(entry[name]);
  if (!path) return undefined;
  const file = resolve(folder ?? ".", path);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    return fail({
      reason: "provider-config",
      message: `The kubeconfig names a file that can't be read: ${(error as NodeJS.ErrnoException).code}.`,
      path: "kubeconfig",
      expected: `${name}, a readable file`,
      found: file,
    });
  }
}

const text = (value: unknown): string | undefined =>
  typeof value === "string" && value !== "" ? value : undefined;
const names = (map: ReadonlyMap<string, Named>): string =>
  map.size === 0 ? "an entry" : `one of ${[...map.keys()].join(", ")}`;

function missing(found: Kubeconfig, what: string, name: string, known: ReadonlyMap<string, Named>): never {
  return fail({
    reason: "provider-config",
    message: `${found.from} has no ${what} ${JSON.stringify(name)}.`,
    path: what === "cluster" ? "cluster" : "kubeconfig",
    expected: names(known),
    found: name === "" ? "nothing" : name,
  });
}
function unsupported(found: Kubeconfig, what: string): never {
  return fail({
    reason: "unsupported",
    message: `${found.from} uses ${what}, which the direct provider does not have.`,
    path: "kubeconfig",
    next: [
      "Use another user or cluster of the kubeconfig, or `providers: { kubernetes: plugin }` in the project file.",
    ],
  });
}
