/** From a plan to the comment, and from drift to a notification, through the real command line. */

import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { parseSections, type Section, sectionText } from "../../packages/cli/src/render/markdown/section.js";
import { stack } from "./kit.js";
import { dynamicProgram, filesProgram } from "./programs.js";

const where = ["--platform", "github", "--repository", "acme/shop", "--number", "12"];
let server: Server | undefined;
afterEach(() => void server?.close());

describe("orch comment", () => {
  test("a plan as Markdown, as it would be commented; nothing secret in it, nothing called", async () => {
    const shop = await stack(filesProgram());
    await shop.ok(["config", "set", "token", "--secret"], { input: "s3cret-value\n" });
    const input = await shop.ok(["plan", "--out", "a.plan", "--format", "markdown"]);
    const [section] = parseSections(input);
    expect(section?.info).toMatchObject({
      kind: "plan",
      project: "shop",
      stack: "dev",
      summary: "4 to create",
    });
    const kept = JSON.parse(await shop.ok(["show", "plan", "a.plan", "--json"]));
    expect(section?.info.digest).toBe(kept.digest);
    const comment = await shop.ok(["comment", "--dry-run", ...where], { input });
    expect(comment).toMatch(/^<!-- orch:comment orch -->\n\n<!-- orch:section kind=plan /);
    expect(comment).toContain("### Plan for `shop/dev`: 4 to create\n");
    expect(input + comment).not.toContain("s3cret-value");
  });

  test("an apply, a refresh, an undo and a destroy as Markdown: it alone on standard output, what happens beside it", async () => {
    const shop = await stack(filesProgram());
    await shop.ok(["config", "set", "token", "--secret"], { input: "s3cret-value\n" });
    await shop.ok(["plan", "--out", "a.plan"]);
    const done = async (args: string[], code = 0) => {
      const result = await shop.orch([...args, "--format", "markdown"]);
      expect([args, result.code, result.code === code ? "" : result.stderr]).toEqual([args, code, ""]);
      expect(result.stdout + result.stderr).not.toContain("s3cret-value");
      const sections = parseSections(result.stdout);
      expect(`${sections.map(sectionText).join("\n")}\n`).toBe(result.stdout);
      return { ...result, section: sections[0] as Section };
    };
    const made = await done(["apply", "a.plan", "--yes"]);
    const kept = JSON.parse(await shop.ok(["show", "plan", "a.plan", "--json"]));
    expect(made.section.info).toMatchObject({
      ...{ kind: "apply", project: "shop", stack: "dev", digest: kept.digest, state: "success" },
      summary: "4 created",
    });
    expect(made.section.body).toMatch(/^### Apply of `shop\/dev`: 4 created\n/);
    expect(made.section.body).toContain("   secret: [secret]\n");
    expect(made.stderr).toMatch(
      /Plan: 4 to create[\s\S]*created host:File page[\s\S]*Apply complete: 4 created/,
    );
    expect((await done(["apply", "--yes"])).section.body).toContain(
      "### Apply of `shop/dev`: nothing to do\n",
    );
    // A plan applies once.
    const again = await done(["apply", "a.plan", "--yes"], 3);
    expect(again.section).toMatchObject({ info: { kind: "apply", state: "failure" } });
    expect(again.section.body).toMatch(/^### Apply of `shop\/dev`: failed\n[\s\S]*error\[plan-applied\]/);
    writeFileSync(shop.path("out/page.html"), "changed by hand\n");
    expect((await done(["refresh", "--yes"])).section.body).toContain(
      "### Refresh of `shop/dev`: 1 refreshed\n",
    );
    const back = await done(["undo", "--out", "back.plan"]);
    expect(back.section.info).toMatchObject({ kind: "plan", stack: "dev" });
    expect((await done(["undo", "1", "--yes"])).section.body).toContain(
      "### Undo of `shop/dev`: 4 deleted\n",
    );
    await shop.ok(["apply", "--yes"]);
    const destroyed = await done(["destroy", "--yes"]);
    expect(destroyed.section.body).toMatch(
      /### Destroy of `shop\/dev`: 4 deleted\n[\s\S]*#### DELETED 4 resources\n/,
    );
    // Beside the plan's section, not in its place.
    const plan = await shop.ok(["plan", "--format", "markdown"]);
    const comment = await shop.ok(["comment", "--dry-run", ...where], { input: plan + destroyed.stdout });
    expect(parseSections(comment).map(({ info }) => info.kind)).toEqual(["plan", "apply"]);
    shop.write(dynamicProgram(`async create() { throw new Error("no more room for @team"); }`));
    const failed = await done(["apply", "--yes"], 1);
    expect(failed.section.info).toMatchObject({ state: "failure", attention: true });
    expect(failed.section.body).toMatch(
      /#### FAILED: 1 resource\n\n```diff\n error\[[a-z-]+\]: .*no more room for @team/,
    );
    expect((await shop.orch(["apply", "--yes", "--json", "--format", "markdown"])).code).toBe(64);
  });

  test("a plan that fails becomes the section, and the exit code stays", async () => {
    const shop = await stack(filesProgram());
    writeFileSync(join(shop.dir, "index.ts"), 'throw new Error("no such @bucket");\n');
    const failed = await shop.orch(["plan", "--format", "markdown"]);
    expect(failed.code).toBe(1);
    expect(failed.stderr).toContain("error[program-error]");
    const [section, ...more] = parseSections(failed.stdout);
    expect(more).toEqual([]);
    expect(section).toMatchObject({ info: { kind: "plan", state: "failure", stack: "dev" } });
    expect(section?.body).toContain("no such @bucket");
  });

  test("says what it needs: input, a place, a token; two formats are one too many", async () => {
    const shop = await stack(filesProgram());
    const refused = async (args: string[], input = ""): Promise<string> => {
      const { code, stderr, stdout } = await shop.orch(args, { input });
      expect([code, stdout]).toEqual([64, ""]);
      return stderr;
    };
    expect(await refused(["comment", ...where, "--dry-run"], "hello")).toContain("nothing to comment");
    expect(await refused(["comment"], "hello")).toContain("the platform is missing");
    expect(await refused(["comment", ...where, "--dry-run", "--key", "a -->"])).toContain("--key");
    expect(await refused(["drift", "--notify", "slack"])).toContain("ORCH_SLACK_WEBHOOK_URL");
    const none = await shop.orch(["comment", ...where], { input: "hello" });
    expect([none.code, none.stdout]).toEqual([1, ""]);
    expect(none.stderr).toContain("There is no token for GitHub.");
    const both = await shop.orch(["plan", "--json", "--format", "markdown"]);
    expect([both.code, JSON.parse(both.stdout).error.reason]).toEqual([64, "invalid-flag"]);
  });
});

test("orch drift tells a webhook what is news, once", async () => {
  const got: { type: string; data: { drifted: boolean } }[] = [];
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (data) => (body += String(data)));
    request.on("end", () => {
      got.push(JSON.parse(body));
      response.writeHead(got.length === 2 ? 400 : 204).end();
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const env = {
    ORCH_WEBHOOK_URL: `http://127.0.0.1:${port}/hook`,
    ORCH_WEBHOOK_SECRET: `whsec_${Buffer.alloc(32, 7).toString("base64")}`,
  };
  const shop = await stack(filesProgram());
  await shop.ok(["apply", "--yes"]);
  const drift = () => shop.orch(["drift", "--notify", "webhook", "--news", "news.json"], { env });
  expect([(await drift()).code, got.length]).toEqual([0, 0]);
  const page = shop.path("out/page.html");
  const before = readFileSync(page, "utf8");
  writeFileSync(page, "changed");
  expect([(await drift()).code, got.length]).toEqual([2, 1]);
  expect(got[0]).toMatchObject({ type: "orch.drift", data: { drifted: true } });
  expect([(await drift()).code, got.length]).toEqual([2, 1]);
  // It is over; that can't be told at first, and so is told the next time.
  writeFileSync(page, before);
  const untold = await drift();
  expect([untold.code, got.length]).toEqual([1, 2]);
  expect(untold.stderr).toContain("refused to take the notification");
  expect([(await drift()).code, got.length]).toEqual([0, 3]);
  expect(got[2]).toMatchObject({ data: { drifted: false } });
  expect([(await drift()).code, got.length]).toEqual([0, 3]);
});
