/** `host.facts`: what a machine is, by one script that needs nothing but a POSIX shell and tells what the tools there know. */
import { fail } from "@orch/core/model/failure";
import { z } from "zod";
import { defineInvoke } from "../direct/index.js";
import { connectionProperty } from "./connection.js";
import type { HostSession } from "./session.js";
import { ending, lastLines } from "./shell.js";
import { prelude } from "./system/report.js";

// One line per fact, so that a machine without one of the tools still tells the others. Several of a kind: words with tabs between.
const script = `${prelude}
say() { printf '%s=%s\\n' "$1" "$2"; }
say hostname "$(uname -n)"; say kernel "$(uname -s)"; say kernelVersion "$(uname -r)"; say architecture "$(uname -m)"
say user "$(id -un)"; say uid "$(id -u)"; say home "$HOME"
say cpus "$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 0)"
if [ -r /etc/os-release ]; then ( . /etc/os-release; say os "$ID"; say osVersion "$VERSION_ID"; say osName "$PRETTY_NAME"; say osLike "$ID_LIKE" )
elif have sw_vers; then v=$(sw_vers -productVersion); say os macos; say osVersion "$v"; say osName "macOS $v"
fi
if [ -r /proc/meminfo ]; then awk '/^MemTotal:/ { printf "memoryBytes=%.0f\\n", $2 * 1024 } /^SwapTotal:/ { printf "swapBytes=%.0f\\n", $2 * 1024 }' /proc/meminfo
elif have sysctl; then say memoryBytes "$(sysctl -n hw.memsize 2>/dev/null || echo 0)"; fi
for m in apt-get:apt dnf:dnf yum:yum zypper:zypper apk:apk pacman:pacman brew:brew; do
  if have "\${m%%:*}"; then say packageManager "\${m#*:}"; break; fi
done
if [ -d /run/systemd/system ]; then say initSystem systemd
elif [ -d /run/openrc ]; then say initSystem openrc
elif [ "$(uname -s)" = Darwin ]; then say initSystem launchd
elif [ -d /run/runit ]; then say initSystem runit
elif [ -e /etc/inittab ]; then say initSystem sysvinit; fi
if have ip; then
  ip -o addr show 2>/dev/null | awk '$2 != "lo" && ($3 == "inet" || $3 == "inet6") { sub(/@.*/, "", $2); split($4, a, "/"); f = $3 == "inet" ? "ipv4" : "ipv6"; p = a[2] == "" ? (f == "ipv4" ? 32 : 128) : a[2]; print "address=" $2 "\\t" f "\\t" a[1] "\\t" p }'
  say defaultAddress "$(ip -o route get 192.0.2.1 2>/dev/null | sed -n 's/.* src ([^ ]*).*/\\1/p')"
elif have ifconfig; then
  ifconfig 2>/dev/null | awk '/^[a-z]/ { i = $1; sub(/:$/, "", i) } ($1 == "inet" || $1 == "inet6") && i !~ /^lo/ { a = $2; sub(/%.*/, "", a); print "address=" i "\\t" ($1 == "inet" ? "ipv4" : "ipv6") "\\t" a "\\t" }'
fi
df -Pk 2>/dev/null | awk '$1 ~ /^// { m = $6; for (i = 7; i <= NF; i++) m = m " " $i; printf "disk=%s\\t%s\\t%.0f\\t%.0f\\n", $1, m, $2 * 1024, $4 * 1024 }'
z=$(readlink /etc/localtime 2>/dev/null | sed -n 's|.*/zoneinfo/||p')
if [ -z "$z" ] && [ -r /etc/timezone ]; then z=$(head -n 1 /etc/timezone); fi
say timeZone "\${z:-$(date +%Z)}"
if [ -e /run/reboot-required ] || [ -e /var/run/reboot-required ]; then say rebootRequired yes
elif have needs-restarting; then needs-restarting -r >/dev/null 2>&1; [ $? -ne 1 ] || say rebootRequired yes
elif have zypper; then zypper -q needs-rebooting >/dev/null 2>&1; [ $? -ne 102 ] || say rebootRequired yes; fi
if [ -r /sys/fs/selinux/enforce ]; then case $(cat /sys/fs/selinux/enforce) in 1) say selinux enforcing;; *) say selinux permissive;; esac
else say selinux disabled; fi
if [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; then say apparmor yes; fi
if have systemd-detect-virt; then say virtualization "$(systemd-detect-virt 2>/dev/null)"
elif [ -e /run/.containerenv ]; then say virtualization podman
elif [ -e /.dockerenv ]; then say virtualization docker
elif grep -q '^flags.* hypervisor' /proc/cpuinfo 2>/dev/null; then say virtualization vm
elif [ -r /proc/cpuinfo ]; then say virtualization none; fi
`;

const managers = ["apt", "dnf", "yum", "zypper", "apk", "pacman", "brew", ""] as const;
const inits = ["systemd", "openrc", "launchd", "runit", "sysvinit", ""] as const;
const selinuxes = ["enforcing", "permissive", "disabled"] as const;
/** The names that a family goes by in `ID` and `ID_LIKE` of os-release(5). */
const families: readonly (readonly [string, readonly string[]])[] = [
  ["debian", ["debian", "ubuntu"]],
  ["redhat", ["rhel", "fedora", "centos"]],
  ["suse", ["suse", "opensuse", "sles"]],
  ["alpine", ["alpine"]],
  ["arch", ["arch"]],
  ["macos", ["macos"]],
];

