/**
 * Notifications against recorded shapes: neither Slack nor any other service was asked. Slack's after its documentation of incoming webhooks, the webhook after
 * https://www.standardwebhooks.com, with the specification's own example of a signature.
 */
import { createHmac } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import nock from "nock";
import { afterAll, afterEach, beforeEach, describe, expect, test } from "vitest";
import { newsOf } from "../../../packages/cli/src/notify/news.js";
import { notifier, signed, slackMessage } from "../../../packages/cli/src/notify/targets.js";
import type { DriftReport } from "../../../packages/core/src/engine-contract.js";
import { type Failure, OrchError } from "../../../packages/core/src/model/failure.js";
import { Secret } from "../../../packages/core/src/model/value.js";
import { change, diff, urn } from "../render/plans.js";

beforeEach(() => nock.disableNetConnect());
afterEach(() => {
  const pending = nock.pendingMocks();
  nock.cleanAll();
  nock.enableNetConnect();
  expect(pending).toEqual([]);
});
const dir = mkdtempSync(join(tmpdir(), "orch-notify-"));
afterAll(() => rmSync(dir, { recursive: true }));

const at = Date.UTC(2026, 10, 25, 9, 24);
function report(name = "config", more: Partial<DriftReport> = {}): DriftReport {
  const type = "host:index:File";
  const changes = diff(
    change("mode", "0644", "0600", { side: "output" }),
    change("password", new Secret("hunter2"), new Secret("hunter3"), { side: "output" }),
  );
  const drift = [{ urn: urn(type, name), type, id: "/etc/x", kind: "changed" as const, diff: changes }];
  const groups = drift.map((one) => ({ kind: "changed" as const, type, changes: [], drift: [one], who: [] }));
  return {
    ...{ project: "shop", stack: "dev", at, checked: 12, unread: 0, drift, groups, ignored: [] },
    ...{ rules: { expired: [], unused: [] }, unmanaged: [], failures: [] },
    ...more,
  };
}
const clean = (): DriftReport => report("x", { drift: [], groups: [] });

