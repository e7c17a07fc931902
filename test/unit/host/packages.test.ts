/** dnf and zypper, which no machine of the tests has: stand-ins that keep a list of packages and write down how they were called. */
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parseRepository, renderDeb822, renderRepo } from "@orch/providers/host/system/repository";
import { describe, expect, test } from "vitest";
import { failureOf, onEnd, startHost, tempFolder } from "./kit.js";

/** `manager` in front of PATH; gives what it was called with. */
function standIn(manager: "dnf" | "zypper"): { calls: () => string[] } {
  const folder = tempFolder();
  mkdirSync(join(folder, "bin"));
  const program = (name: string, text: string): void => {
    writeFileSync(join(folder, "bin", name), `#!/bin/sh\nd=${folder}\n${text}`);
    chmodSync(join(folder, "bin", name), 0o755);
  };
  writeFileSync(join(folder, "installed"), "bash 5.2-1\n");
  program("rpm", 'cat "$d/installed"');
  program(
    manager,
    `echo "$*" >>"$d/calls"
     for last; do :; done
     case " $* " in
       *" locks "*) cat "$d/locks" 2>/dev/null; exit 0;;
       *" addlock "*) echo "1 | $last | package" >"$d/locks";;
       *" removelock "*) rm -f "$d/locks";;
       *" install "*) case $last in nosuch*) echo "No match for argument: $last" >&2; exit 1;; esac
         n=\${last%%[-=]*}; v=\${last#"$n"}; v=\${v#[-=]}; sed -i "/^$n /d" "$d/installed"; echo "$n \${v:-2.0-1}" >>"$d/installed";;
       *" remove "*) sed -i "/^$last /d" "$d/installed";;
     esac`,
  );
  const before = process.env.PATH;
  process.env.PATH = `${join(folder, "bin")}:${before}`;
  onEnd(() => {
    process.env.PATH = before;
  });
  return { calls: () => readFileSync(join(folder, "calls"), "utf8").trim().split("\n") };
}

describe.each(["dnf", "zypper"] as const)("packages with a stand-in for %s", (manager) => {
  test("installs, changes the version, removes; leaves what was there", async () => {
    const { calls } = standIn(manager);
    const host = await startHost();
    const made = await host.create("Package", { name: "nginx", manager });
    expect(made.outputs).toMatchObject({ installed: true, version: "2.0-1", manager, preinstalled: false });
    expect(await host.read(made)).toEqual(made);
    const older = await host.update(made, { name: "nginx", manager, version: "1.0-3" });
    expect(older.outputs.version).toBe("1.0-3");
    if (manager === "zypper") {
      const held = await host.update(older, { name: "nginx", manager, version: "1.0-3", hold: true });
      expect(held.outputs.hold).toBe(true);
    }
    const none = await failureOf(host.create("Package", { name: "nosuch", manager }));
    expect(none.detail).toContain("No match for argument: nosuch");
    await host.delete(older);
    expect(await host.read(older)).toBeUndefined();
    const base = await host.create("Package", { name: "bash", manager });
    await host.delete(base);
    expect((await host.read(base))?.outputs.version).toBe("5.2-1");
    const [install, exact] = calls().filter((call) => call.includes("install"));
    expect([install, exact]).toEqual(
      manager === "dnf"
        ? ["-y -q install -- nginx", "-y -q install -- nginx-1.0-3"]
        : [
            "--non-interactive --quiet install --oldpackage --no-recommends -- nginx",
            "--non-interactive --quiet install --oldpackage --no-recommends -- nginx=1.0-3",
          ],
    );
  });
});

describe("the files of repositories", () => {
  const given = { name: "lab", url: "https://example.com/r", trusted: true };
  test("a deb822 source, there and back", () => {
    const inputs = { ...given, suites: ["bookworm"], components: ["main", "contrib"], enabled: false };
    expect(renderDeb822(inputs)).toBe(
      "# Written by orch.\nTypes: deb\nURIs: https://example.com/r\nSuites: bookworm\nComponents: main contrib\nTrusted: yes\nEnabled: no\n",
    );
    const { name: _name, ...rest } = inputs;
    expect(parseRepository(renderDeb822(inputs))).toEqual({ ...rest, architectures: [] });
  });
  test("a .repo file, there and back", () => {
    const inputs = { ...given, description: "The lab", key: "k" };
    expect(renderRepo(inputs)).toBe(
      "# Written by orch.\n[lab]\nname=The lab\nbaseurl=https://example.com/r\nenabled=1\ngpgcheck=0\ngpgkey=file:///etc/pki/rpm-gpg/orch-lab.asc\n",
    );
    expect(parseRepository(renderRepo(inputs))).toEqual({
      url: given.url,
      description: "The lab",
      trusted: true,
      enabled: true,
    });
  });
});
