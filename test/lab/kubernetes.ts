import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:https";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { endWithThisProcess, freePort, HOST } from "./process.js";
import { findProgram, labBin } from "./requirements.js";

/** What `describeLab` needs for a whole cluster. */
export const kubernetesNeeds = [
  "etcd",
  "kube-apiserver",
  "kube-controller-manager",
  "kube-scheduler",
  "kwok",
] as const;

export interface LabAnswer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: any object of any kind.
  readonly body: any;
}

/**
 * A Kubernetes control plane on loopback: etcd, kube-apiserver, kube-controller-manager and kube-scheduler, all real, and kwok, which gives it nodes on which pods only
 * pretend to run. In a folder of its own, on free ports.
 */
export interface LabKubernetes {
  readonly server: string;
  readonly directory: string;
  /** A kubeconfig file; its user is an administrator who logs in with a client certificate. */
  readonly kubeconfig: string;
  /** Kubeconfig text for another user: `token` of tokens below, or anything else that stands in a user's entry. */
  kubeconfigFor(user: Readonly<Record<string, unknown>>, context?: Readonly<Record<string, unknown>>): string;
  /** Known to the server: users `nobody`, who has no rights, and `limited`, who has those that a test gives. */
  readonly tokens: { readonly nobody: string; readonly limited: string };
  /** A client certificate for a user, with days of validity from now (negative: expired). PEM. */
  certificate(user: string, days: number): { readonly cert: string; readonly key: string };
  /** A request as the administrator, past any provider. */
  call(method: string, path: string, body?: unknown, contentType?: string): Promise<LabAnswer>;
  /** Requests that the API server has answered, by its own audit log: method and path of each. */
  audit(): { readonly verb: string; readonly uri: string; readonly user: string }[];
  /** The API server ends and starts again on the same port, with everything it had. */
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
  remove(): Promise<void>;
}

const startTimeoutMs = 120_000;

