import { execFileSync, spawn } from "node:child_process";
import {
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { endWithThisProcess } from "./process.js";
import { findProgram } from "./requirements.js";

/** podman or docker with a storage of its own, and an image of one program in it that no registry is asked for. */
export interface LabContainers {
  readonly tool: "podman" | "docker";
  /** Two images; the second one has another number in its variables. */
  readonly images: readonly [string, string];
  /** For the processes that shall use it. */
  readonly environment: Readonly<Record<string, string>>;
  /** Runs the tool, past orch. */
  run(...args: string[]): string;
  /** The arguments of every call of the tool since it was started, orch's too. */
  calls(): readonly string[];
  /** Makes the first image's name mean another image. */
  moveTag(): void;
  remove(): Promise<void>;
}

/** Why there can be no containers here; undefined: there can. */
export const noContainersHere =
  process.platform !== "linux"
    ? "needs Linux"
    : process.getuid?.() !== 0
      ? "needs root, to make namespaces"
      : undefined;

export async function startContainers(tool: "podman" | "docker"): Promise<LabContainers> {
  const directory = mkdtempSync(join(tmpdir(), "orch-lab-containers-"));
  const file = (path: string, text: string): string => {
    writeFileSync(join(directory, path), text);
    return join(directory, path);
  };
  const program = findProgram(tool) as string;
  // In front of the tool, so that a test sees what it is called with.
  mkdirSync(join(directory, "bin"));
  const calls = file("calls", "");
  const front = file(`bin/${tool}`, `#!/bin/sh\nprintf '%s\\n' "$*" >>${calls}\nexec ${program} "$@"\n`);
  chmodSync(front, 0o755);
  const environment: Record<string, string> = {
    PATH: [join(directory, "bin"), process.env.PATH].join(delimiter),
  };
  let stop = async (): Promise<void> => {};
  if (tool === "podman") {
    // No cgroups' controllers of version 2, no raised limits: what a container in a container may have.
    environment.CONTAINERS_CONF = file(
      "containers.conf",
      '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n',
    );
    environment.CONTAINERS_STORAGE_CONF = file(
      "storage.conf",
      `[storage]\ndriver = "vfs"\ngraphroot = "${join(directory, "graph")}"\nrunroot = "${join(directory, "run")}"\n`,
    );
  } else {
    const socket = `unix://${join(directory, "socket")}`;
    environment.DOCKER_HOST = socket;
    const folders = [`--data-root=${join(directory, "data")}`, `--exec-root=${join(directory, "exec")}`];
    const none = ["--bridge=none", "--iptables=false", "--ip6tables=false", "--storage-driver=vfs"];
    const daemon = spawn(
      findProgram("dockerd") as string,
      [
        ...[`--config-file=${file("daemon.json", "{}")}`, ...folders, ...none, `--host=${socket}`],
        ...[`--pidfile=${join(directory, "pid")}`, "--default-ulimit=nofile=1024:1024"],
      ],
      { stdio: "ignore" },
    );
    endWithThisProcess(daemon, "TERM");
    stop = async () => {
      if (daemon.exitCode !== null || daemon.signalCode !== null) return;
      const ended = new Promise<void>((resolve) => daemon.once("exit", () => resolve()));
      daemon.kill("SIGTERM");
      await ended;
    };
  }
  const env = { ...process.env, ...environment };
  const run = (...args: string[]): string =>
    execFileSync(program, args, { env, encoding: "utf8", stdio: "pipe" });
  const remove = async (): Promise<void> => {
    try {
      const all = run("ps", "-a", "-q").split("\n").filter(Boolean);
      if (all.length > 0) run("rm", "-f", "-v", ...all);
      if (tool === "podman") run("network", "prune", "-f");
    } finally {
      await stop();
      rmSync(directory, { recursive: true, force: true });
    }
  };
  try {
    for (let tries = 0; ; tries++) {
      try {
        run("ps");
        break;
      } catch (error) {
        if (tries > 200) throw error;
        await sleep(100);
      }
    }
    mkdirSync(join(directory, "root/bin"), { recursive: true });
    for (const path of ["etc", "tmp", "dev", "proc", "sys"]) mkdirSync(join(directory, "root", path));
    copyFileSync(findProgram("busybox") as string, join(directory, "root/bin/busybox"));
    for (const applet of ["sh", "sleep", "cat", "httpd", "true", "false", "id", "test", "env"])
      symlinkSync("busybox", join(directory, "root/bin", applet));
    file("root/etc/passwd", "root:x:0:0::/:/bin/sh\napp:x:1000:1000::/:/bin/sh\n");
    execFileSync("tar", ["-C", join(directory, "root"), "-cf", join(directory, "image.tar"), "."]);
    const prefix = tool === "podman" ? "localhost/" : "";
    const images = [`${prefix}orch-lab:1`, `${prefix}orch-lab:2`] as const;
    const make = (image: string, number: number): void => {
      // The first process of a container ignores signals that it does not ask for.
      const changes = [
        'CMD ["sh","-c","trap exit TERM; while :; do sleep 1 & wait; done"]',
        `ENV RELEASE=${number}`,
      ];
      run(
        "import",
        ...changes.flatMap((change) => ["--change", change]),
        join(directory, "image.tar"),
        image,
      );
    };
    for (const [i, image] of images.entries()) make(image, i + 1);
    return {
      tool,
      images,
      environment,
      run,
      calls: () => readFileSync(calls, "utf8").split("\n").filter(Boolean),
      moveTag: () => make(images[0], 3),
      remove,
    };
  } catch (failure) {
    await remove();
    throw failure;
  }
}
