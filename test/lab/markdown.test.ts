/** Comments with hostile content in a real browser: nothing in the page comes from content but text in code. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { applyMarkdown } from "../../packages/cli/src/render/markdown/apply.js";
import { commentBodies } from "../../packages/cli/src/render/markdown/comment.js";
import { driftMarkdown } from "../../packages/cli/src/render/markdown/drift.js";
import { failureMarkdown } from "../../packages/cli/src/render/markdown/failure.js";
import { planMarkdown } from "../../packages/cli/src/render/markdown/plan.js";
import { parseSections, sectionText } from "../../packages/cli/src/render/markdown/section.js";
import type { ApplyResult } from "../../packages/core/src/model/event.js";
import { summarize } from "../../packages/core/src/model/plan.js";
import { fullPlan } from "../unit/render/plans.js";
import { attacks, hostileFailure, hostilePlan } from "./hostile.js";
import { page as pageOf } from "./markdown-page.js";
import { describeLab, findProgram } from "./requirements.js";

/** Runs in the page, so it is text here: the tests know no DOM. */
const look = `(() => {
  const article = document.querySelector("article");
  const ours = "h3 h4 p table thead tbody tr th td strong code pre details summary span a blockquote".split(" ");
  const all = (selector, below = article) => [...below.querySelectorAll(selector)];
  const copy = article.cloneNode(true);
  for (const one of all("code", copy)) one.remove();
  return {
    foreign: all("*").map((one) => one.tagName.toLowerCase()).filter((name) => !ours.includes(name)),
    links: all("a").map((one) => one.getAttribute("href")),
    handlers: all("*", document).filter((one) => one.getAttributeNames().some((name) => name.startsWith("on") || name === "style")).length,
    articles: all("article", document).length,
    outside: [...document.body.children].filter((one) => one !== article).length,
    // Text that stands in no code is orch's own words.
    bare: copy.textContent,
    hacked: "hacked" in window,
  };
})()`;

