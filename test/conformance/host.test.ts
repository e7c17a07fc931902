import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import type { Provider } from "@orch/core/provider/contract";
import { hostLoader } from "@orch/providers/host/index";
import { afterAll } from "vitest";
import { providerConformance } from "./provider.js";

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

async function start(): Promise<{ provider: Provider; folder: string }> {
  const folder = mkdtempSync(join(tmpdir(), "orch-conformance-host-"));
  folders.push(folder);
  const context = { projectDir: folder, project: "conformance", stack: "test", log: () => {} };
  return { provider: (await hostLoader().load({ name: "host" }, context)) as Provider, folder };
}

const farSide = (folder: string) => ({
  exists: async (id: string) => existsSync(id),
  count: async () => readdirSync(folder).length,
  remove: async (id: string) => rmSync(id, { recursive: true }),
});

/** A file beside the far side, and what is to be read of it. */
function fileToRead() {
  const folder = mkdtempSync(join(tmpdir(), "orch-conformance-host-"));
  folders.push(folder);
  const path = join(folder, "read-me");
  writeFileSync(path, "abc");
  chmodSync(path, 0o604);
  const group = execFileSync("id", ["-gn"], { encoding: "utf8" }).trim();
  return {
    args: { path, connection: { type: "local" } },
    result: {
      path,
      content: "abc",
      size: 3,
      sha256: "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
      mode: "0604",
      owner: userInfo().username,
      group,
    },
  };
}

providerConformance("host:index:File on this machine", async () => {
  const { provider, folder } = await start();
  const path = join(folder, "file");
  return {
    provider,
    config: { connection: "local" },
    type: "host:index:File",
    inputs: { path, content: "one\n", mode: "0640" },
    changed: { path, content: "two\n", mode: "0640" },
    replaced: { path: join(folder, "other"), content: "one\n", mode: "0640" },
    more: [
      { path: join(folder, "a second"), content: "one\n", mode: "0640" },
      { path: join(folder, "third"), content: "three\n", mode: "0600" },
    ],
    invalid: {
      inputs: { path: "relative", content: 7, mode: "rw-r--r--", connection: { type: "ssh" } },
      paths: ["path", "content", "mode", "connection.host"],
    },
    failing: { path: join(folder, "no", "such", "folder"), content: "" },
    secretProperty: "content",
    invoke: { token: "host:index:readFile", ...fileToRead() },
    ...farSide(folder),
  };
});

providerConformance("host:index:Directory on this machine", async () => {
  const { provider, folder } = await start();
  const path = join(folder, "folder");
  const owner = userInfo().username;
  return {
    provider,
    type: "host:index:Directory",
    inputs: { path, mode: "0750", owner },
    changed: { path, mode: "0700", owner },
    replaced: { path: join(folder, "other"), mode: "0750", owner },
    more: [{ path: join(folder, "second"), mode: "0750" }, { path: join(folder, "third") }],
    invalid: { inputs: { path, purge: "yes" }, paths: ["purge"] },
    failing: { path: join(folder, "a", "b"), parents: false },
    secretProperty: "owner",
    ...farSide(folder),
  };
});

providerConformance("host:index:Archive on this machine", async () => {
  const { provider, folder } = await start();
  const archive = (text: string): { url: string; sha256: string } => {
    const from = mkdtempSync(join(tmpdir(), "orch-conformance-host-"));
    folders.push(from);
    writeFileSync(join(from, "file"), text);
    execFileSync("tar", ["-czf", join(from, "a.tar.gz"), "-C", from, "file"]);
    const sha256 = createHash("sha256")
      .update(readFileSync(join(from, "a.tar.gz")))
      .digest("hex");
    return { url: `file://${from}/a.tar.gz`, sha256 };
  };
  const owner = userInfo().username;
  const [one, two] = [
    { ...archive("one"), owner },
    { ...archive("two"), owner },
  ];
  return {
    provider,
    type: "host:index:Archive",
    inputs: { path: join(folder, "a"), ...one },
    changed: { path: join(folder, "a"), ...two },
    replaced: { path: join(folder, "b"), ...one },
    more: [
      { path: join(folder, "c"), ...one },
      { path: join(folder, "d"), ...two },
    ],
    invalid: { inputs: { path: "/x", ...one, strip: -1 }, paths: ["strip"] },
    failing: { path: join(folder, "f"), ...one, owner: "no-such-user-here" },
    secretProperty: "owner",
    ...farSide(folder),
  };
});

providerConformance("host:index:GitCheckout on this machine", async () => {
  const { provider, folder } = await start();
  const repository = mkdtempSync(join(tmpdir(), "orch-conformance-host-"));
  folders.push(repository);
  const git = (...args: string[]): void => {
    const who = ["-c", "user.name=t", "-c", "user.email=t@example.com"];
    execFileSync("git", ["-C", repository, ...who, ...args], { stdio: "ignore" });
  };
  git("init", "-q", "-b", "main");
  for (const tag of ["v1", "v2"]) {
    git("commit", "-q", "--allow-empty", "-m", tag);
    git("tag", tag);
  }
  const at = (name: string, revision: string) => ({ path: join(folder, name), repository, revision });
  return {
    provider,
    type: "host:index:GitCheckout",
    inputs: at("a", "v1"),
    changed: at("a", "v2"),
    replaced: at("b", "v1"),
    more: [at("c", "v2"), at("d", "main")],
    invalid: { inputs: { ...at("a", "-x"), depth: 0 }, paths: ["revision", "depth"] },
    failing: at("e", "no-such-tag"),
    secretProperty: "revision",
    ...farSide(folder),
  };
});
