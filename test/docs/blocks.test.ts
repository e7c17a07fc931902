/**
 * Every block of code in README.md and docs/: `ts` is type-checked, yaml and json are read and held against what they claim to be, commands are run in a
 * sandbox. What can't be run here says why, is counted and printed. How a page says so: CONTRIBUTING.md.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readConfig, readProject, readStackFile, stackFilePath } from "@orch/core/project/index";
import { Ajv2020 } from "ajv/dist/2020.js";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { type Block, isBlock, parsePage, place, readPage, root } from "./blocks.js";
import { faultOfCommand, simpleCommands } from "./commands.js";
import { type Internet, servePlugins, startInternet } from "./internet.js";
import { labPages } from "./lab-pages.js";
import { difference, sandbox, transcriptOf } from "./sandbox.js";
import { typeFaults } from "./typescript.js";
import { isRun, isShell, isWalked, pageFiles, walk } from "./walk.js";

const pages = pageFiles.map(readPage);
const blocks = pages.flatMap(({ parts }) => parts.filter(isBlock));

const typescript = ["ts", "typescript"];
const data = ["yaml", "json"];
/** A picture, a form, what something prints: `text`, or a block in no language without a command in it. */
const isNoCode = ({ language, text }: Block): boolean =>
  language === "text" || (language === "" && !/^(\$|orch|npm|npx|sudo|pulumi|git|export) /m.test(text));

test("what pages say of their blocks is understood", () => {
  expect(pages.flatMap(({ faults }) => faults)).toEqual([]);
});

test("each block is run, checked, or says why not", () => {
  const silent = blocks.filter((block) => {
    if (isNoCode(block)) return false;
    const { language, marks } = block;
    if (["not run", "as in", "run", "file", "examples", "printed"].some((mark) => marks.has(mark as never)))
      return false;
    return ![...typescript, ...data].includes(language);
  });
  expect(
    silent.map(
      (block) =>
        `${place(block)}: a block in ${block.language || "no language"}; put <!-- run --> or <!-- not run: REASON --> before it (\`text\` is for what is no code)`,
    ),
  ).toEqual([]);
  const reasons = blocks.filter(({ marks }) => marks.has("not run"));
  expect(reasons.filter(({ marks }) => (marks.get("not run") ?? "").length < 8).map(place)).toEqual([]);
});

test("commands of orch are there, with their flags", () => {
  const lines = (block: Block): string[] =>
    block.language === "console"
      ? transcriptOf(block.text).map(({ command }) => command)
      : block.text.split("\n");
  const shown = blocks
    .filter(isShell)
    .flatMap((block) => lines(block).map((line) => ({ at: place(block), line })));
  const spans = pages.flatMap(({ file, spans }) =>
    spans.map(({ line, text }) => ({ at: place({ page: file, line }), line: text })),
  );
  const faults = [...shown, ...spans].flatMap(({ at, line }) =>
    simpleCommands(line).flatMap((words) => {
      const fault = faultOfCommand(words);
      return fault === undefined ? [] : [`${at}: ${fault}`];
    }),
  );
  expect(faults).toEqual([]);
});

test("ts: type-checked as programs", () => {
  const checked = blocks.filter(
    ({ language, marks }) => typescript.includes(language) && !marks.has("not run") && !marks.has("as in"),
  );
  expect(checked.length).toBeGreaterThan(10);
  expect(typeFaults(checked)).toEqual([]);
});

test("what is said to stand in another file stands there", () => {
  // Where a module is imported from may differ.
  const plain = (text: string): string => text.replaceAll(/ from "[^"]+"/g, "").trim();
  for (const block of blocks) {
    const file = block.marks.get("as in");
    if (file === undefined) continue;
    const stands = plain(readFileSync(join(root, file), "utf8")).includes(plain(block.text));
    expect(stands, `${place(block)}: as in ${file}`).toBe(true);
  }
});

