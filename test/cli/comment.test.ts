/** From a plan to the comment, and from drift to a notification, through the real command line. */

import { readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { parseSections } from "../../packages/cli/src/render/markdown/section.js";
import { stack } from "./kit.js";
import { filesProgram } from "./programs.js";

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
