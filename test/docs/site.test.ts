/** The site builds: no page, heading or file that a link leads to is missing, and no page asks another server for anything. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { faultsOf } from "../../docs/.vitepress/check.js";
import { pages, sidebar } from "../../docs/.vitepress/pages.js";

const root = fileURLToPath(new URL("../..", import.meta.url));
const out = mkdtempSync(join(tmpdir(), "orch-site-"));
afterAll(() => rmSync(out, { recursive: true, force: true }));

describe("the site", () => {
  let built: ReturnType<typeof spawnSync>;
  beforeAll(() => {
    built = spawnSync(
      process.execPath,
      [join(root, "node_modules/vitepress/bin/vitepress.js"), "build", "docs"],
      {
        cwd: root,
        env: { ...process.env, ORCH_DOCS_OUT: out, NO_COLOR: "1" },
        encoding: "utf8",
      },
    );
  });

  test("builds, with no link that leads nowhere", () => {
    expect(built.status, `${built.stdout}\n${built.stderr}`).toBe(0);
  });
  test("has every page, and each is in the sidebar", () => {
    const links = JSON.stringify(sidebar());
    for (const page of pages) {
      const path = page.replace(/(^|\/)README$/, "$1index");
      expect(existsSync(join(out, `${path}.html`)), page).toBe(true);
      if (page !== "index") expect(links).toContain(`"/${path.replace(/(^|\/)index$/, "$1")}"`);
    }
  });
  test("shows braces and links to the code as they are written", () => {
    const holds = (page: string, text: string): boolean =>
      readFileSync(join(out, `${page}.html`), "utf8").includes(text);
    expect(holds("host", "<code>{{ … }}</code>")).toBe(true);
    expect(holds("state", '<span title="packages/core/src/state/sql/tables.ts">')).toBe(true);
  });
});

test("a fault is found: a heading that is not there, a page that is not there, another server", () => {
  const site = mkdtempSync(join(tmpdir(), "orch-site-"));
  writeFileSync(
    join(site, "index.html"),
    '<h1 id="here"></h1><a href="#here"></a><a href="/other#no"></a><a href="/gone"></a>',
  );
  writeFileSync(
    join(site, "other.html"),
    '<link rel="x" href="https://fonts.example.com/a.css"><a href="https://example.com"></a>',
  );
  expect(faultsOf(site).sort()).toEqual([
    "index.html: /gone leads to no page",
    "index.html: /other#no leads to no heading of other.html",
    "other.html: asks another server for https://fonts.example.com/a.css",
  ]);
  rmSync(site, { recursive: true, force: true });
});