describeLab("comments in a browser", ["chromium"], () => {
  const profile = mkdtempSync(join(tmpdir(), "orch-chromium-"));
  let browser: Browser;
  let page: Page;
  const requests: string[] = [];
  const dialogs: string[] = [];
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: findProgram("chromium") as string,
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
      env: { ...process.env, HOME: profile } as Record<string, string>,
    });
    page = await browser.newPage({ viewport: { width: 900, height: 1000 } });
    await page.route("**/*", (route) => {
      requests.push(route.request().url());
      return route.abort();
    });
    page.on("dialog", (dialog) => {
      dialogs.push(dialog.message());
      void dialog.dismiss();
    });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(profile, { recursive: true, force: true });
  });

  /** What of the page is not as orch's own Markdown makes it. */
  async function show(markdown: string, picture?: string): Promise<Record<string, unknown>> {
    await page.setContent(pageOf(markdown), { waitUntil: "load" });
    const folder = process.env.ORCH_SCREENSHOTS;
    if (folder !== undefined && picture !== undefined)
      await page.screenshot({ path: join(folder, `${picture}.png`), fullPage: true });
    return page.evaluate(look);
  }

  const harmless = { foreign: [], handlers: 0, articles: 1, outside: 0, hacked: false };
  const foreignText = /evil|octocat|admins|hacked|Approved|orch:[a-z]|bold|GH-7|close|merge|script/;

  test("a hostile plan: no element, link, mention or script of its own, and nothing is fetched", async () => {
    const [section] = parseSections(planMarkdown(hostilePlan(), { digest: "d1".repeat(32), now: 0 }));
    const bodies = commentBodies(section === undefined ? [] : [section], "orch");
    expect(bodies).toHaveLength(1);
    const seen = await show(bodies[0] as string, "hostile-plan");
    expect(seen).toMatchObject({ ...harmless, links: [] });
    expect(seen.bare).not.toMatch(foreignText);
    const { delete: deletes, replace } = summarize(hostilePlan());
    const heads = await page.locator("h4").allTextContents();
    expect(heads).toEqual([`DELETE ${deletes} resources`, `REPLACE ${replace} resources`]);
    // Each deletion is there, as text.
    const [gone] = await page.locator("pre").allTextContents();
    for (const kind of Object.keys(attacks))
      expect(gone).toMatch(new RegExp(`^- {2}host:File ${kind} `, "m"));
    expect(gone).toContain("@octocat @acme/admins #12");
    expect(gone).toContain("\\u001b[2J");
    expect(requests).toEqual([]);
    expect(dialogs).toEqual([]);
  });

  test("an apply of it: failures, what was done and not done, outputs", async () => {
    const plan = hostilePlan();
    const kinds = Object.keys(attacks);
    // With its kind at the end: else each says its own name, and they are one cause.
    const failed = plan.steps.flatMap((step) => {
      const kind = kinds[step.id / 5];
      return kind === undefined
        ? []
        : [
            {
              step,
              failure: hostileFailure(`${(attacks[kind] as string).slice(0, 1e6)} of ${kind}`, step.urn),
            },
          ];
    });
    const skipped = plan.steps.filter(({ id }) => id % 5 === 1);
    const done = plan.steps.filter(({ id }) => id % 5 > 1).map(({ id }) => ({ step: id, elapsedMs: 1_500 }));
    const result: ApplyResult = {
      ...{ runId: 3, outcome: "failed", elapsedMs: 9_000, done: done.length, failed, skipped },
      ...{
        summary: summarize({ steps: plan.steps.filter(({ id }) => id % 5 > 1) }),
        outputs: { ...attacks },
      },
      problem: hostileFailure(attacks.closing as string),
    };
    const made = applyMarkdown(plan, { digest: attacks.html as string, result, done, exitCode: 1, now: 0 });
    const sections = parseSections(made);
    expect(sections.map(sectionText)).toEqual([made]);
    const bodies = commentBodies(sections, "orch");
    expect(bodies).toHaveLength(1);
    const seen = await show(bodies[0] as string, "hostile-apply");
    expect(seen).toMatchObject({ ...harmless, links: [] });
    expect(seen.bare).not.toMatch(foreignText);
    expect(await page.locator("h4").allTextContents()).toEqual([
      ...[`FAILED: ${kinds.length} resources`, "The run itself failed"],
      ...[`DELETED ${kinds.length} resources`, `REPLACED ${kinds.length} resources`],
    ]);
    const [failures, , gone] = await page.locator("pre").allTextContents();
    expect(failures).toContain("error[provider-error]: @octocat @acme/admins #12");
    for (const kind of kinds) expect(gone).toMatch(new RegExp(`^- {2}deleted host:File ${kind} `, "m"));
    expect(requests).toEqual([]);
    expect(dialogs).toEqual([]);
  });

  test("hostile names of project and stack, in headings, tables, and the links of a run", async () => {
    for (const [kind, text] of Object.entries(attacks)) {
      const name = text.slice(0, 500);
      const made = planMarkdown(
        { ...fullPlan(), project: name, stack: name },
        { digest: name, file: name, now: 0 },
      );
      const drift = driftMarkdown({
        ...{ project: name, stack: name, at: 0, checked: 1, unread: 0, drift: [], groups: [], ignored: [] },
        ...{
          rules: { expired: [], unused: [] },
          unmanaged: [],
          failures: [{ reason: "timeout", message: text }],
        },
      });
      const failed = failureMarkdown(
        { reason: "program-error", message: text, detail: text, next: [text] },
        { kind: "plan", project: name, stack: `${name} too` },
        0,
      );
      const sections = [made, drift, failed].flatMap(parseSections).map(({ info, body }) => ({
        info: { ...info, commit: text.slice(0, 100), url: `https://ci.example/${text.slice(0, 300)}` },
        body,
      }));
      expect(sections).toHaveLength(3);
      const [body] = commentBodies(sections, "orch");
      expect(parseSections(body as string).map(sectionText)).toEqual(sections.map(sectionText));
      const seen = await show(body as string, kind === "tables" ? "hostile-names" : undefined);
      expect(seen).toMatchObject(harmless);
      // orch's own links to the run, and no other.
      for (const link of seen.links as string[]) expect(new URL(link).host).toBe("ci.example");
      expect(seen.bare).not.toMatch(foreignText);
      const rows = await page.locator("tr").evaluateAll((all) => all.map((row) => row.children.length));
      expect(new Set(rows)).toEqual(new Set([3, 6, 7]));
    }
    expect(requests).toEqual([]);
    expect(dialogs).toEqual([]);
  });

  test("an everyday plan, to look at", async () => {
    const seen = await show(
      planMarkdown(fullPlan(), { digest: "d1".repeat(32), file: "change.plan", now: 0 }),
      "plan",
    );
    expect(seen).toMatchObject({ ...harmless, links: [] });
    expect(await page.locator("details").count()).toBeGreaterThan(5);
  });

  test("and the page would show an attack: without escaping it does", async () => {
    const seen = await show("@octocat <b>x</b> http://evil.example\n\n# Approved\n");
    expect(seen.foreign).toContain("h1");
    expect(seen.links).toContain("https://github.com/octocat");
    expect(seen.bare).toMatch(foreignText);
  });
});
