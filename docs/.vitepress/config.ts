import { cpSync } from "node:fs";
import { basename, join } from "node:path";
import { defineConfig } from "vitepress";
import { faultsOf } from "./check.js";
import { linksToCode, schemas, withoutTemplates } from "./markdown.js";
import { pages, sidebar } from "./pages.js";

export default defineConfig({
  title: "orch",
  description: "Infrastructure as code with plans that hold.",
  lang: "en",
  head: [["link", { rel: "icon", href: "/favicon.svg", type: "image/svg+xml" }]],
  cleanUrls: true,
  metaChunk: true,
  ...(process.env.ORCH_DOCS_OUT === undefined ? {} : { outDir: process.env.ORCH_DOCS_OUT }),
  // A folder's README is its first page.
  rewrites: Object.fromEntries(
    pages
      .filter((page) => basename(page) === "README")
      .map((page) => [`${page}.md`, `${page.replace(/README$/, "index")}.md`]),
  ),
  markdown: {
    config: (markdown) => {
      linksToCode(markdown);
      withoutTemplates(markdown);
    },
    languageAlias: { console: "shellsession" },
  },
  themeConfig: {
    nav: [
      { text: "Quick start", link: "/quick-start" },
      { text: "Commands", link: "/cli" },
      { text: "Failures", link: "/reference/failures" },
    ],
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: "local" },
    externalLinkIcon: true,
  },
  /** Dead links of pages stop the build before; here the rest. */
  async buildEnd({ outDir }) {
    cpSync(schemas, join(outDir, "schemas"), { recursive: true });
    const faults = faultsOf(outDir);
    if (faults.length > 0) throw new Error(`The site has ${faults.length} faults:\n  ${faults.join("\n  ")}`);
  },
});
