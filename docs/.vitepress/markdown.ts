/** How the site reads Markdown otherwise than VitePress does by itself. */
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import type { MarkdownRenderer } from "vitepress";
import { docs } from "./pages.js";

const root = resolve(docs, "..");

/** Pages are Markdown and no Vue templates: `{{ name }}` is what it says. */
export function withoutTemplates(markdown: MarkdownRenderer): void {
  for (const rule of ["text", "code_inline"] as const) {
    const render = markdown.renderer.rules[rule];
    if (render === undefined) throw new Error(`VitePress has no rule ${rule} any more.`);
    markdown.renderer.rules[rule] = (...args) => render(...args).replaceAll("{{", "&#123;&#123;");
  }
}

/**
 * Where the repository can be read, such as `https://git.example.com/orch/blob/main`. Without it what a link to the code says is kept as text, with the path
 * as its title.
 */
const repository = process.env.ORCH_DOCS_REPOSITORY?.replace(/\/$/, "");

/** Links that lead out of docs/, to the code: they must lead somewhere, and the site has no page for them. */
export function linksToCode(markdown: MarkdownRenderer): void {
  const open = markdown.renderer.rules.link_open;
  if (open === undefined) throw new Error("VitePress has no rule for links any more.");
  const close = markdown.renderer.rules.link_close;
  /** A link cannot be in a link, so one is enough. */
  let tag = "a";
  markdown.renderer.rules.link_open = (tokens, index, options, env, self) => {
    const href = tokens[index]?.attrGet("href") ?? "";
    const page = (env as { path?: string }).path;
    const [path = "", anchor] = href.split("#");
    tag = "a";
    if (/^([a-z]+:|\/|#|$)/i.test(href) || page === undefined) return open(tokens, index, options, env, self);
    const target = resolve(dirname(page), decodeURI(path));
    const inDocs = !relative(docs, target).startsWith("..");
    if (!existsSync(target) && !(inDocs && existsSync(`${target.replace(/\.html$/, "")}.md`)))
      throw new Error(`${relative(root, page)}: the link ${href} leads to no file.`);
    if (inDocs) {
      // A folder's README is its index here.
      tokens[index]?.attrSet("href", href.replace(/(^|\/)README\.md(?=#|$)/, "$1index.md"));
      return open(tokens, index, options, env, self);
    }
    const inRoot = relative(root, target).replaceAll("\\", "/");
    if (repository === undefined) {
      tag = "span";
      return `<span title="${markdown.utils.escapeHtml(inRoot)}">`;
    }
    return `<a href="${markdown.utils.escapeHtml(`${repository}/${inRoot}${anchor ? `#${anchor}` : ""}`)}">`;
  };
  markdown.renderer.rules.link_close = (tokens, index, options, env, self) => {
    if (tag === "a")
      return close ? close(tokens, index, options, env, self) : self.renderToken(tokens, index, options);
    tag = "a";
    return "</span>";
  };
}

/** Copied beside the pages when the site is built, since pages link to them. */
export const schemas = join(docs, "schemas");
