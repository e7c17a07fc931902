/** A process that applies files over SSH is killed at every boundary of its journal, and the next one goes on from there. */
import { spawn } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { SshReport, SshTask } from "./crash-ssh-child.js";
import { describeLab } from "./requirements.js";
import { type LabSshd, startSshd } from "./sshd.js";

const child = fileURLToPath(new URL("./crash-ssh-child.ts", import.meta.url));

/** Before a boundary what was done is not recorded, after it what was recorded is not done: by turns, or with ORCH_CRASH=full both at each. */
function deaths(boundaries: number): NonNullable<SshTask["kill"]>[] {
  const all = Array.from({ length: boundaries }, (_, i) => i + 1).flatMap((boundary) =>
    (["before", "after"] as const).map((when) => ({ boundary, when })),
  );
  return process.env.ORCH_CRASH === "full"
    ? all
    : all.filter(({ boundary, when }) => (when === "before") === (boundary % 2 === 0));
}

describeLab("lab: an apply over SSH that is killed", ["sshd"], () => {
  let sshd: LabSshd;
  let root: string;
  /** State and far side as they are, and as each version left them. */
  const at = (name: string) => ({ dir: join(root, name, "state"), far: join(root, name, "far") });
  const now = () => at("now");
  const copy = (from: string, to: string): void => {
    rmSync(join(root, to), { recursive: true, force: true });
    cpSync(join(root, from), join(root, to), { recursive: true });
  };

  beforeAll(async () => {
    sshd = await startSshd();
    root = mkdtempSync(join(tmpdir(), "orch-lab-crash-"));
    mkdirSync(at("empty").dir, { recursive: true });
    mkdirSync(at("empty").far);
  });
  afterAll(async () => {
    await sshd?.remove();
    if (root !== undefined) rmSync(root, { recursive: true, force: true });
  });

  async function run(version: SshTask["version"], kill?: SshTask["kill"]): Promise<SshReport | undefined> {
    const task: SshTask = {
      dir: now().dir,
      folder: join(now().far, "site"),
      version,
      connection: {
        type: "ssh",
        host: sshd.host,
        port: sshd.port,
        user: sshd.user,
        privateKeyFile: sshd.privateKeyPath,
        knownHostsFile: sshd.knownHostsPath,
      },
      ...(kill ? { kill } : {}),
    };
    const running = spawn(process.execPath, ["--no-warnings", child, JSON.stringify(task)], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [out, err] = ["", ""];
    running.stdout.on("data", (data: Buffer) => {
      out += data;
    });
    running.stderr.on("data", (data: Buffer) => {
      err += data;
    });
    const signal = await new Promise((resolve) => running.once("close", (_, how) => resolve(how)));
    if (signal === "SIGKILL") return undefined;
    if (out === "") throw new Error(`version ${version} ended with nothing said:\n${err}`);
    return JSON.parse(out) as SshReport;
  }

  /** Everything on the far side, by its path: what is no file of the program's would stand here too. */
  function far(): Record<string, string> {
    const found: Record<string, string> = {};
    const walk = (path: string, name: string): void => {
      for (const entry of readdirSync(join(path, name))) {
        const inner = join(name, entry);
        const { mode } = statSync(join(path, inner));
        const isFile = statSync(join(path, inner)).isFile();
        found[inner] =
          `${(mode & 0o777).toString(8)} ${isFile ? readFileSync(join(path, inner), "utf8") : "folder"}`;
        if (!isFile) walk(path, inner);
      }
    };
    if (existsSync(now().far)) walk(now().far, "");
    return found;
  }
  const inOrder = (report: SshReport): SshReport["rows"] =>
    [...report.rows].sort((a, b) => (a.name < b.name ? -1 : 1));

  test("at every boundary of the journal, the last run ends as one that was never killed", {
    timeout: 900_000,
  }, async () => {
    let tried = 0;
    copy("empty", "now");
    for (const [version, from] of [
      [1, "empty"],
      [2, "after-1"],
      [0, "after-2"],
    ] as const) {
      const whole = await run(version);
      expect(whole).toMatchObject({ outcome: "succeeded", open: 0, changes: false });
      const expected = far();
      const rows = inOrder(whole as SshReport);
      copy("now", `after-${version}`);
      const boundaries = (whole as SshReport).boundaries;
      for (const { boundary, when } of deaths(boundaries)) {
        const named = `version ${version}, ${when} boundary ${boundary}`;
        copy(from, "now");
        expect(await run(version, { boundary, when }), named).toBeUndefined();
        const next = await run(version);
        expect(next, named).toMatchObject({ outcome: "succeeded", open: 0, changes: false });
        expect(inOrder(next as SshReport), named).toEqual(rows);
        expect(far(), named).toEqual(expected);
        tried++;
      }
      copy(`after-${version}`, "now");
    }
    console.log(`killed over SSH: ${tried} cases`);
  });
});
