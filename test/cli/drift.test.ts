/** `orch drift` by the rules of the project, as a script sees it. */
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { golden, type Project, stack, transcript } from "./kit.js";

const program = `
import { join } from "node:path";
import * as host from "@orch/providers/host";

const folder = new host.Directory("folder", { path: join(process.cwd(), "out") });
for (let i = 0; i < 12; i++)
  new host.File(\`page-\${i}\`, { path: folder.path.apply((path) => join(path, \`\${i}.txt\`)), content: \`\${i}\\n\`, mode: "0644" });
`;
const rules = (until: string): string => `name: shop
drift:
  ignore:
    - type: host:index:File
      urn: "*::page-1*"
      paths: [content, sha256, size]
      reason: somebody may write these
      until: ${until}
`;

describe("drift by rules", () => {
  test("groups, ignores, tells of old rules, and of what it can't list", async () => {
    const made = await stack({ "orch.yaml": "name: shop\n", "index.ts": program });
    await made.ok(["apply", "--yes"]);
    let text = "";
    const run = async (...args: string[]): Promise<void> => {
      text += `${transcript(args, await made.orch(args), made)}\n`;
    };
    const file = (i: number): string => made.path(`out/${i}.txt`);
    for (let i = 0; i < 12; i++) writeFileSync(file(i), "defaced\n");
    await run("drift");
    made.write({ "orch.yaml": rules("9999-12-31") });
    await run("drift", "--verbose");
    for (let i = 2; i < 10; i++) writeFileSync(file(i), `${i}\n`);
    writeFileSync(file(0), "0\n");
    await run("drift");
    made.write({ "orch.yaml": rules("2020-02-29") });
    await run("drift");
    for (const i of [0, 1, 2, 3]) rmSync(file(i));
    await run("drift", "--diff");
    made.write({
      "orch.yaml": `${rules("9999-12-31")}  unmanaged:\n    - type: host:index:Command\n      scope: { folder: out }\n`,
    });
    await run("drift");
    await run("drift", "--no-unmanaged");
    made.write({ "orch.yaml": rules("soon") });
    await run("drift");
    await expect(withoutHashes(text)).toMatchFileSnapshot(golden("drift-rules"));
    expect(readFileSync(file(10), "utf8")).toBe("defaced\n");
  });

  test("--json is the whole report", async () => {
    const made: Project = await stack({ "orch.yaml": rules("9999-12-31"), "index.ts": program });
    await made.ok(["apply", "--yes"]);
    for (const i of [0, 1, 2]) writeFileSync(made.path(`out/${i}.txt`), "defaced\n");
    const { code, stdout } = await made.orch(["drift", "--json"]);
    expect(code).toBe(2);
    const report = JSON.parse(stdout) as Record<string, { urn: string; urns: string[]; rule: object }[]>;
    expect(report).toMatchObject({
      format: 1,
      type: "drift",
      checked: 13,
      unread: 0,
      drifted: true,
      unmanaged: [],
      failures: [],
    });
    expect(report.drift?.map(({ urn }) => urn.split("::").at(-1))).toEqual(["page-0", "page-2"]);
    expect(report.groups?.map(({ urns }) => urns.length)).toEqual([2]);
    expect(report.ignored).toMatchObject([{ rule: { source: "orch.yaml:4", until: "9999-12-31" } }]);
  });
});

describe("drift that is interrupted", () => {
  test("counts what is read, and tells what was found until then", async () => {
    const made = await stack({
      "orch.yaml": "name: shop\n",
      "index.ts": `
import * as host from "@orch/providers/host";

const cwd = process.cwd();
new host.Command("first", { create: "true", read: "cat first.txt", cwd });
const second = new host.Command("second", { create: "true", read: "test ! -e gate || sleep 600; echo same", cwd });
new host.Command("third", { create: "true", read: "echo same", cwd }, { dependsOn: second });
`,
      "first.txt": "as it was\n",
    });
    await made.ok(["apply", "--yes"]);
    made.write({ "first.txt": "changed\n", gate: "" });
    const terminal = made.terminal(["drift", "--parallel", "1"]);
    await terminal.until("1/3 read");
    terminal.type("\x03");
    expect(await terminal.ended).toBe(130);
    expect(terminal.text()).toContain("≠ host:Command first");
    expect(terminal.text()).toContain("interrupted: only 1 of 3 resources of stack dev read");
  });
});

/** Without what is not this test's: hashes, and the types that the provider can list. */
const withoutHashes = (text: string): string =>
  text.replace(/[0-9a-f]{40,}/g, "HASH").replace(/(expected) host:index:.*/g, "$1 TYPES");