const result = z.strictObject({
  hostname: z.string().describe("As `uname -n` gives it."),
  os: z.string().describe("`debian`, `ubuntu`, `alpine`, `macos` …; empty where it can't be told."),
  osFamily: z
    .string()
    .describe("`debian`, `redhat`, `suse`, `alpine`, `arch`, `macos`; else the same as `os`."),
  osVersion: z.string().describe("`13`; empty where there is none."),
  osName: z.string().describe("In full, for people."),
  kernel: z.string().describe("`Linux`, `Darwin` …"),
  kernelVersion: z.string(),
  architecture: z.string().describe("`x86_64`, `aarch64` …"),
  packageManager: z.enum(managers).describe("Empty where none of these is there."),
  initSystem: z.enum(inits).describe("What runs as process 1; empty where it can't be told."),
  cpus: z.number(),
  memoryBytes: z.number().describe("0 where it can't be told."),
  swapBytes: z.number().describe("0 where there is none."),
  disks: z
    .array(
      z.strictObject({
        device: z.string(),
        mount: z.string().describe("Where it is mounted."),
        sizeBytes: z.number(),
        freeBytes: z.number().describe("For users other than root."),
      }),
    )
    .describe("Mounted file systems on devices."),
  addresses: z
    .array(
      z.strictObject({
        interface: z.string(),
        family: z.enum(["ipv4", "ipv6"]),
        address: z.string(),
        prefix: z.number().optional().describe("Bits of the network; absent where it can't be told."),
      }),
    )
    .describe("All but those of the loopback interface."),
  defaultAddress: z
    .string()
    .describe("The IPv4 address that it reaches others from; empty where it has none."),
  timeZone: z.string().describe("`Europe/Berlin`, `Etc/UTC` …; an abbreviation where only that is known."),
  rebootRequired: z.boolean().describe("Its packages ask for a restart."),
  selinux: z.enum(selinuxes).describe("`disabled` also where there is none."),
  apparmor: z.boolean().describe("Is it on?"),
  virtualization: z
    .string()
    .describe("`none`, or what systemd-detect-virt(1) says: `kvm`, `vmware`, `lxc`, `docker` …"),
  user: z.string().describe("The login's user."),
  uid: z.number(),
  home: z.string(),
});

export const facts = defineInvoke<HostSession>()({
  token: "host:index:facts",
  description: "What a machine is: its name, system, size, network, disks and how it is run.",
  args: z.strictObject({ connection: connectionProperty }),
  result,
  async invoke({ args, session, signal }) {
    const machine = await session.machine(args.connection);
    const ended = await machine.run({ script, signal });
    if (ended.exitCode !== 0)
      fail({
        reason: "invoke-failed",
        message: `${machine.name} could not tell its facts: ${ending(ended)}`,
        detail: lastLines(ended.stderr),
      });
    return parseFacts(ended.stdout);
  },
});

/** From the lines that the script prints. */
export function parseFacts(output: string): z.input<typeof result> {
  const lines = output.split("\n").flatMap((line) => {
    const at = line.indexOf("=");
    return at < 0 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const];
  });
  const found = new Map(lines);
  const text = (key: string): string => found.get(key) ?? "";
  const all = (key: string): readonly string[][] =>
    lines.flatMap(([name, value]) => (name === key ? [value.split("\t")] : []));
  const one = <T extends string>(key: string, known: readonly T[], otherwise: T): T =>
    known.find((each) => each === text(key)) ?? otherwise;
  const os = text("os");
  const names = [os, ...text("osLike").split(" ")];
  const family = families.find(([, members]) =>
    names.some((name) => members.includes(name.replace(/-.*/, ""))),
  );
  return {
    hostname: text("hostname"),
    os,
    osFamily: family?.[0] ?? os,
    osVersion: text("osVersion"),
    osName: text("osName"),
    kernel: text("kernel"),
    kernelVersion: text("kernelVersion"),
    architecture: text("architecture"),
    packageManager: one("packageManager", managers, ""),
    initSystem: one("initSystem", inits, ""),
    cpus: Number(text("cpus")),
    memoryBytes: Number(text("memoryBytes")),
    swapBytes: Number(text("swapBytes")),
    disks: all("disk").map(([device = "", mount = "", size, free]) => ({
      device,
      mount,
      sizeBytes: Number(size),
      freeBytes: Number(free),
    })),
    addresses: all("address").map(([name = "", kind, address = "", prefix = ""]) => ({
      interface: name,
      family: kind === "ipv6" ? ("ipv6" as const) : ("ipv4" as const),
      address,
      ...(prefix === "" ? {} : { prefix: Number(prefix) }),
    })),
    defaultAddress: text("defaultAddress"),
    timeZone: text("timeZone"),
    rebootRequired: found.has("rebootRequired"),
    selinux: one("selinux", selinuxes, "disabled"),
    apparmor: found.has("apparmor"),
    virtualization: text("virtualization"),
    user: text("user"),
    uid: Number(text("uid")),
    home: text("home"),
  };
}
