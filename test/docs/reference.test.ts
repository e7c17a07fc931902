/**
 * docs/reference is made from the code: what is committed must be what would be made. `npm run docs:generate` writes it anew.
 */
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { loadersFor } from "@orch/providers/loaders";
import { describe, expect, test } from "vitest";
import commands from "../../packages/cli/src/commands/index.js";
import { commandIds } from "../../packages/cli/src/route.js";
import { commandPages, type Described } from "../../scripts/reference/commands.js";
import { failuresPage } from "../../scripts/reference/failures.js";
import { type Guide, type Package, providerIndex, providerPage } from "../../scripts/reference/providers.js";

const docs = fileURLToPath(new URL("../../docs/", import.meta.url));
/** Each page is as it was made, and the folder holds no others. */
async function folderHolds(folder: string, made: ReadonlyMap<string, string>): Promise<void> {
  const path = join(docs, "reference", folder);
  mkdirSync(path, { recursive: true });
  for (const [name, text] of made) await expect(text).toMatchFileSnapshot(join(path, name));
  const others = readdirSync(path).filter((name) => !made.has(name));
  expect(others, "pages of what is there no more; `npm run docs:generate` removes them").toEqual([]);
}

test("commands", async () => {
  const described = commands as unknown as Readonly<Record<string, Described>>;
  await folderHolds(
    "commands",
    commandPages(Object.fromEntries(commandIds.map((id) => [id, described[id] as Described]))),
  );
});

test("failures", async () => {
  await expect(failuresPage()).toMatchFileSnapshot(join(docs, "reference", "failures.md"));
});

const project = { programDir: docs, dir: docs, settings: { providers: {} } } as unknown as Parameters<
  typeof loadersFor
>[0];
const context = { projectDir: docs, project: "docs", stack: "docs", log: () => {} };

/** Every package that a direct loader serves and that says its schema; `kubernetes` has that of its cluster. */
async function directPackages(): Promise<readonly Package[]> {
  const names = readdirSync(fileURLToPath(new URL("../../packages/providers/src/", import.meta.url)));
  const found: Package[] = [];
  for (const name of names.sort())
    for (const loader of loadersFor(project).filter((each) => each.name === "direct")) {
      const provider = await loader.load({ name }, context);
      if (provider?.getSchema !== undefined) found.push(JSON.parse(await provider.getSchema()) as Package);
      await provider?.close?.();
    }
  return found;
}

/** The page whose example imports the package first; its own one before others. */
function guideOf(name: string): Guide | undefined {
  const own = `${name}.md`;
  const pages = readdirSync(docs).filter((file) => file.endsWith(".md") && file !== own);
  for (const file of [own, ...pages.sort()]) {
    if (!existsSync(join(docs, file))) continue;
    const text = readFileSync(join(docs, file), "utf8");
    const alias = new RegExp(`^import \\* as (\\w+) from "@orch/providers/${name}";`, "m").exec(text)?.[1];
    if (alias !== undefined) return { file: `docs/${file}`, text, alias };
  }
  return undefined;
}

describe("direct providers", async () => {
  const packages = await directPackages();
  test("pages", async () => {
    expect(packages.length).toBeGreaterThan(7);
    await folderHolds(
      "providers",
      new Map([
        ["README.md", providerIndex(packages)],
        ...packages.map((each): [string, string] => [
          `${each.name}.md`,
          providerPage(each, guideOf(each.name)),
        ]),
      ]),
    );
  });

  const resources = packages.flatMap((each) => Object.entries(each.resources));
  test.each(resources)(
    "%s says what it and each property is",
    (_token, { description, inputProperties, properties }) => {
      expect(description).toMatch(/\.$/);
      const silent = Object.entries({ ...properties, ...inputProperties }).filter(
        ([, schema]) => (schema.description ?? "") === "",
      );
      expect(silent.map(([name]) => name)).toEqual([]);
    },
  );
});
