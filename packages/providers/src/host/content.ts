/** The content of a file resource: from text, a template or an asset. */
import { isUtf8 } from "node:buffer";
import { createHash } from "node:crypto";
import { fail, toFailure } from "@orch/core/model/failure";
import {
  Asset,
  hasSecret,
  hasUnknown,
  isUnknown,
  type PropertyMap,
  reveal,
  Secret,
  unknown,
  type Value,
} from "@orch/core/model/value";
import type { CheckFailure } from "@orch/core/provider/contract";
import { readAsset } from "../direct/index.js";

/** Bytes up to which a text is kept in plan and state, so that a changed line can be shown; what is longer is known by its hash. */
export const textLimit = 256 * 1024;

export const sha256 = (content: Buffer | string): string =>
  createHash("sha256").update(content).digest("hex");

/** The content as text, where it is one and not too long. */
export function asText(content: Buffer): string | undefined {
  return content.length <= textLimit && isUtf8(content) && !content.includes(0)
    ? content.toString("utf8")
    : undefined;
}

/** `content` (or, for bytes, the hash of `source`) made from whichever of the three is given; what is wrong with them. */
export async function resolveContent(
  inputs: PropertyMap,
  baseDir: string,
): Promise<{ readonly inputs: PropertyMap; readonly failures: readonly CheckFailure[] }> {
  const given = (["content", "source", "template"] as const).filter((key) => inputs[key] !== undefined);
  const refused = (path: string, message: string, expected: string, found: string) => ({
    inputs,
    failures: [{ path, message, expected, found }],
  });
  const one = "exactly one of content, source and template";
  if (given.length === 0) return refused("content", `the file needs ${one}`, one, "none");
  if (given.includes("source") && given.includes("template"))
    return refused("source", `the file needs ${one}`, one, given.join(", "));
  if (inputs.variables !== undefined && !given.includes("template"))
    return refused("variables", "variables are for a template", "a template", "none");
  const [from] = given.filter((key) => key !== "content");
  if (from === undefined) return { inputs, failures: [] };

  const derived = from === "source" ? await fromSource(inputs, baseDir) : await fromTemplate(inputs, baseDir);
  if ("failure" in derived) return { inputs, failures: [derived.failure] };
  const { content } = inputs;
  const next = { ...inputs, ...derived.inputs };
  // Content beside them is what an earlier check made of them, or a contradiction.
  if (
    content !== undefined &&
    reveal(content) !== reveal(next.content ?? null) &&
    !isUnknown(reveal(content))
  )
    return refused("content", `the file needs ${one}`, one, given.join(", "));
  return { inputs: next, failures: [] };
}

type Derived = { readonly inputs: PropertyMap } | { readonly failure: CheckFailure };

async function fromSource(inputs: PropertyMap, baseDir: string): Promise<Derived> {
  const secret = inputs.source instanceof Secret;
  const source = reveal(inputs.source as Value);
  const wrap = (value: Value): Value => (secret ? new Secret(value) : value);
  if (!(source instanceof Asset)) return { inputs: { content: wrap(unknown) } };
  const bytes = await load(source, baseDir, "source");
  if ("failure" in bytes) return bytes;
  const hashed = new Asset(source.source, sha256(bytes.content));
  const text = asText(bytes.content);
  return { inputs: { source: wrap(hashed), ...(text === undefined ? {} : { content: wrap(text) }) } };
}

async function fromTemplate(inputs: PropertyMap, baseDir: string): Promise<Derived> {
  const { variables = {} } = inputs;
  const secret = hasSecret(inputs.template) || hasSecret(variables);
  const wrap = (value: Value): Value => (secret ? new Secret(value) : value);
  if (hasUnknown(inputs.template) || hasUnknown(variables)) return { inputs: { content: wrap(unknown) } };
  let template = reveal(inputs.template as Value);
  if (template instanceof Asset) {
    const bytes = await load(template, baseDir, "template");
    if ("failure" in bytes) return bytes;
    template = bytes.content.toString("utf8");
  }
  // Loaded by the first template.
  const { render } = await import("./template.js");
  const rendered = render(template as string, reveal(variables) as Record<string, unknown>);
  if ("text" in rendered) return { inputs: { content: wrap(rendered.text) } };
  const names = Object.keys(reveal(variables) as PropertyMap);
  return {
    failure: {
      path: "template",
      message: `the template can't be filled in: ${rendered.problem}`,
      expected: `Liquid with these variables: ${names.length > 0 ? names.join(", ") : "none"}`,
      found: rendered.problem,
    },
  };
}

async function load(
  source: Asset,
  baseDir: string,
  path: string,
): Promise<{ readonly content: Buffer } | { readonly failure: CheckFailure }> {
  try {
    return { content: await readAsset(source, baseDir) };
  } catch (error) {
    const { message } = toFailure(error);
    return {
      failure: {
        path,
        message: `the asset can't be read: ${message}`,
        expected: "a readable asset",
        found: message,
      },
    };
  }
}

/** The bytes to write. A file that is not what was planned is refused (`plan-broken`). */
export async function contentBytes(
  inputs: { readonly content?: string | undefined; readonly source?: Asset | undefined },
  baseDir: string,
  signal: AbortSignal,
): Promise<Buffer> {
  if (inputs.content !== undefined) return Buffer.from(inputs.content, "utf8");
  if (inputs.source === undefined) return Buffer.alloc(0);
  const content = await readAsset(inputs.source, baseDir, signal);
  const { hash } = inputs.source;
  if (hash !== undefined && hash !== sha256(content))
    fail({
      reason: "plan-broken",
      message: "The file that is the source is not what it was when this was planned",
      path: "source",
      expected: `SHA-256 ${hash}`,
      found: `SHA-256 ${sha256(content)}`,
      next: ["Plan again."],
    });
  return content;
}
