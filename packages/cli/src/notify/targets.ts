/** Where notifications go. Addresses and secrets come from the environment alone: the address of a Slack webhook is a secret itself. */
import { createHmac, randomUUID } from "node:crypto";
import type { DriftReport } from "@orch/core/engine-contract";
import { OrchError } from "@orch/core/model/failure";
import { type HttpRequest, httpClient } from "@orch/providers/direct/http/client";
import { unexpected } from "@orch/providers/direct/http/failures";
import { driftCounts, driftGroupLines } from "../render/drift.js";
import { driftReportJson } from "../render/json.js";
import { oneLine, shortened } from "../render/markdown/escape.js";
import { plainTheme } from "../render/theme.js";
import { withoutSecrets } from "../review/redact.js";

export type Env = Readonly<Record<string, string | undefined>>;
export const targetNames = ["slack", "webhook"] as const;
export type TargetName = (typeof targetNames)[number];

/** Looks at the environment, and gives what sends. Throws `invalid-flag` with what is missing, before any work is done. */
export function notifier(name: TargetName, env: Env): (report: DriftReport) => Promise<void> {
  if (name === "slack") {
    const url = addressIn(env, "ORCH_SLACK_WEBHOOK_URL");
    return (report) => post("Slack", url, { body: slackMessage(report) });
  }
  const url = addressIn(env, "ORCH_WEBHOOK_URL");
  const key = keyIn(env);
  return (report) => {
    const id = `msg_${randomUUID()}`;
    const body = JSON.stringify(webhookBody(report));
    const headers = {
      "content-type": "application/json",
      ...signed(id, Math.floor(Date.now() / 1000), body, key),
    };
    // Receivers know by its id what they have had.
    return post("The webhook", url, { body, headers, idempotent: true });
  };
}

async function post(
  service: string,
  url: URL,
  request: Pick<HttpRequest, "body" | "headers" | "idempotent">,
): Promise<void> {
  const secrets = [url.href, `${url.pathname}${url.search}`, url.pathname];
  await withoutSecrets(secrets, async () => {
    const http = httpClient({ service: `${service} at ${url.host}`, baseUrl: url.origin });
    try {
      const { signal } = new AbortController();
      const answer = await http.send({ method: "POST", path: url.href, signal, ...request });
      if (!answer.ok) throw unexpected(answer, `${service} at ${url.host}`, "take the notification");
    } finally {
      await http.close();
    }
  });
}

/** Of a preformatted text. Slack takes 3,000 characters. */
const maxText = 2_800;

/**
 * https://docs.slack.dev/messaging/sending-messages-using-incoming-webhooks. What was found stands in a preformatted element, in which Slack
 * looks for neither mentions nor links.
 */
export function slackMessage(report: DriftReport): object {
  const found = driftCounts(report).join(", ") || "nothing any more";
  const title = `Drift of ${report.project}/${report.stack}: ${found}`;
  const view = { theme: plainTheme, full: false };
  const groups = [...report.groups].sort((a, b) => Number(b.kind === "gone") - Number(a.kind === "gone"));
  const lines = groups
    .flatMap((group) => driftGroupLines(group, view, report.at))
    .map((line) => oneLine(shortened(line, 300)));
  for (const { message } of report.failures)
    lines.push(oneLine(shortened(`  could not be read: ${message}`, 300)));
  let text = "";
  let shown = 0;
  for (const line of lines) {
    if (text.length + line.length > maxText) break;
    text += `${line}\n`;
    shown++;
  }
  if (shown < lines.length)
    text += `… ${lines.length - shown} more lines: orch drift --stack ${oneLine(shortened(report.stack, 60))}\n`;
  const element = (type: string, content: string): object => ({
    type,
    elements: [
      { type: "text", text: content, ...(type === "rich_text_section" ? { style: { bold: true } } : {}) },
    ],
  });
  return {
    text: escapeSlack(oneLine(shortened(title, 300))),
    blocks: [
      {
        type: "rich_text",
        elements: [
          element("rich_text_section", oneLine(shortened(title, 300))),
          ...(text === "" ? [] : [element("rich_text_preformatted", text.trimEnd())]),
        ],
      },
    ],
  };
}

/** https://docs.slack.dev/messaging/formatting-message-text#escaping */
const escapeSlack = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** The form of https://www.standardwebhooks.com: what happened, when, and the data: the document of `orch drift --json`. */
const webhookBody = (report: DriftReport): object => ({
  type: "orch.drift",
  timestamp: new Date(report.at).toISOString(),
  data: driftReportJson(report),
});

/** The headers of https://www.standardwebhooks.com: HMAC-SHA-256 over id, time in seconds, and body, joined by dots. */
export const signed = (id: string, seconds: number, body: string, key: Buffer): Record<string, string> => ({
  "webhook-id": id,
  "webhook-timestamp": String(seconds),
  "webhook-signature": `v1,${createHmac("sha256", key).update(`${id}.${seconds}.${body}`).digest("base64")}`,
});

function addressIn(env: Env, name: string): URL {
  const url = URL.parse(env[name] ?? "");
  if (url !== null && /^https?:$/.test(url.protocol)) return url;
  throw new OrchError({
    reason: "invalid-flag",
    message: `--notify needs the address in the environment, as ${name}.`,
    expected: "an address that begins with https://",
    found: env[name] === undefined || env[name] === "" ? "none" : "something that is no such address",
  });
}

function keyIn(env: Env): Buffer {
  const text = (env.ORCH_WEBHOOK_SECRET ?? "").replace(/^whsec_/, "");
  const key = Buffer.from(text, "base64");
  if (/^[A-Za-z0-9+/]+={0,2}$/.test(text) && key.length >= 24) return key;
  throw new OrchError({
    reason: "invalid-flag",
    message:
      "--notify webhook signs what it sends, and needs the key in the environment, as ORCH_WEBHOOK_SECRET.",
    expected: "whsec_ and at least 24 bytes in Base64",
    found: text === "" ? "none" : "something that is no such key",
    next: ['Make one: `echo "whsec_$(openssl rand -base64 32)"`, and give it to the receiver too.'],
  });
}
