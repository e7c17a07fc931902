/** Nothing is contacted that the person did not ask for: every process that orch starts tells each connection that it tries. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, test } from "vitest";
import { bin, type Project, project, type RunOptions, stack } from "./kit.js";
import { dynamicProgram, filesProgram } from "./programs.js";

/** Told and refused: TCP, and UDP. Names are looked up in order to connect, or by `dns`. `fetch`, HTTP/2 and TLS are sockets in the end. Loopback is let pass. */
const preload = `
const { appendFileSync } = require("node:fs");
const net = require("node:net");
const dns = require("node:dns");
const dgram = require("node:dgram");
const loopback = (host) => host === undefined || host === "localhost" || host === "::1" || /^127\\./.test(host);
function tell(what, host) {
  appendFileSync(process.env.CONNECTIONS, what + " " + (host ?? "localhost") + "\\n");
  if (!loopback(host)) throw new Error("refused: " + what + " " + host);
}
const { connect } = net.Socket.prototype;
net.Socket.prototype.connect = function (...args) {
  const [first] = args;
  const options = Array.isArray(first) ? first[0] : first;
  const path = typeof options === "object" && options !== null ? options.path : typeof options === "string" && !/^\\d+$/.test(options) ? options : undefined;
  const host = typeof options === "object" && options !== null ? options.host : typeof args[1] === "string" ? args[1] : undefined;
  if (path === undefined || path === null) tell("connect", host);
  return connect.apply(this, args);
};
for (const from of [dns, dns.promises])
  for (const name of Object.keys(from))
    if (/^(?:lookup|resolve|reverse)/.test(name) && typeof from[name] === "function") {
      const own = from[name];
      from[name] = function (host, ...rest) {
        tell("dns." + name, host);
        return own.call(this, host, ...rest);
      };
    }
const { send } = dgram.Socket.prototype;
dgram.Socket.prototype.send = function (...args) {
  tell("udp", String(args.find((one) => typeof one === "string") ?? "?"));
  return send.apply(this, args);
};
`;

/** Where every connection is told, and a way to run orch so. */
function watched(made: Project) {
  made.write({ "../watch.cjs": preload });
  const log = made.path("../connections");
  const env = { NODE_OPTIONS: `--require=${made.path("../watch.cjs")}`, CONNECTIONS: log };
  return {
    orch: (words: string, options: RunOptions = {}) =>
      made.orch(words.split(" "), { ...options, env: { ...options.env, ...env } }),
    connections: (): readonly string[] => {
      const told = existsSync(log) ? readFileSync(log, "utf8").trimEnd().split("\n") : [];
      rmSync(log, { force: true });
      return told;
    },
  };
}

const everyday = [
  ...["stack init dev", "config set greeting hello", "config ls", "whoami", "doctor", "plan --refresh"],
  ...["plan --out a.plan", "show plan a.plan", "apply a.plan --yes", "apply --yes --refresh", "drift"],
  ...["refresh --yes", "graph --plan --format mermaid", "history", "timeline", "explain page", "state ls"],
  ...[
    "stack output",
    "completion bash",
    "completion words -- orch state show ",
    "plugin ls",
    "unlock",
    "resume",
  ],
  ...[
    "state pull dev.state.json",
    "plan --format markdown",
    "stack export --show-secrets",
    "undo --yes",
    "destroy --yes",
  ],
  ...["stack rm dev --yes", "--version", "--help", "plan --help"],
];

describe("nothing is contacted that was not asked for", () => {
  test("by a program of files: no connection at all, from no process", async () => {
    const made = project(filesProgram());
    const { orch, connections } = watched(made);
    for (const words of everyday) {
      const result = await orch(words);
      expect(`${words}: ${result.code} ${result.code === 0 ? "" : result.stderr}`).toBe(`${words}: 0 `);
      expect([words, ...connections()]).toEqual([words]);
    }
  });

  test("by the console, and by what fails", async () => {
    const made = await stack(filesProgram());
    const { orch, connections } = watched(made);
    await orch("console", { input: "outputs\nconfig\ngraph.urns\n" });
    for (const words of ["plna", "apply --nonsense", "explain plan-stale", "state show nobody"])
      await orch(words);
    writeFileSync(made.path("index.ts"), 'throw new Error("broken");\n');
    expect((await orch("plan")).code).toBe(1);
    expect(connections()).toEqual([]);
  });

  test("by a plugin: it is spoken to on loopback, and nobody else", async () => {
    const made = await stack(dynamicProgram(`async create() { return { id: "one", outs: {} }; }`));
    const { orch, connections } = watched(made);
    for (const words of ["plan", "apply --yes", "drift", "destroy --yes"])
      expect([words, (await orch(words)).code]).toEqual([words, 0]);
    const told = connections();
    expect(told.length).toBeGreaterThan(0);
    expect(told.filter((line) => !/ (?:localhost|127\.0\.0\.1|::1)$/.test(line))).toEqual([]);
  });

  test("and it would be seen: what a program asks for itself, and traces that were asked for, are", async () => {
    const made = await stack({
      ...filesProgram(),
      "index.ts": 'fetch("http://192.0.2.1:8080/").catch(() => undefined);\n',
    });
    const { orch, connections } = watched(made);
    await orch("plan");
    expect(connections()).toContain("connect 192.0.2.1");
    made.write({ "index.ts": 'import("node:dns").then((dns) => dns.lookup("evil.example", () => {}));\n' });
    await orch("plan");
    expect(connections()).toContain("dns.lookup evil.example");
    made.write(filesProgram());
    const server = createServer((_, response) => void response.end("{}")).listen(0, "127.0.0.1");
    try {
      await new Promise((resolve) => server.once("listening", resolve));
      const { port } = server.address() as AddressInfo;
      await orch("plan", { env: { OTEL_EXPORTER_OTLP_ENDPOINT: `http://127.0.0.1:${port}` } });
      expect(connections()).toContain("connect 127.0.0.1");
    } finally {
      server.close();
    }
  });
});

/** A network namespace of its own, in which there is not even loopback. */
const inside = (args: readonly string[]): readonly string[] =>
  process.getuid?.() === 0 ? ["-n", ...args] : ["-rn", ...args];
const canUnshare =
  process.platform === "linux" && spawnSync("unshare", inside(["true"]), { stdio: "ignore" }).status === 0;

describe.runIf(canUnshare)("without any network (a namespace of its own)", () => {
  test("everything that needs none works as ever", () => {
    const made = project(filesProgram());
    for (const words of everyday) {
      const args = inside([process.execPath, bin, ...words.split(" ")]);
      const { status, stderr } = spawnSync("unshare", args, {
        cwd: made.dir,
        env: { ...made.env },
        encoding: "utf8",
      });
      expect(`${words}: ${status} ${status === 0 ? "" : stderr}`).toBe(`${words}: 0 `);
    }
  });
});
