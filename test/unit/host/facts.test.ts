import { execFileSync } from "node:child_process";
import { statfsSync } from "node:fs";
import { cpus, hostname, networkInterfaces, totalmem } from "node:os";
import { parseFacts } from "@orch/providers/host/facts";
import { describe, expect, test } from "vitest";
import { startHost } from "./kit.js";

describe("facts of a machine", () => {
  test("of this machine, as Node sees it", async () => {
    const host = await startHost();
    const facts = await host.invoke("host:index:facts", {});
    expect(facts).toMatchObject({ hostname: hostname(), uid: process.getuid?.() });
    expect(facts.cpus).toBe(cpus().length);
    expect(Math.abs(Number(facts.memoryBytes) - totalmem())).toBeLessThan(1024 ** 2);
    expect(facts.kernelVersion).toBe(execFileSync("uname", ["-r"], { encoding: "utf8" }).trim());
    const known = Object.values(networkInterfaces())
      .flatMap((list) => list ?? [])
      .filter(({ internal }) => !internal)
      .map(({ address }) => address);
    const told = (facts.addresses as { address: string }[]).map(({ address }) => address);
    for (const address of known) expect(told).toContain(address);
    const root = (facts.disks as { mount: string; sizeBytes: number }[]).find(({ mount }) => mount === "/");
    // A root folder that is no device (in a container) is not listed.
    if (root) {
      const { blocks, bsize } = statfsSync("/");
      expect(root.sizeBytes).toBe(blocks * bsize);
    }
    expect(facts.timeZone).not.toBe("");
  });

  test("families, what is not there, and names with spaces", () => {
    const rocky = parseFacts(
      "os=rocky\nosLike=rhel centos fedora\npackageManager=dnf\nselinux=enforcing\nrebootRequired=yes\ndisk=/dev/sda1\t/mnt/my disk\t1024\t512\naddress=eth0\tipv6\tfe80::1\t64\n",
    );
    expect(rocky).toMatchObject({
      osFamily: "redhat",
      packageManager: "dnf",
      selinux: "enforcing",
      rebootRequired: true,
    });
    expect(rocky.disks).toEqual([
      { device: "/dev/sda1", mount: "/mnt/my disk", sizeBytes: 1024, freeBytes: 512 },
    ]);
    expect(rocky.addresses).toEqual([{ interface: "eth0", family: "ipv6", address: "fe80::1", prefix: 64 }]);
    expect(parseFacts("os=opensuse-leap\nosLike=suse opensuse\n").osFamily).toBe("suse");
    expect(parseFacts("os=nixos\n")).toMatchObject({
      osFamily: "nixos",
      packageManager: "",
      initSystem: "",
      apparmor: false,
    });
  });
});
