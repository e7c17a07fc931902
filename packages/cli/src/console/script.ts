/** What comes over a pipe, line by line: an answer or a mistake for each expression. */
import { createContext, Script } from "node:vm";

export interface ScriptOptions {
  readonly globals: () => object;
  /** Commands such as `.secrets on`; false: there is no such one. */
  readonly command: (line: string) => Promise<boolean>;
  /** `value`: undefined where there is none. What it throws is a mistake of the expression: JSON does not hold every value. */
  readonly answer: (input: string, value: unknown) => void;
  readonly mistake: (input: string, text: string) => void;
}

/** Were there no mistakes? */
export async function runLines(text: string, options: ScriptOptions): Promise<boolean> {
  const context = createContext({ ...options.globals() });
  let well = true;
  let pending = "";
  const lines = text.split("\n");
  for (const [i, line] of lines.entries()) {
    if (pending === "" && /^\.[a-z]+\b/.test(line)) {
      if (await options.command(line.trim())) Object.assign(context, options.globals());
      else {
        options.mistake(line, `There is no command ${line.trim()}.`);
        well = false;
      }
      continue;
    }
    const source = pending === "" ? line : `${pending}\n${line}`;
    if (source.trim() === "") continue;
    const script = compiled(source);
    // An expression that goes on in the next line.
    if (script === "unfinished" && i < lines.length - 1) {
      pending = source;
      continue;
    }
    pending = "";
    try {
      if (typeof script === "string") throw new SyntaxError("the input ends in the middle of an expression");
      options.answer(source, script.runInContext(context));
    } catch (error) {
      options.mistake(source, String(error));
      well = false;
    }
  }
  return well;
}

function compiled(source: string): Script | "unfinished" {
  for (const text of [`(${source}\n)`, source]) {
    try {
      return new Script(text, { filename: "console" });
    } catch {
      // The next form, or what it says when it is run.
    }
  }
  try {
    return new Script(source);
  } catch (error) {
    if (/Unexpected end of input|Unterminated|missing \)/.test(String(error))) return "unfinished";
    // Told when it is run, in its place among the answers.
    return new Script(`throw new SyntaxError(${JSON.stringify((error as Error).message)})`);
  }
}
