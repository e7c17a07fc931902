/** What VitePress does not look at in a built site: anchors, and that a page asks no other server for anything. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const attribute = (name: string): RegExp => new RegExp(`\\s${name}="([^"]*)"`, "g");
const all = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map(([, value]) => value ?? "");

/** What is wrong with the site in `folder`, a line each. */
export function faultsOf(folder: string): string[] {
  const files = new Set(
    readdirSync(folder, { recursive: true, encoding: "utf8" }).map((file) => file.replaceAll("\\", "/")),
  );
  const pages = new Map(
    [...files]
      .filter((file) => file.endsWith(".html"))
      .map((file) => [file, readFileSync(join(folder, file), "utf8")]),
  );
  const ids = new Map([...pages].map(([file, html]) => [file, new Set(all(html, attribute("id")))]));
  const faults: string[] = [];
  for (const [file, html] of pages) {
    for (const href of new Set(all(html, attribute("href")))) {
      const { origin, pathname, hash } = new URL(href.replaceAll("&amp;", "&"), `http://site/${file}`);
      if (origin !== "http://site") continue;
      const path = decodeURIComponent(pathname).slice(1);
      const target = [
        path,
        `${path}.html`,
        path === "" || path.endsWith("/") ? `${path}index.html` : "",
      ].find((name) => files.has(name));
      if (target === undefined) faults.push(`${file}: ${href} leads to no page`);
      else if (hash.length > 1 && ids.get(target)?.has(decodeURIComponent(hash.slice(1))) === false)
        faults.push(`${file}: ${href} leads to no heading of ${target}`);
    }
    const asked = [
      ...all(html, attribute("src")),
      ...[...html.matchAll(/<link\s[^>]*>/g)].flatMap(([link]) => all(link, attribute("href"))),
    ];
    for (const address of asked)
      if (/^(https?:)?\/\//.test(address)) faults.push(`${file}: asks another server for ${address}`);
  }
  return faults;
}
