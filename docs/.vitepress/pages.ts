/** The pages of the site, as they lie in docs/: which there are, their titles, and the sidebar. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const docs = fileURLToPath(new URL("..", import.meta.url));

/**
 * Group → pages, in the order in which somebody reads them. A name that ends in `/` is a folder with all its pages. A page that is in no group goes to the end, under
 * "More": a new page needs no line here to be found.
 */
const groups: Readonly<Record<string, readonly string[]>> = {
  Start: ["quick-start", "concepts", "coming-from-pulumi", "coming-from-terraform"],
  "Every day": [
    "project-and-stacks",
    "reading-a-plan",
    "watch",
    "console",
    "plan-file",
    "drift",
    "history",
    "targeting",
    "importing",
    "undo",
    "resume",
    "state",
  ],
  "In a team": ["security", "pull-requests", "ci/", "automation", "tracing"],
  Systems: [
    "host",
    "kubernetes",
    "dns",
    "postgres",
    "ldap",
    "activedirectory",
    "scim",
    "rest",
    "adding-a-provider",
  ],
  Reference: ["cli", "reference/commands/", "reference/providers/", "reference/failures"],
  "How it is made": ["conformance", "performance", "adr/"],
};

/** Pages without `.md`, relative to docs/, in the order of their names. */
export const pages: readonly string[] = readdirSync(docs, { recursive: true, encoding: "utf8" })
  .map((file) => file.replaceAll("\\", "/"))
  .filter((file) => file.endsWith(".md") && !file.startsWith("."))
  .map((file) => file.slice(0, -".md".length))
  .sort();

const isIndex = (page: string): boolean => /(^|\/)(index|README)$/.test(page);
const url = (page: string): string => `/${page.replace(/(^|\/)(index|README)$/, "$1")}`;

/** The page's first heading. */
export function titleOf(page: string): string {
  const heading = /^# (.+)$/m.exec(readFileSync(join(docs, `${page}.md`), "utf8"))?.[1];
  if (heading === undefined) throw new Error(`docs/${page}.md has no heading: begin it with "# Title".`);
  return heading.replaceAll("`", "");
}

interface Item {
  text: string;
  link?: string;
  items?: Item[];
  collapsed?: boolean;
}

const leaf = (page: string): Item => ({ text: titleOf(page), link: url(page) });

function folder(name: string): Item[] {
  const inside = pages.filter((page) => page.startsWith(name));
  const index = inside.find((page) => isIndex(page) && !page.slice(name.length).includes("/"));
  if (inside.length === 0) return [];
  const items = inside.filter((page) => page !== index).map(leaf);
  const text = index === undefined ? name.replace(/\/$/, "").replace(/^.*\//, "") : titleOf(index);
  return [{ text, ...(index === undefined ? {} : { link: url(index) }), items, collapsed: true }];
}

export function sidebar(): Item[] {
  const placed = new Set<string>(["index"]);
  const place = (name: string): Item[] => {
    if (name.endsWith("/")) {
      for (const page of pages) if (page.startsWith(name)) placed.add(page);
      return folder(name);
    }
    placed.add(name);
    return pages.includes(name) ? [leaf(name)] : [];
  };
  const known = Object.entries(groups).map(([text, names]) => ({ text, items: names.flatMap(place) }));
  const more = pages.filter((page) => !placed.has(page)).map(leaf);
  return [...known, ...(more.length > 0 ? [{ text: "More", items: more }] : [])];
}
