/** Functions that look at a machine and change nothing. */
import { fail } from "@orch/core/model/failure";
import { z } from "zod";
import { defineInvoke } from "../direct/index.js";
import { connectionProperty } from "./connection.js";
import { asText, sha256 } from "./content.js";
import { describeInfo, kindInWords, pathProperty } from "./properties.js";
import type { HostSession } from "./session.js";
import { ending, lastLines } from "./shell.js";

export const readFile = defineInvoke<HostSession>()({
  token: "host:index:readFile",
  description: "Reads a file that orch need not manage.",
  args: z.strictObject({ path: pathProperty, connection: connectionProperty }),
  result: z.strictObject({
    path: z.string(),
    content: z.string().optional().describe("The content, where it is text of at most 256 KiB."),
    base64: z.string().optional().describe("The content otherwise."),
    sha256: z.string(),
    size: z.number().describe("Bytes."),
    mode: z.string(),
    owner: z.string(),
    group: z.string(),
  }),
  async invoke({ args: { path, connection }, session }) {
    const machine = await session.machine(connection);
    const info = await machine.stat(path);
    if (info?.kind !== "file" && info?.kind !== "link")
      return fail({
        reason: "invoke-failed",
        message: `There is no file ${path} on ${machine.name}`,
        path: "path",
        expected: "a file",
        found: info ? kindInWords[info.kind] : "nothing",
        next: ["Correct the path; or read it after the resource that makes it (`dependsOn`)."],
      });
    const content = await machine.read(path);
    const text = asText(content);
    return {
      path,
      ...(text === undefined ? { base64: content.toString("base64") } : { content: text }),
      sha256: sha256(content),
      size: content.length,
      ...(await describeInfo(machine, info)),
    };
  },
});

// One line per fact, so that a machine without one of the tools still tells the others.
const factsScript = `
echo "hostname=$(uname -n)"
echo "kernel=$(uname -s)"
echo "kernelVersion=$(uname -r)"
echo "architecture=$(uname -m)"
echo "user=$(id -un)"
echo "uid=$(id -u)"
echo "home=$HOME"
echo "cpus=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 0)"
if [ -r /etc/os-release ]; then ( . /etc/os-release; echo "os=$ID"; echo "osVersion=$VERSION_ID"; echo "osName=$PRETTY_NAME" )
elif command -v sw_vers >/dev/null; then echo "os=macos"; echo "osVersion=$(sw_vers -productVersion)"; echo "osName=macOS $(sw_vers -productVersion)"
fi
[ ! -r /proc/meminfo ] || awk '/^MemTotal:/ { print "memoryBytes=" $2 * 1024 }' /proc/meminfo
`;

export const facts = defineInvoke<HostSession>()({
  token: "host:index:facts",
  description: "What a machine is: its name, system, kernel, size.",
  args: z.strictObject({ connection: connectionProperty }),
  result: z.strictObject({
    hostname: z.string().describe("As `uname -n` gives it."),
    os: z.string().describe("`debian`, `ubuntu`, `alpine`, `macos` …; empty where it can't be told."),
    osVersion: z.string().describe("`13`; empty where there is none."),
    osName: z.string().describe("In full, for people."),
    kernel: z.string().describe("`Linux`, `Darwin` …"),
    kernelVersion: z.string(),
    architecture: z.string().describe("`x86_64`, `aarch64` …"),
    cpus: z.number(),
    memoryBytes: z.number().describe("0 where it can't be told."),
    user: z.string().describe("The login's user."),
    uid: z.number(),
    home: z.string(),
  }),
  async invoke({ args, session, signal }) {
    const machine = await session.machine(args.connection);
    const result = await machine.run({ script: factsScript, signal });
    if (result.exitCode !== 0)
      fail({
        reason: "invoke-failed",
        message: `${machine.name} could not tell its facts: ${ending(result)}`,
        detail: lastLines(result.stderr),
      });
    const found = new Map(
      result.stdout.split("\n").flatMap((line) => {
        const at = line.indexOf("=");
        return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
      }),
    );
    const text = (key: string): string => found.get(key) ?? "";
    return {
      hostname: text("hostname"),
      os: text("os"),
      osVersion: text("osVersion"),
      osName: text("osName"),
      kernel: text("kernel"),
      kernelVersion: text("kernelVersion"),
      architecture: text("architecture"),
      cpus: Number(text("cpus")),
      memoryBytes: Number(text("memoryBytes")),
      user: text("user"),
      uid: Number(text("uid")),
      home: text("home"),
    };
  },
});