export async function startKubernetes(): Promise<LabKubernetes> {
  const directory = mkdtempSync(join(tmpdir(), "orch-lab-kubernetes-"));
  const file = (name: string): string => join(directory, name);
  const openssl = findProgram("openssl") ?? "openssl";
  const run = (...args: string[]): void =>
    void execFileSync(openssl, args, { cwd: directory, stdio: ["ignore", "ignore", "pipe"] });

  run(
    "req",
    "-x509",
    "-newkey",
    "rsa:2048",
    "-nodes",
    "-keyout",
    "ca.key",
    "-out",
    "ca.crt",
    "-days",
    "2",
    "-subj",
    "/CN=orch-lab",
  );
  run("genrsa", "-out", "service-accounts.key", "2048");
  const sign = (name: string, subject: string, days: number, extensions: string): void => {
    writeFileSync(file(`${name}.ext`), extensions);
    run(
      "req",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      `${name}.key`,
      "-out",
      `${name}.csr`,
      "-subj",
      subject,
    );
    // Before its beginning too: openssl takes no negative days, so that an expired one is dated.
    const stamp = (offset: number): string =>
      `${new Date(Date.now() + offset * 86_400_000).toISOString().replaceAll(/[-:T]/g, "").slice(2, 14)}Z`;
    if (days < 0) signDated(directory, name, stamp(days - 1), stamp(days), run);
    else
      run(
        "x509",
        "-req",
        "-in",
        `${name}.csr`,
        "-CA",
        "ca.crt",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-out",
        `${name}.crt`,
        "-days",
        String(days),
        "-extfile",
        `${name}.ext`,
      );
  };
  sign(
    "server",
    "/CN=kube-apiserver",
    2,
    `subjectAltName=IP:${HOST},DNS:kubernetes,DNS:localhost,IP:10.96.0.1\n`,
  );
  sign("admin", "/O=system:masters/CN=admin", 2, "extendedKeyUsage=clientAuth\n");

  const tokens = { nobody: "token-of-nobody-0123456789", limited: "token-of-limited-0123456789" };
  writeFileSync(file("tokens.csv"), `${tokens.nobody},nobody,1\n${tokens.limited},limited,2\n`);
  writeFileSync(
    file("audit.yaml"),
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: Metadata}]\n",
  );

  const children = new Map<string, ChildProcess>();
  const log = (name: string): string => readFileSync(file(`${name}.log`), "utf8");
  const start = (name: string, program: string, args: readonly string[]): ChildProcess => {
    const out = openSync(file(`${name}.log`), "a");
    const child = spawn(program, [...args], {
      cwd: directory,
      env: { PATH: process.env.PATH, HOME: directory },
      stdio: ["ignore", out, out],
    });
    closeSync(out);
    endWithThisProcess(child);
    children.set(name, child);
    return child;
  };
  const stop = async (name: string, signal: NodeJS.Signals = "SIGTERM"): Promise<void> => {
    const child = children.get(name);
    children.delete(name);
    if (child?.pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise<void>((done) => child.once("exit", () => done()));
    child.kill(signal);
    // Some of them wait for connections to end.
    const late = setTimeout(() => child.kill("SIGKILL"), 10_000);
    await ended;
    clearTimeout(late);
  };
  const removeAll = async (): Promise<void> => {
    for (const name of ["kwok", "kube-scheduler", "kube-controller-manager", "kube-apiserver", "etcd"])
      await stop(name, "SIGKILL");
    rmSync(directory, { recursive: true, force: true });
  };

  try {
    const [etcdPort, etcdPeer, port, ...others] = [
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
      await freePort(),
    ] as [number, number, number, number, number, number];
    const server = `https://${HOST}:${port}`;
    const etcd = `http://${HOST}:${etcdPort}`;
    start("etcd", findProgram("etcd") ?? "etcd", [
      "--data-dir=etcd",
      `--listen-client-urls=${etcd}`,
      `--advertise-client-urls=${etcd}`,
      `--listen-peer-urls=http://${HOST}:${etcdPeer}`,
      `--initial-advertise-peer-urls=http://${HOST}:${etcdPeer}`,
      `--initial-cluster=default=http://${HOST}:${etcdPeer}`,
    ]);

    const pem = (name: string): string => readFileSync(file(name), "utf8");
    const agent = new Agent({
      ca: pem("ca.crt"),
      cert: pem("admin.crt"),
      key: pem("admin.key"),
      keepAlive: true,
    });
    const call = (
      method: string,
      path: string,
      body?: unknown,
      contentType = "application/json",
    ): Promise<LabAnswer> =>
      new Promise((resolve, reject) => {
        const sent = request(
          new URL(path, server),
          { method, agent, headers: { "content-type": contentType } },
          (answer) => {
            let text = "";
            answer.setEncoding("utf8");
            answer.on("data", (data: string) => {
              text += data;
            });
            answer.on("end", () => {
              let parsed: unknown = text;
              try {
                parsed = JSON.parse(text);
              } catch {
                // Health checks answer in plain text.
              }
              resolve({ status: answer.statusCode ?? 0, body: parsed });
            });
          },
        );
        sent.once("error", reject);
        sent.end(body === undefined ? undefined : typeof body === "string" ? body : JSON.stringify(body));
      });

    const startServer = async (): Promise<void> => {
      const child = start("kube-apiserver", join(labBin(), "kube-apiserver"), [
        `--etcd-servers=${etcd}`,
        `--bind-address=${HOST}`,
        `--advertise-address=${HOST}`,
        `--secure-port=${port}`,
        "--tls-cert-file=server.crt",
        "--tls-private-key-file=server.key",
        "--client-ca-file=ca.crt",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=service-accounts.key",
        "--service-account-signing-key-file=service-accounts.key",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--endpoint-reconciler-type=none",
        "--audit-policy-file=audit.yaml",
        "--audit-log-path=audit.log",
        "--audit-log-mode=blocking",
        "--shutdown-delay-duration=0s",
        // The controller that would take the first taint off again watches the heartbeats of real nodes.
        "--disable-admission-plugins=TaintNodesByCondition",
        // Debian's etcd has not what it needs.
        "--feature-gates=WatchList=false",
      ]);
      const until = Date.now() + startTimeoutMs;
      for (;;) {
        if (child.exitCode !== null || child.signalCode !== null)
          throw new Error(
            `kube-apiserver ended with ${child.signalCode ?? child.exitCode}:\n${log("kube-apiserver").slice(-4000)}`,
          );
        const ready = await call("GET", "/readyz").catch(() => undefined);
        if (ready?.status === 200) return;
        if (Date.now() > until)
          throw new Error(`kube-apiserver was not ready in time:\n${log("kube-apiserver").slice(-4000)}`);
        await sleep(200);
      }
    };
    await startServer();

    const kubeconfigFor: LabKubernetes["kubeconfigFor"] = (user, context = {}) =>
      JSON.stringify({
        apiVersion: "v1",
        kind: "Config",
        "current-context": "lab",
        clusters: [
          {
            name: "lab",
            cluster: { server, "certificate-authority-data": Buffer.from(pem("ca.crt")).toString("base64") },
          },
        ],
        contexts: [{ name: "lab", context: { cluster: "lab", user: "lab", ...context } }],
        users: [{ name: "lab", user }],
      });
    writeFileSync(
      file("kubeconfig"),
      kubeconfigFor({ "client-certificate": file("admin.crt"), "client-key": file("admin.key") }),
      { mode: 0o600 },
    );

    const [controllerPort, schedulerPort, kwokPort] = others as [number, number, number];
    start("kube-controller-manager", join(labBin(), "kube-controller-manager"), [
      "--kubeconfig=kubeconfig",
      "--service-account-private-key-file=service-accounts.key",
      "--root-ca-file=ca.crt",
      "--leader-elect=false",
      `--bind-address=${HOST}`,
      `--secure-port=${controllerPort}`,
      "--controllers=*,-node-lifecycle-controller",
      // Enough for a test's thousands.
      "--kube-api-qps=500",
      "--kube-api-burst=500",
    ]);
    start("kube-scheduler", join(labBin(), "kube-scheduler"), [
      "--kubeconfig=kubeconfig",
      "--leader-elect=false",
      `--bind-address=${HOST}`,
      `--secure-port=${schedulerPort}`,
    ]);
    await call("POST", "/api/v1/nodes", {
      apiVersion: "v1",
      kind: "Node",
      metadata: {
        name: "pretended",
        labels: { "kubernetes.io/hostname": "pretended", "kubernetes.io/os": "linux" },
      },
      status: {
        allocatable: { cpu: "1000", memory: "1000Gi", pods: "10000" },
        capacity: { cpu: "1000", memory: "1000Gi", pods: "10000" },
      },
    });
    start("kwok", join(labBin(), "kwok"), [
      "--kubeconfig=kubeconfig",
      "--manage-all-nodes",
      `--config=${join(dirname(fileURLToPath(import.meta.url)), "kwok-stages.yaml")}`,
      `--server-address=${HOST}:${kwokPort}`,
    ]);
    // Nothing can be made in a namespace before its service account is there.
    for (const until = Date.now() + startTimeoutMs; ; await sleep(100)) {
      if ((await call("GET", "/api/v1/namespaces/default/serviceaccounts/default")).status === 200) break;
      for (const [name, child] of children)
        if (child.exitCode !== null)
          throw new Error(`${name} ended with ${child.exitCode}:\n${log(name).slice(-4000)}`);
      if (Date.now() > until)
        throw new Error(
          `kube-controller-manager did nothing:\n${log("kube-controller-manager").slice(-4000)}`,
        );
    }

    return {
      server,
      directory,
      kubeconfig: file("kubeconfig"),
      kubeconfigFor,
      tokens,
      certificate(user, days) {
        const name = `user-${Math.random().toString(36).slice(2)}`;
        sign(name, `/CN=${user}`, days, "extendedKeyUsage=clientAuth\n");
        return { cert: pem(`${name}.crt`), key: pem(`${name}.key`) };
      },
      call,
      audit: () =>
        readFileSync(file("audit.log"), "utf8")
          .split("\n")
          .filter(Boolean)
          .map((line) => {
            const entry = JSON.parse(line) as {
              verb: string;
              requestURI: string;
              user: { username: string };
            };
            return { verb: entry.verb, uri: entry.requestURI, user: entry.user.username };
          }),
      stopServer: () => stop("kube-apiserver", "SIGKILL"),
      startServer,
      remove: async () => {
        agent.destroy();
        await removeAll();
      },
    };
  } catch (failure) {
    await removeAll();
    throw failure;
  }
}

/** openssl dates certificates only through its little authority. */
function signDated(
  directory: string,
  name: string,
  from: string,
  until: string,
  run: (...args: string[]) => void,
): void {
  const at = (suffix: string): string => join(directory, `${name}${suffix}`);
  writeFileSync(at(".index"), "");
  writeFileSync(at(".serial"), "1000\n");
  writeFileSync(
    at(".cnf"),
    [
      "[ca]",
      "default_ca = lab",
      "[lab]",
      `database = ${at(".index")}`,
      `serial = ${at(".serial")}`,
      `new_certs_dir = ${directory}`,
      "default_md = sha256",
      "policy = any",
      "[any]",
      "commonName = supplied",
      "",
    ].join("\n"),
  );
  run(
    "ca",
    "-batch",
    "-config",
    at(".cnf"),
    "-in",
    at(".csr"),
    "-out",
    at(".crt"),
    "-notext",
    "-cert",
    "ca.crt",
    "-keyfile",
    "ca.key",
    "-startdate",
    from,
    "-enddate",
    until,
    "-extfile",
    at(".ext"),
  );
}
