import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
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
    invalid: { inputs: { path, purge: "yes" }, paths: ["purge"] },
    failing: { path: join(folder, "a", "b"), parents: false },
    secretProperty: "owner",
    ...farSide(folder),
  };
});
