/** Runs the examples of commands that test/docs/examples.ts describes. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import commands from "../../packages/cli/src/commands/index.js";
import { placeInCache } from "../plugins/place.js";
import { type Example, examples, program, situation } from "./examples.js";
import { type Internet, servePlugins, startInternet } from "./internet.js";
import { type Sandbox, type SandboxOptions, sandbox } from "./sandbox.js";

/** What the commands themselves show: id → examples. */
export const shownExamples = Object.entries(
  commands as unknown as Readonly<Record<string, { examples?: readonly string[] }>>,
).map(
  ([id, { examples: of = [] }]) =>
    [id, of.map((text) => text.replaceAll("<%= config.bin %>", "orch"))] as const,
);

const exampleOf = (id: string, text: string): Example | undefined => examples[id]?.[text];

/** Tests of those that are wanted. `start`: what they need beside the project, once for all. */
export function testExamples(
  wanted: (example: Example) => boolean,
  start: () => Promise<SandboxOptions & { stop?(): Promise<void> }> = async () => ({}),
): void {
  const chosen = shownExamples
    .map(
      ([id, texts]) =>
        [
          id,
          texts.filter((text) => {
            const example = exampleOf(id, text);
            return example !== undefined && wanted(example);
          }),
        ] as const,
    )
    .filter(([, texts]) => texts.length > 0);

  let folder: string;
  let internet: Internet;
  let box: Sandbox;
  let ended: (() => Promise<void>) | undefined;
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "orch-examples-"));
    internet = await startInternet(folder);
    servePlugins(internet, folder, ["random", "4.16.0"], ["tls", "5.0.0"]);
    const { env, elsewhere, stop } = await start();
    ended = stop;
    box = sandbox({ env: { ...internet.env, ...env }, ...(elsewhere === undefined ? {} : { elsewhere }) });
    await box.run("mkdir shop && cd shop && npm install");
    box.write("orch.yaml", "name: shop\n");
    box.write("index.ts", program);
    placeInCache(join(box.home, ".orch", "plugins"), "aws", "7.48.0");
    const { code, output } = await box.run(situation);
    expect(code, output).toBe(0);
    box.keep();
  });
  afterAll(async () => {
    box?.remove();
    await internet?.close();
    await ended?.();
    rmSync(folder, { recursive: true, force: true });
  });
  afterEach(() => {
    const pid = join(box.home, "pid");
    if (existsSync(pid)) process.kill(Number(readFileSync(pid, "utf8")), "SIGKILL");
  });
  beforeEach(() => {
    internet.forget();
    box.restore();
  });

  describe.each(chosen)("orch %s", (id, texts) => {
    test.each(texts)("%s", async (text) => {
      const { given, answers, prints, exit = 0, after } = exampleOf(id, text) as Example;
      if (given !== undefined) {
        const { code, output } = await box.run(given);
        expect(code, `given: ${given}\n${output}`).toBe(0);
      }
      const { code, output } = await box.run(text, answers);
      expect(code, output).toBe(exit);
      if (typeof prints === "string") expect(output).toContain(prints);
      else expect(output).toMatch(prints);
      if (after !== undefined) {
        const result = await box.run(after);
        expect(result.code, `after: ${after}\n${result.output}`).toBe(0);
      }
    });
  });
}
