/**
 * A page in one file. Its content security policy allows the one script and the one style sheet in it, by their hashes, and nothing else: no request, no other
 * script, no form. What comes from outside is JSON in an element of its own, which the page's script shows as text.
 */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { OrchError } from "@orch/core/model/failure";
import { escapeXml } from "./svg.js";
import { visible } from "./text.js";

export interface PageSource {
  /** Folder of the package `orch`: its built pages are in `dist/pages`. */
  readonly root: string;
  readonly name: "graph" | "timeline";
  readonly title: string;
  readonly data: object;
}

/** Rejects with `internal` when orch is not whole: the page's script is missing. */
export async function pageHtml({ root, name, title, data }: PageSource): Promise<string> {
  const [script, style] = await Promise.all([
    asset(join(root, "dist", "pages", `${name}.js`)),
    asset(join(root, "dist", "pages", "page.css")),
  ]);
  const policy = [
    "default-src 'none'",
    `script-src '${hash(script)}'`,
    `style-src '${hash(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join("; ");
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>${escapeXml(visible(title))}</title>
<style>${style}</style>
</head>
<body>
<noscript>This page draws its picture with the script that it holds. Allow scripts to see it.</noscript>
<script type="application/json" id="data">${inlineJson(data)}</script>
<script>${script}</script>
</body>
</html>`;
}

const hash = (text: string): string => `sha256-${createHash("sha256").update(text).digest("base64")}`;

/** JSON that cannot end the element it stands in, nor begin a comment in it. */
export const inlineJson = (data: object): string =>
  JSON.stringify(data)
    .replaceAll("<", "\\u003c")
    .replaceAll("\u2028", "\\u2028")
    .replaceAll("\u2029", "\\u2029");

async function asset(file: string): Promise<string> {
  try {
    return (await readFile(file, "utf8")).trim();
  } catch (error) {
    throw new OrchError(
      {
        reason: "internal",
        message: "A part of orch is missing.",
        expected: file,
        found: (error as Error).message,
        next: ["Install orch anew; in a checkout, run `npm run build`."],
      },
      { cause: error },
    );
  }
}
