/** Markdown as GitHub shows it: its dialect, its sanitiser's rules, mentions and references made links as its filters do, and a style near to its own. */
import rehypeRaw from "rehype-raw";
import rehypeSanitize from "rehype-sanitize";
import rehypeStringify from "rehype-stringify";
import remarkGfm from "remark-gfm";
import remarkGithub from "remark-github";
import remarkParse from "remark-parse";
import remarkRehype from "remark-rehype";
import { unified } from "unified";

const render = unified()
  .use(remarkParse)
  .use(remarkGfm)
  // Mentions, issues and commits in text become links; in code they do not.
  .use(remarkGithub, { repository: "acme/shop" })
  .use(remarkRehype, { allowDangerousHtml: true })
  .use(rehypeRaw)
  // The default schema is GitHub's.
  .use(rehypeSanitize)
  .use(rehypeStringify);

const style = `
  body { font: 14px/1.5 "DejaVu Sans", sans-serif; max-width: 860px; margin: 16px auto; color: #1f2328; }
  article { border: 1px solid #d1d9e0; border-radius: 6px; padding: 16px; overflow-wrap: break-word; }
  pre { background: #f6f8fa; padding: 12px; border-radius: 6px; overflow: auto; }
  code { font: 12px "DejaVu Sans Mono", monospace; background: #818b981f; border-radius: 6px; padding: 2px 4px; }
  pre code { background: none; padding: 0; }
  table { border-collapse: collapse; } td, th { border: 1px solid #d1d9e0; padding: 6px 13px; }
  blockquote { border-left: 4px solid #d1d9e0; margin: 0; padding: 0 1em; }
  .plus { color: #116329; background: #dafbe1; } .minus { color: #82071e; background: #ffebe9; } .note { color: #953800; }
`;

/** A page with the comment in an `article`, all folded parts open. Scripts of the page would run: the sanitiser has to keep them out. */
export function page(markdown: string): string {
  const html = String(render.processSync(markdown)).replaceAll("<details>", "<details open>");
  const coloured = html.replace(
    /(<code class="language-diff">)([\s\S]*?)(<\/code>)/g,
    (_, open: string, text: string, close: string) =>
      `${open}${text.split("\n").map(coloured1).join("\n")}${close}`,
  );
  return `<!doctype html><meta charset="utf-8"><style>${style}</style><article>${coloured}</article>`;
}

const classes: Readonly<Record<string, string>> = { "+": "plus", "-": "minus", "!": "note" };
const coloured1 = (line: string): string =>
  classes[line[0] ?? ""] === undefined ? line : `<span class="${classes[line[0] as string]}">${line}</span>`;