describe("yaml and json", () => {
  const checked = blocks.filter(({ language, marks }) => data.includes(language) && !marks.has("not run"));
  test.each(checked.map((block) => [place(block), block] as const))("%s", async (_place, block) => {
    const documents = block.language === "json" ? [JSON.parse(block.text)] : yaml(block.text);
    const claim = block.marks.get("is");
    if (claim !== undefined) await holds(claim, block.text, documents);
  });

  function yaml(text: string): unknown[] {
    return parseAllDocuments(text).map((document) => {
      expect(document.errors).toEqual([]);
      return document.toJS();
    });
  }

  /** Right for orch itself where it reads such a file, else for a JSON Schema. */
  async function holds(claim: string, text: string, documents: readonly unknown[]): Promise<void> {
    if (claim === "project" || claim === "settings") {
      const isPulumi = claim === "project" && /^orch:/m.test(text);
      const dir = mkdtempSync(join(tmpdir(), "orch-docs-yaml-"));
      try {
        const file = join(dir, isPulumi ? "Pulumi.yaml" : "orch.yaml");
        const head = `${/^name:/m.test(text) ? "" : "name: shop\n"}${isPulumi && !/^runtime:/m.test(text) ? "runtime: nodejs\n" : ""}`;
        writeFileSync(file, claim === "project" ? head + text : "name: shop\n");
        const project = await readProject(file);
        if (claim === "project") return;
        writeFileSync(stackFilePath(project, "dev"), text);
        const plain = { encrypt: (value: string) => value, decrypt: () => "a secret" };
        expect(Object.keys(readConfig(await readStackFile(project, "dev"), plain)).length).toBeGreaterThan(0);
      } finally {
        rmSync(dir, { recursive: true, force: true });
      }
      return;
    }
    const file = join(root, "docs/schemas", claim);
    expect(existsSync(file), `docs/schemas/${claim}`).toBe(true);
    const validate = new Ajv2020({ strict: false }).compile(JSON.parse(readFileSync(file, "utf8")));
    for (const document of documents) expect(validate(document), JSON.stringify(validate.errors)).toBe(true);
  }
});

describe("commands are run", () => {
  let folder: string;
  let internet: Internet;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "orch-docs-internet-"));
    internet = await startInternet(folder);
    servePlugins(internet, folder, ["terraform-provider", "1.0.0"]);
  });
  afterAll(async () => {
    await internet?.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const running = pages.filter((page) => isWalked(page, "here"));
  test.each(running.map((page) => [page.file, page] as const))(
    "%s",
    { timeout: 600_000 },
    async (_file, page) => {
      internet.forget();
      const box = sandbox(internet);
      try {
        await walk(page, box, "here", internet);
      } finally {
        box.remove();
      }
    },
  );
});

test("pages that need the lab are known to it", () => {
  const needing = pages.filter(({ parts }) =>
    parts.some((part) => isBlock(part) && isRun(part, "lab") && !isRun(part, "here")),
  );
  expect(needing.map(({ file }) => file).sort()).toEqual(Object.keys(labPages).sort());
});

afterAll(() => {
  const count = (filter: (block: Block) => boolean): number => blocks.filter(filter).length;
  const skipped = blocks.filter(({ marks }) => marks.has("not run"));
  process.stdout.write(
    [
      `${blocks.length} blocks of code on ${pages.length} pages: ${count((block) => isShell(block) && block.marks.has("run"))} run, ${count(({ marks }) => marks.has("examples"))} of examples, ${count(({ language, marks }) => typescript.includes(language) && !marks.has("not run"))} TypeScript checked, ${count(({ language, marks }) => data.includes(language) && !marks.has("not run"))} yaml and json read, ${count(isNoCode)} no code, ${skipped.length} not run:`,
      ...skipped.map((block) => `  ${place(block)}: ${block.marks.get("not run")}`),
      "",
    ].join("\n"),
  );
});

describe("the reading of pages", () => {
  test("marks belong to the next block, and to no other text", () => {
    const page = parsePage(
      "x.md",
      "<!-- run: exit=2 -->\n\n```sh\norch plan\n```\n<!-- run -->\ntext `orch plan`\n\n    indented\n",
    );
    const [block] = page.parts;
    expect(block).toMatchObject({ language: "sh", text: "orch plan\n", line: 4 });
    expect(block?.kind === "block" && block.marks.get("run")).toBe("exit=2");
    expect(page.faults).toEqual([
      'x.md:7: the comment "run" stands before no block',
      "x.md:9: a block of code by indentation; give it a fence and a language",
    ]);
    expect(page.spans).toEqual([{ line: 7, text: "orch plan" }]);
  });
  test("commands in lines of shell", () => {
    expect(simpleCommands("A=1 orch plan --out 'a b' && orch apply x >y 2>&1 # orch nothing")).toEqual([
      ["orch", "plan", "--out", "a b"],
      ["orch", "apply", "x"],
    ]);
    expect(faultOfCommand(["orch", "plan", "--refresh", "-p", "3", "--nothing"])).toBe(
      "`orch plan` has no flag --nothing",
    );
    expect(faultOfCommand(["orch", "state", "mv"])).toBe("there is no command `orch state mv`");
    expect(faultOfCommand(["orch", "state", "ls", "--urns", "-C", "dir"])).toBeUndefined();
  });
  test("what is shown and what was printed", () => {
    expect(difference("a\n…\nz …\n", "a\nb\nc\nz 12\n")).toBeUndefined();
    expect(difference("a\nz\n", "a\nb\nz\n")).toContain("printed");
    expect(difference("a\n", "a\nb\n")).toContain("printed");
  });
});