async function failureOf(promise: Promise<unknown>): Promise<Failure> {
  const error = await promise.then(
    () => expect.fail("it should have failed"),
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(OrchError);
  return (error as OrchError).failure;
}

describe("Slack (recorded shapes)", () => {
  const path = "/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX";
  const env = { ORCH_SLACK_WEBHOOK_URL: `https://hooks.slack.com${path}` };

  test("gets what was found as text that it does not parse, and no secret", async () => {
    nock("https://hooks.slack.com")
      .post(path, (body) => {
        expect(JSON.stringify(body)).not.toContain("hunter");
        expect(body).toMatchObject({
          text: "Drift of shop/dev: 1 changed",
          blocks: [
            {
              type: "rich_text",
              elements: [{ type: "rich_text_section" }, { type: "rich_text_preformatted" }],
            },
          ],
        });
        const { text } = body.blocks[0].elements[1].elements[0];
        expect(text).toContain("host:File config (/etc/x)");
        expect(text).toContain('mode: "0644" → "0600"');
        return true;
      })
      .reply(200, "ok");
    await notifier("slack", env)(report());
  });

  test("hostile names: escaped in the one text that is parsed; at most 3,000 characters", () => {
    const message = slackMessage(report("a", { project: "<!channel> & <https://evil.example|x>" })) as {
      text: string;
    };
    expect(message.text).toBe(
      "Drift of &lt;!channel&gt; &amp; &lt;https://evil.example|x&gt;/dev: 1 changed",
    );
    const many = report("a", {
      failures: Array.from({ length: 500 }, (_, i) => ({
        reason: "timeout" as const,
        message: `${i} @here\n\u001b[2J`,
      })),
    });
    const { blocks } = slackMessage(many) as { blocks: { elements: { elements: { text: string }[] }[] }[] };
    const text = blocks[0]?.elements[1]?.elements[0]?.text ?? "";
    expect(text.length).toBeLessThan(3_000);
    expect(text).toMatch(/… \d+ more lines: orch drift --stack dev$/);
    expect(text).not.toContain("\u001b");
  });

  test.each([
    [404, "no_service", "provider-error"],
    [403, "action_prohibited", "permission-denied"],
    [410, "channel_is_archived", "provider-error"],
  ])("refused with %i %s: says so, and not the address, which is a secret", async (status, said, reason) => {
    nock("https://hooks.slack.com").post(path).reply(status, said);
    const failure = await failureOf(notifier("slack", env)(report()));
    expect(failure).toMatchObject({ reason, found: expect.stringContaining(said) });
    expect(JSON.stringify(failure)).not.toMatch(/T00000000|XXXX/);
  });

  test("waits when it is asked to", async () => {
    nock("https://hooks.slack.com")
      .post(path)
      .reply(429, "rate_limited", { "retry-after": "0" })
      .post(path)
      .reply(200, "ok");
    await notifier("slack", env)(report());
  });
});

describe("a webhook (Standard Webhooks)", () => {
  const secret = Buffer.alloc(32, 7).toString("base64");
  const env = {
    ORCH_WEBHOOK_URL: "https://ops.example/hook?key=abcdefgh",
    ORCH_WEBHOOK_SECRET: `whsec_${secret}`,
  };

  test("the signature of the specification's example", () => {
    const key = Buffer.from("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "base64");
    expect(
      signed("msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}', key)["webhook-signature"],
    ).toBe("v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
  });

  test("gets the document of --json, signed; tried again with the same id", async () => {
    const ids: string[] = [];
    let body = "";
    const checked = async (request: Request): Promise<void> => {
      const header = (name: string): string => String(request.headers.get(name));
      body = await request.text();
      ids.push(header("webhook-id"));
      const signature = createHmac("sha256", Buffer.from(secret, "base64"))
        .update(`${header("webhook-id")}.${header("webhook-timestamp")}.${body}`)
        .digest("base64");
      expect(header("webhook-signature")).toBe(`v1,${signature}`);
      expect(header("content-type")).toBe("application/json");
    };
    const answers = [503, 200];
    nock("https://ops.example")
      .post("/hook?key=abcdefgh")
      .times(2)
      .reply(async (request: Request) => {
        await checked(request);
        return [answers.shift() as number, ""];
      });
    await notifier("webhook", env)(report());
    expect(ids).toHaveLength(2);
    expect(ids[0]).toMatch(/^msg_/);
    expect(ids[1]).toBe(ids[0]);
    expect(JSON.parse(body)).toMatchObject({
      type: "orch.drift",
      timestamp: "2026-11-25T09:24:00.000Z",
      data: { format: 1, type: "drift", stack: "dev", drifted: true },
    });
    expect(body).not.toContain("hunter");
  });

  test("what is missing in the environment is said before any work", () => {
    expect(() => notifier("slack", {})).toThrow("ORCH_SLACK_WEBHOOK_URL");
    expect(() => notifier("webhook", {})).toThrow("ORCH_WEBHOOK_URL");
    for (const ORCH_WEBHOOK_SECRET of [undefined, "", "short", "whsec_YWJj", "not base64!"])
      expect(() => notifier("webhook", { ...env, ORCH_WEBHOOK_SECRET })).toThrow("ORCH_WEBHOOK_SECRET");
    expect(() => notifier("slack", { ORCH_SLACK_WEBHOOK_URL: "file:///etc/passwd" })).toThrow(
      "ORCH_SLACK_WEBHOOK_URL",
    );
  });

  test("a redirect is followed by no secret", async () => {
    nock("https://ops.example")
      .post("/hook?key=abcdefgh")
      .reply(302, "", { location: "https://evil.example/" });
    expect(await failureOf(notifier("webhook", env)(report()))).toMatchObject({
      found: expect.stringContaining("HTTP 302"),
    });
  });
});

describe("news", () => {
  test("what was told is no news, what changes is, and that it is over", async () => {
    const file = join(dir, "news.json");
    const steps: [report: DriftReport, isNew: boolean][] = [
      [clean(), false],
      [report("a"), true],
      [report("a", { at: at + 60_000 }), false],
      [report("b"), true],
      [report("b", { failures: [{ reason: "timeout", message: "no answer" }] }), true],
      [clean(), true],
      [clean(), false],
    ];
    for (const [found, isNew] of steps) {
      const news = await newsOf(found, file);
      expect(news.isNew).toBe(isNew);
      await news.told();
    }
    // Stacks are told apart.
    expect((await newsOf(report("a", { stack: "prod" }), file)).isNew).toBe(true);
    expect(readFileSync(file, "utf8")).not.toContain("hunter");
  });

  test("what could not be told is news the next time as well", async () => {
    const file = join(dir, "untold.json");
    expect((await newsOf(report(), file)).isNew).toBe(true);
    expect((await newsOf(report(), file)).isNew).toBe(true);
  });

  test("another file is left as it is", async () => {
    const file = join(dir, "other.json");
    writeFileSync(file, '{"a":1}');
    expect(await failureOf(newsOf(report(), file))).toMatchObject({ reason: "invalid-flag" });
    expect(readFileSync(file, "utf8")).toBe('{"a":1}');
  });
});
