/** Type-checks the `ts` blocks of pages as programs that somebody wrote beside an installed orch: one run of the compiler for all. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { templates } from "../../packages/cli/src/templates.js";
import { type Block, place, root } from "./blocks.js";

const importsOf = (text: string): { line: string; names: string[] }[] =>
  [...text.matchAll(/^import (.+?) from "[^"]+";/gms)].map(([line, what = ""]) => ({
    line,
    names: what
      .replaceAll(/\btype\b|[{}*]|\bas\b/g, " ")
      .split(/[\s,]+/)
      .filter(Boolean),
  }));

/**
 * What stands before a block so that it is whole: imports of the page's earlier blocks that it uses, `pulumi` and `config` as programs have them, and what the
 * page says is `given`.
 */
function preludeOf(block: Block, earlier: readonly Block[]): string {
  const given = block.marks.get("given") ?? "";
  const own = `${given}\n${block.text}`;
  const uses = (name: string): boolean => new RegExp(`\\b${name}\\b`).test(own);
  const declares = (name: string): boolean =>
    importsOf(own).some(({ names }) => names.includes(name)) ||
    new RegExp(`\\b(?:const|let|class|function) ${name}\\b`).test(own);
  const before = new Map<string, string>();
  for (const { text } of earlier)
    for (const { line, names } of importsOf(text))
      for (const name of names) if (uses(name) && !declares(name)) before.set(name, line);
  const config = uses("config") && !declares("config");
  if ((config || uses("pulumi")) && !declares("pulumi"))
    before.set("pulumi", 'import * as pulumi from "@pulumi/pulumi";');
  return [...new Set(before.values()), ...(config ? ["const config = new pulumi.Config();"] : []), given]
    .join("\n")
    .replaceAll("\n", " ");
}

/** What the compiler says, each with its place in the page; nothing when all is right. */
export function typeFaults(blocks: readonly Block[]): string[] {
  const dir = realpathSync(mkdtempSync(join(tmpdir(), "orch-docs-ts-")));
  try {
    symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
    writeFileSync(
      join(dir, "tsconfig.json"),
      templates.typescript("docs", "0.0.0")["tsconfig.json"] as string,
    );
    const files = new Map<string, Block>();
    blocks.forEach((block, i) => {
      const name = `block-${i}.ts`;
      files.set(name, block);
      // All that is put before is on one line, so that lines can be counted back.
      const earlier = blocks.slice(0, i).filter(({ page }) => page === block.page);
      writeFileSync(join(dir, name), `${preludeOf(block, earlier)}\n${block.text}export {};\n`);
    });
    const { stdout, stderr, status } = spawnSync(
      process.execPath,
      [join(root, "node_modules/tsc7/bin/tsc"), "-p", ".", "--pretty", "false"],
      { cwd: dir, encoding: "utf8", maxBuffer: 1 << 26 },
    );
    if (status === 0) return [];
    const faults = stdout
      .split("\n")
      .filter(Boolean)
      .map((line) => {
        const [, name = "", row = "", rest = ""] = /^(block-\d+\.ts)\((\d+),\d+\): (.*)$/.exec(line) ?? [];
        const block = files.get(name);
        return block === undefined
          ? line
          : `${place({ page: block.page, line: block.line + Number(row) - 2 })}: ${rest}`;
      });
    return faults.length > 0 ? faults : [stderr];
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}
