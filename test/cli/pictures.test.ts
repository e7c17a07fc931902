/** Graphs and runs as pictures, through the real command line. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { type Files, stack } from "./kit.js";
import { filesProgram } from "./programs.js";

describe("orch graph", () => {
  test("as a page: of a plan, of the state, of drift; --open without a display tells the path", async () => {
    const made = await stack(filesProgram());
    await made.ok(["config", "set", "token", "--secret"], { input: "s3cret-value" });
    await made.ok(["graph", "--plan", "--out", "plan.html"]);
    const page = readFileSync(made.path("plan.html"), "utf8");
    expect(page).toContain("Content-Security-Policy");
    expect(page).toContain("[secret]");
    expect(page).not.toContain("s3cret-value");
    await made.ok(["apply", "--yes"]);

    const opened = await made.orch(["graph", "--open"]);
    expect(opened.code).toBe(0);
    expect(opened.stdout).toBe("");
    expect(opened.stderr).toContain("There is no display here");
    const [, file = ""] = /into (\S+\.html)/.exec(opened.stderr) ?? [];
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).not.toContain("s3cret-value");

    // Xfce's opener, which notes what it is to show.
    made.write({
      "bin/exo-open": '#!/bin/sh\nprintf %s "$1" > "$SHOWN"\n',
      "out/page.html": "changed by hand",
    });
    const shown = made.path("shown");
    const { code } = await made.orch(["graph", "--drift", "--open", "--out", "drift.html"], {
      env: {
        DISPLAY: ":99",
        XDG_CURRENT_DESKTOP: "XFCE",
        PATH: `${made.path("bin")}:${made.env.PATH}`,
        SHOWN: shown,
      },
    });
    expect(code).toBe(0);
    const told = (): string => (existsSync(shown) ? readFileSync(shown, "utf8") : "");
    await expect.poll(told, { timeout: 60_000 }).toBe(made.path("drift.html"));
    expect(readFileSync(made.path("drift.html"), "utf8")).toContain('"drift":"changed"');
  });

  test("refuses two sources, and a folder that is not there", async () => {
    const made = await stack(filesProgram());
    const both = await made.orch(["graph", "--plan", "--drift"]);
    expect(both.code).toBe(64);
    expect(both.stderr).toContain("--plan or --drift");
    const nowhere = await made.orch(["graph", "--out", "no/such/folder.svg"]);
    expect(nowhere.code).toBe(64);
    expect(nowhere.stderr).toContain("cannot be written");
  });
});

/** Never applied. Each component is built another way; of `every` earlier ones of its component each file depends on one. */
const manyProgram = (components: number, each: number, every: number): Files => ({
  "orch.yaml": "name: many\n",
  "index.ts": `
import * as host from "@orch/providers/host";
import * as pulumi from "@pulumi/pulumi";
for (let k = 0; k < ${components}; k++) {
  const parent = new pulumi.ComponentResource("many:index:Part", \`part-\${k}\`);
  const made: host.File[] = [];
  for (let i = 0; i < ${each}; i++)
    made.push(new host.File(\`file-\${k}-\${i}\`, { path: \`/nowhere/\${k}/\${i}\`, content: "x" }, {
      parent,
      dependsOn: made.filter((_, j) => (j * 7 + i * 13 + k * (i + 3)) % ${every} === 0),
    }));
}
`,
});

describe("orch graph of many resources", () => {
  test("Ctrl-C ends it at once with 130, and no file or half of one is left", async () => {
    // So dense that ELK needs minutes for each level: it is always interrupted in the middle of one.
    const made = await stack(manyProgram(3, 290, 6));
    made.write({ "big.html": "from before" });
    const terminal = made.terminal(["graph", "--plan", "--out", "big.html"]);
    await terminal.until(/Drawing 873 resources.*, \d+\.\d s/);
    terminal.type("\x03");
    expect(await terminal.ended).toBe(130);
    expect(terminal.text()).toContain("nothing was drawn");
    expect(readFileSync(made.path("big.html"), "utf8")).toBe("from before");
    expect(readdirSync(made.path(".")).filter((name) => name.endsWith(".part"))).toEqual([]);
  });

  test("nobody watches: nothing is told but the result", async () => {
    const made = await stack(manyProgram(20, 24, 11));
    const { code, stderr } = await made.orch(["graph", "--plan", "--out", "big.html"]);
    expect(code).toBe(0);
    expect(stderr).not.toContain("Drawing");
    expect(stderr).toContain("Drew 500 resources into big.html.");
    expect(readFileSync(made.path("big.html"), "utf8")).toContain('"base":"collapsed"');
  });
});

describe("orch timeline", () => {
  test("of the last apply, of a run by number, and in every format", async () => {
    const made = await stack(filesProgram());
    const nothing = await made.orch(["timeline"]);
    expect(nothing.code).toBe(64);
    expect(nothing.stderr).toContain("Nothing was done");
    await made.ok(["apply", "--yes"]);
    const text = await made.ok(["timeline"]);
    expect(text).toContain("shop / dev: run 1");
    expect(text).toMatch(/\* host:Directory folder +·*█/);
    // The folder comes first, whatever comes last.
    expect(text).toMatch(/create host:File \w+ .*\(waited .* for folder/);
    await made.ok(["timeline", "1", "--out", "run.svg"]);
    expect(readFileSync(made.path("run.svg"), "utf8")).toContain("critical path: 2 calls");
    await made.ok(["timeline", "--format", "html", "--out", "run.page"]);
    expect(readFileSync(made.path("run.page"), "utf8")).toContain("Content-Security-Policy");
    await made.ok(["destroy", "--yes"]);
    expect(await made.ok(["timeline"])).toMatch(/delete host:Directory folder .*\(waited .* for \w+/);
    const unknown = await made.orch(["timeline", "99"]);
    expect(unknown.code).toBe(64);
  });
});
