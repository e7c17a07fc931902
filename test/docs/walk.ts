/** A page from its top to its end, in one sandbox: its files are written, its commands run, and what they print is what it shows. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { type Block, isBlock, type Page, place, root } from "./blocks.js";
import type { Internet } from "./internet.js";
import { type Answers, difference, type Sandbox, transcriptOf } from "./sandbox.js";

export const pageFiles = [
  "README.md",
  ...readdirSync(join(root, "docs"), { recursive: true, encoding: "utf8" })
    .map((file) => `docs/${file.replaceAll("\\", "/")}`)
    .filter((file) => file.endsWith(".md") && !file.includes("/.vitepress/"))
    .sort(),
];

const shell = ["sh", "bash", "console"];
export const isShell = ({ language }: Pick<Block, "language">): boolean => shell.includes(language);

/** `here`: where only npm packages are there. `lab`: with the systems that a page names in `run: lab=…`; everything else is run there, too. */
export type Where = "here" | "lab";

/** Is it run there? */
export const isRun = ({ marks }: Block, where: Where): boolean => {
  const how = marks.get("run");
  return how !== undefined && (where === "lab" || !/\blab\b/.test(how));
};

/** Is there anything of it to be done there? */
export const isWalked = ({ parts }: Page, where: Where): boolean => {
  const blocks = parts.filter(isBlock);
  return (
    blocks.some((block) => isRun(block, where)) ||
    // Commands that the reader does not see, about files of the page.
    (parts.length > blocks.length && !blocks.some((block) => isRun(block, "lab")))
  );
};

export async function walk({ parts }: Page, box: Sandbox, where: Where, internet?: Internet): Promise<void> {
  let printed = "";
  for (const part of parts) {
    if (part.kind === "hidden") {
      const { code, output } = await box.run(part.text);
      expect(code, `${place(part)}\n${output}`).toBe(0);
      continue;
    }
    const file = part.marks.get("file");
    if (file !== undefined) box.write(file, part.text);
    if (part.marks.has("printed")) {
      if (printed !== "")
        expect(difference(`…\n${part.text}…\n`, printed), `${place(part)}: printed before`).toBeUndefined();
      continue;
    }
    if (!isRun(part, where) || !isShell(part)) continue;
    printed = await runBlock(part, box);
    const asks = part.marks.get("asks");
    if (asks !== undefined)
      expect(
        internet?.asked.map(({ method, url }) => `${method} ${url}`),
        place(part),
      ).toEqual(expect.arrayContaining(asks.split(/\s*,\s*/)));
  }
}

/** What it printed. */
async function runBlock(block: Block, box: Sandbox): Promise<string> {
  const exit = Number(/\bexit=(\d+)/.exec(block.marks.get("run") ?? "")?.[1] ?? 0);
  const given = block.marks.get("answers");
  const answers = given === undefined ? undefined : (JSON.parse(given) as Answers);
  const commands =
    block.language === "console" ? transcriptOf(block.text) : [{ command: block.text, shown: undefined }];
  let all = "";
  for (const [i, { command, shown }] of commands.entries()) {
    const { code, output } = await box.run(command, answers);
    all += output;
    // The exit code that is given is that of the last command.
    expect(code, `${place(block)}: ${command}\n${output}`).toBe(i === commands.length - 1 ? exit : 0);
    if (shown !== undefined) expect(difference(shown, output), `${place(block)}: ${command}`).toBeUndefined();
  }
  return all;
}
