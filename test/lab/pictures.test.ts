/** The pages that orch writes, in a real browser: what a person does with them. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Durations } from "@orch/core/state/durations";
import { type Browser, chromium, type Page } from "playwright-core";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { htmlText } from "../../packages/cli/src/render/graph/html.js";
import { type DrawnGraph, type GraphNode, planGraph } from "../../packages/cli/src/render/graph/model.js";
import { timelineHtml } from "../../packages/cli/src/render/timeline/html.js";
import { graphOf } from "../unit/pictures/graphs.js";
import { longRun, runOf } from "../unit/pictures/runs.js";
import { fullPlan } from "../unit/render/plans.js";
import { describeLab, findProgram } from "./requirements.js";

const root = fileURLToPath(new URL("../../packages/cli", import.meta.url));
vi.setConfig({ testTimeout: 240_000, hookTimeout: 120_000 });

describeLab("lab: pages in Chromium", ["chromium"], () => {
  const dir = mkdtempSync(join(tmpdir(), "orch-pages-"));
  let browser: Browser;
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: findProgram("chromium") as string,
      // Chromium's sandbox refuses root, which the lab may run as. The pages are our own.
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    });
  });
  afterAll(async () => {
    await browser?.close();
    rmSync(dir, { recursive: true, force: true });
  });

  interface Opened {
    readonly page: Page;
    /** URLs that it asked for beside itself. */
    readonly requests: string[];
    /** Errors of scripts, violations of the policy, dialogs. */
    readonly problems: string[];
  }
  async function open(html: string, scheme: "light" | "dark" = "light"): Promise<Opened> {
    const file = join(dir, `${Math.random().toString(36).slice(2)}.html`);
    writeFileSync(file, html);
    const page = await browser.newPage({ viewport: { width: 1400, height: 900 }, colorScheme: scheme });
    const requests: string[] = [];
    const problems: string[] = [];
    const url = pathToFileURL(file).href;
    page.on("request", (request) => {
      if (request.url() !== url) requests.push(request.url());
    });
    page.on("pageerror", (error) => problems.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") problems.push(message.text());
    });
    page.on("dialog", (dialog) => {
      problems.push(dialog.message());
      void dialog.dismiss();
    });
    await page.goto(url);
    await page.locator("canvas[data-frame-ms]").waitFor();
    return { page, requests, problems };
  }
  // Strings: the types of a page's world are not those of the tests.
  const status = (page: Page): Promise<string | null> => page.locator('[role="status"]').textContent();
  /** Different colours on the canvas: an empty picture has one. */
  const colours = (page: Page): Promise<number> =>
    page.evaluate<number>(`(() => {
      const canvas = document.querySelector("canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      const found = new Set();
      for (let i = 0; i < data.length; i += 4) found.add((data[i] << 16) | (data[i + 1] << 8) | data[i + 2]);
      return found.size;
    })()`);

  test.each(["light", "dark"] as const)("a graph is drawn without any request (%s)", async (scheme) => {
    const { page, requests, problems } = await open(
      await htmlText(graphOf(30, { perComponent: 10 }), root),
      scheme,
    );
    expect(await status(page)).toBe("27 resources");
    expect(await colours(page)).toBeGreaterThan(20);
    expect(requests).toEqual([]);
    expect(problems).toEqual([]);
    // The policy forbids what the page does not do.
    const reached = await page.evaluate(
      'fetch("https://example.com/").then(() => "reached", () => "refused")',
    );
    expect(reached).toBe("refused");
    expect(problems.join("\n")).toContain("Content Security Policy");
    await page.close();
  });

  test("search finds by name, type, URN and id; what is found is shown with what it is connected with", async () => {
    const graph = graphOf(30, { perComponent: 10 });
    const { page, problems } = await open(await htmlText(graph, root));
    await page.keyboard.press("/");
    const search = page.locator('input[type="search"]');
    const found = page.locator('[role="listbox"] button');
    const [from, to] = graph.edges[0] as DrawnGraph["edges"][number];
    const node = graph.nodes.find(({ urn }) => urn === from) as GraphNode;
    for (const words of [node.name, `${node.name} ${node.type.split(":")[0]}`, node.urn, node.id as string]) {
      await search.fill(words);
      await expect.poll(() => found.allTextContents()).toContainEqual(expect.stringContaining(node.name));
    }
    await search.fill("no such thing");
    await expect.poll(() => found.count()).toBe(0);
    await search.fill(node.urn);
    await page.keyboard.press("Enter");
    const info = page.locator("aside.info");
    expect(await info.locator("h3").textContent()).toBe(node.name);
    expect(await info.textContent()).toContain(graph.nodes.find(({ urn }) => urn === to)?.name);
    await info.getByText("Only connected").click();
    expect(await status(page)).toMatch(/^\d of 27 resources$/);
    // Out of the search field, back to everything.
    await page.locator("canvas").focus();
    await page.keyboard.press("Escape");
    expect(await status(page)).toBe("27 resources");
    expect(await info.isVisible()).toBe(false);
    expect(problems).toEqual([]);
    await page.close();
  });

  test("filters hide by type and by change; components collapse; n goes from change to change", async () => {
    const base = graphOf(60, { perComponent: 20 });
    const { nodes } = base;
    // As of a plan: what is drawn of a step is not looked at here.
    const { page } = await open(await htmlText({ ...base, steps: new Map() }, root));
    const count = (pick: (node: GraphNode) => boolean): number =>
      nodes.filter((node) => !node.group && pick(node)).length;
    await page.getByLabel("create", { exact: true }).uncheck();
    expect(await status(page)).toBe(`${count(({ effect }) => effect !== "create")} of 57 resources`);
    await page.getByLabel("create", { exact: true }).check();
    await page.getByLabel("dns:Record", { exact: true }).uncheck();
    expect(await status(page)).toBe(`${count(({ type }) => type !== "dns:index:Record")} of 57 resources`);
    await page.getByText("None", { exact: true }).click();
    expect(await status(page)).toBe("0 of 57 resources");
    await page.getByText("All", { exact: true }).click();
    expect(await status(page)).toBe("57 resources");
    const whole = await colours(page);
    await page.getByText("Collapse all").click();
    await expect.poll(() => colours(page)).not.toBe(whole);
    await page.locator("canvas").focus();
    await page.keyboard.press("n");
    const first = nodes.find(({ effect }) => effect !== undefined);
    // The component around it opens.
    expect(await page.locator("aside.info h3").textContent()).toBe(first?.name);
    await page.close();
  });

  test("hostile names are text", async () => {
    const hostile = [
      "</script><script>alert(1)</script>",
      '"><img src=x onerror=alert(1)>',
      "<!--<script>",
      "]]>\u2028'+alert(1)+'",
      "\u202egnp.exe",
      "javascript:alert(1)",
      "a\u0000\ud800b",
    ];
    const [base] = graphOf(1, {}).nodes as [GraphNode];
    const nodes = hostile.map(
      (name, i): GraphNode => ({
        ...base,
        name,
        type: `x:${name}:y`,
        id: name,
        urn: `urn:${i}${name}` as GraphNode["urn"],
        properties: [name],
      }),
    );
    const { page, requests, problems } = await open(
      await htmlText({ title: hostile.join(""), drift: false, nodes, edges: [] }, root),
    );
    for (let i = 0; i < hostile.length; i++) {
      await page.locator('input[type="search"]').fill(`urn:${i}`);
      await page.locator('[role="listbox"] button').first().click();
      await expect.poll(() => page.locator("aside.info h3").count()).toBe(1);
    }
    expect(await page.locator("img, iframe, a").count()).toBe(0);
    expect(await page.locator("script").count()).toBe(2);
    expect(requests).toEqual([]);
    expect(problems).toEqual([]);
    await page.close();
  });

  test("details of a plan: why, what changes, how long, drift, links, the URN to copy; no secret", async () => {
    const durations: Durations = { expected: () => 125_000 };
    const { page, problems } = await open(await htmlText(planGraph(fullPlan(), durations), root));
    const info = page.locator("aside.info");
    const choose = async (urn: string): Promise<void> => {
      await page.locator('input[type="search"]').fill(urn);
      await page.keyboard.press("Enter");
    };
    await choose("rds/instance:Instance::db");
    expect(await info.textContent()).toContain("replace, about 4 min");
    expect(await info.textContent()).toContain("cannot be changed in place");
    await choose("SelfSignedCert::cert");
    expect(await info.getByRole("heading", { name: "Why" }).count()).toBe(1);
    expect(await info.locator("pre").first().textContent()).toContain(
      "it is built on aws:rds:Instance db, which is replaced",
    );
    await choose("host:index:File::hosts");
    expect(await info.getByRole("heading", { name: "Drift" }).count()).toBe(1);
    await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
    await info.getByRole("button", { name: "Copy" }).last().click();
    await info.getByRole("button", { name: "Copied" }).waitFor();
    const copied = await page.evaluate<string>("navigator.clipboard.readText()");
    expect(copied).toMatch(/^urn:pulumi:.*::hosts$/);
    expect(await page.content()).not.toContain("hunter2");
    expect(problems).toEqual([]);
    await page.close();
  });

  test("keys: arrows go from resource to resource, c collapses and opens, Escape goes back", async () => {
    const { page, problems } = await open(await htmlText(graphOf(60, { perComponent: 20 }), root));
    const name = (): Promise<string | null> => page.locator("aside.info h3").textContent();
    const canvas = page.locator("canvas");
    await page.keyboard.press("/");
    await page.keyboard.type("item-59");
    await page.keyboard.press("Enter");
    await canvas.focus();
    await page.keyboard.press("ArrowRight");
    const right = await name();
    expect(right).not.toBe("item-59");
    // Said to those who don't see it.
    expect(await page.locator('[aria-live="polite"]').textContent()).toContain(right);
    await page.keyboard.press("Escape");
    expect(await page.locator("aside.info").isVisible()).toBe(false);
    await page.keyboard.press("/");
    await page.locator('input[type="search"]').fill("service-1");
    await page.keyboard.press("Enter");
    await canvas.focus();
    const open60 = await colours(page);
    await page.keyboard.press("c");
    await page.getByRole("button", { name: "Expand", exact: true }).waitFor();
    await expect.poll(() => colours(page)).not.toBe(open60);
    await page.keyboard.press("c");
    await page.getByRole("button", { name: "Collapse", exact: true }).waitFor();
    expect(problems).toEqual([]);
    await page.close();
  });

  test("5,000 resources begin collapsed and can be moved, zoomed, searched, expanded and filtered", async () => {
    const graph = { ...graphOf(5000, { perComponent: 25 }), steps: new Map() };
    const { page, problems } = await open(await htmlText(graph, root));
    expect(await status(page)).toBe("4,800 resources");
    // From frame to frame, and of it the drawing itself.
    const measured = async (what: string, act: () => Promise<void>): Promise<void> => {
      await page.evaluate(`(() => {
        const times = (window.measured = []);
        let last = performance.now();
        const next = (now) => {
          times.push([now - last, Number(document.querySelector("canvas").dataset.frameMs)]);
          last = now;
          if (window.measured === times) requestAnimationFrame(next);
        };
        requestAnimationFrame(next);
      })()`);
      await act();
      const times = await page.evaluate<[number, number][]>(
        "(() => { const all = window.measured; window.measured = undefined; return all; })()",
      );
      const at = (k: 0 | 1, share: number): string => {
        const sorted = times.map((each) => each[k]).sort((a, b) => a - b);
        return (sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(1);
      };
      console.log(
        `5,000 resources, ${what}: ${times.length} frames, ${at(0, 0.5)} ms apart (95 %: ${at(0, 0.95)}, most: ${at(0, 1)}), drawn in ${at(1, 0.5)} ms (95 %: ${at(1, 0.95)})`,
      );
    };
    const drag = async (): Promise<void> => {
      await page.mouse.move(800, 450);
      await page.mouse.down();
      for (let i = 0; i < 40; i++) await page.mouse.move(800 - i * 6, 450 + i * 3);
      await page.mouse.up();
    };
    const wheel = async (): Promise<void> => {
      for (let i = 0; i < 40; i++) await page.mouse.wheel(0, i < 25 ? -100 : 100);
    };
    await measured("collapsed, moving", drag);
    await measured("collapsed, zooming", wheel);
    await measured("expanding all", () => page.getByText("Expand all").click());
    await measured("expanded, moving", drag);
    await measured("expanded, zooming", wheel);
    await measured("expanded, searching", async () => {
      await page.locator('input[type="search"]').pressSequentially("item-4321");
    });
    await page.keyboard.press("Enter");
    expect(await page.locator("aside.info h3").textContent()).toBe("item-4321");
    await measured("filtering", () => page.getByLabel("create", { exact: true }).uncheck());
    const left = graph.nodes.filter((node) => !node.group && node.effect !== "create").length;
    expect(await status(page)).toBe(`${left.toLocaleString("en")} of 4,800 resources`);
    expect(problems).toEqual([]);
    await page.close();
  });

  test("a run: its critical path, what it waited for, search; no request", async () => {
    const run = runOf();
    const { page, requests, problems } = await open(await timelineHtml(run, root), "dark");
    expect(await status(page)).toBe("7 calls");
    expect(await colours(page)).toBeGreaterThan(10);
    expect(await page.locator("aside.side .list button").count()).toBe(5);
    await page.locator("canvas").focus();
    await page.keyboard.press("c");
    expect(await status(page)).toBe("5 of 7 calls");
    await page.locator("aside.side .list button").nth(2).click();
    const info = page.locator("aside.info");
    expect(await info.textContent()).toContain("on the critical path");
    await page.keyboard.press("w");
    expect(await info.locator("h3").textContent()).toBe("t:Item b");
    await page.keyboard.press("c");
    await page.locator('input[type="search"]').fill("alone");
    expect(await status(page)).toBe("1 of 7 calls");
    expect(requests).toEqual([]);
    expect(problems).toEqual([]);
    await page.close();
  });

  test("a run of 1,000 calls: rows scroll, the critical path leads to its rows, keys go along it", async () => {
    const { page, problems } = await open(await timelineHtml(longRun(1000), root));
    const name = (): Promise<string | null> => page.locator("aside.info h3").textContent();
    expect(await page.locator("aside.side .list button").count()).toBe(100);
    const box = (await page.locator("canvas").boundingBox()) as { x: number; y: number; width: number };
    // The middle of the strip above the axis, where the whole path stands.
    await page.mouse.click(box.x + 270 + (box.width - 270 - 90) / 2, box.y + 12);
    expect(await name()).toMatch(/^t:Item server-(490|500)$/);
    await page.locator("canvas").focus();
    const at = Number((await name())?.split("-")[1]);
    await page.keyboard.press("w");
    expect(await name()).toBe(`t:Item server-${at - 10}`);
    await page.keyboard.press("Escape");
    await page.keyboard.press("End");
    await page.keyboard.press("ArrowUp");
    // The last row: with nothing chosen, up begins at the end.
    expect(await name()).toBe("t:Item server-999");
    await page.mouse.move(box.x + 600, box.y + 400);
    for (let i = 0; i < 20; i++) await page.mouse.wheel(0, -400);
    console.log(
      `1,000 calls: a frame is drawn in ${await page.locator("canvas").getAttribute("data-frame-ms")} ms`,
    );
    expect(problems).toEqual([]);
    await page.close();
  });

  test("the SVG of documents is what an XML parser accepts, and holds no script", async () => {
    const { page } = await open(await htmlText(graphOf(5, {}), root));
    const svg = readFileSync(new URL("../unit/pictures/goldens/plan.svg", import.meta.url), "utf8");
    const seen = await page.evaluate(`(() => {
      const parsed = new DOMParser().parseFromString(${JSON.stringify(svg)}, "image/svg+xml");
      return [parsed.documentElement.tagName, parsed.querySelectorAll("parsererror, script, image, foreignObject").length];
    })()`);
    expect(seen).toEqual(["svg", 0]);
    await page.close();
  });
});
