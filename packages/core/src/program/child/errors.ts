/** What was thrown in the program, as data for the engine. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { inspect } from "node:util";
import type { ChildError, Frame } from "../protocol.js";
import { CompileError, type Compiler } from "./compile.js";
import { userFiles, userFrames } from "./positions.js";

interface Thrown {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly stack?: unknown;
  readonly code?: unknown;
  readonly __pulumiRunError?: unknown;
  readonly __pulumResourceError?: unknown;
  readonly hideStack?: unknown;
  readonly resource?: { readonly urn?: { promise?: () => Promise<unknown> } };
  readonly key?: unknown;
  readonly secret?: unknown;
  readonly url?: string;
  readonly requireStack?: readonly string[];
  readonly errors?: readonly unknown[];
}

/** Programs can throw anything. Never throws itself. */
export async function describe(thrown: unknown): Promise<ChildError> {
  if (thrown instanceof CompileError) return compileError(thrown);
  if (typeof thrown !== "object" || thrown === null) {
    return { kind: "error", name: typeof thrown, message: `thrown: ${safeInspect(thrown)}`, frames: [] };
  }
  const error = thrown as Thrown;
  const stack = text(error.stack);
  const name = text(error.name) || "Error";
  const message = text(error.message) || (stack === "" ? safeInspect(thrown) : firstLine(stack));
  const frames = userFrames(stack);
  const missing = missingModule(error, message, frames);
  if (missing !== undefined) return missing;
  const config = /^Missing required configuration variable '([^']+)'/.exec(message);
  if (config !== null) {
    const secret = error.secret === true || message.includes("--secret");
    return {
      kind: "config",
      name,
      message: firstLine(message),
      frames,
      subject: config[1] as string,
      secret,
    };
  }
  if (error.__pulumiRunError === true) return { kind: "run", name, message, frames };
  if (error.__pulumResourceError === true) {
    const urn = await soon(error.resource?.urn?.promise?.());
    return {
      kind: "resource",
      name,
      message,
      frames: error.hideStack === true ? [] : frames,
      ...(typeof urn === "string" && urn !== "" ? { urn } : {}),
    };
  }
  if (name === "SyntaxError" && stack !== "") {
    const syntax = nodeSyntaxError(stack, message) ?? (frames.length === 0 ? findSyntaxError() : undefined);
    if (syntax !== undefined) return syntax;
  }
  const inner = error.errors;
  const all = Array.isArray(inner)
    ? inner.map((item) => `\n- ${firstLine(text((item as Thrown)?.message))}`)
    : [];
  const candidates = await membersNear(message, frames);
  return {
    kind: "error",
    name,
    message: message + all.join(""),
    frames,
    ...(candidates === undefined ? {} : { candidates }),
  };
}

/** Of `host.Fil is not a constructor`: what the module `host` of the first frame's file has. */
async function membersNear(
  message: string,
  frames: readonly Frame[],
): Promise<readonly string[] | undefined> {
  const namespace = /^(?:\w+\.)*?(\w+)\.\w+ is not a (?:constructor|function)$/.exec(message)?.[1];
  const [first] = frames;
  if (namespace === undefined || first === undefined) return undefined;
  try {
    const specifier = new RegExp(
      `(?:import\\s+\\*\\s+as\\s+${namespace}\\s+from|(?:const|let|var)\\s+${namespace}\\s*=\\s*require\\()\\s*["']([^"']+)["']`,
    ).exec(readFileSync(first.file, "utf8"))?.[1];
    if (specifier === undefined) return undefined;
    // It is loaded already: the program has just used it.
    const module: object = createRequire(first.file)(specifier) as object;
    return Object.keys(module).filter((key) => key !== "default" && !key.startsWith("__"));
  } catch {
    return undefined; // The error is told without them.
  }
}

function compileError(error: CompileError): ChildError {
  const marker = `${" ".repeat(Math.max(0, error.column - 1))}${"^".repeat(Math.max(1, error.length))}`;
  return {
    kind: "syntax",
    name: "SyntaxError",
    message: error.message,
    frames: [{ file: error.file, line: error.line, column: error.column }],
    ...(error.lineText === "" ? {} : { excerpt: `${error.lineText}\n${marker}` }),
  };
}

/** V8 puts place and source line before the message: `file:///a/b.mjs:3\n  the line\n   ^^^\n\nSyntaxError: …`. */
function nodeSyntaxError(stack: string, message: string): ChildError | undefined {
  const match = /^(?:file:\/\/)?(\/[^\n]*|[A-Za-z]:\\[^\n]*):(\d+)\n([^\n]*)\n(\s*)(\^+)/.exec(stack);
  if (match === null) return undefined;
  const [, file, line, source, indent, marker] = match as unknown as string[];
  return {
    kind: "syntax",
    name: "SyntaxError",
    message,
    frames: [{ file: file as string, line: Number(line), column: (indent as string).length + 1 }],
    excerpt: `${source}\n${indent}${marker}`,
  };
}

let compiler: Compiler | undefined;
export function explainSyntaxWith(given: Compiler): void {
  compiler = given;
}

/** For an ES module V8 keeps the place to itself: the compiler finds it in one of the files that were being loaded. */
function findSyntaxError(): ChildError | undefined {
  for (const file of userFiles) {
    if (!/\.m?js$/.test(file)) continue;
    try {
      compiler?.compile(file, readFileSync(file, "utf8"), "esm");
    } catch (error) {
      if (error instanceof CompileError) return compileError(error);
    }
  }
  return undefined;
}

function missingModule(error: Thrown, message: string, frames: readonly Frame[]): ChildError | undefined {
  if (error.code !== "MODULE_NOT_FOUND" && error.code !== "ERR_MODULE_NOT_FOUND") return undefined;
  const named = /Cannot find (?:module|package) '([^']+)'/.exec(message);
  if (named === null) return undefined;
  const importer = error.requireStack?.[0] ?? / imported from (.*)$/m.exec(message)?.[1];
  return {
    kind: "module",
    name: "Error",
    message: firstLine(message),
    frames,
    subject: named[1] as string,
    ...(importer === undefined ? {} : { importer }),
  };
}

/** A URN that never comes must not keep its error back. */
async function soon(promise: Promise<unknown> | undefined): Promise<unknown> {
  if (promise === undefined) return undefined;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), 200);
  });
  try {
    return await Promise.race([promise, late]);
  } catch {
    // The resource failed too: its own error is reported by itself.
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
const firstLine = (value: string): string => value.split("\n", 1)[0] as string;

function safeInspect(value: unknown): string {
  try {
    return inspect(value, { depth: 2 });
  } catch {
    return "a value that can't be shown";
  }
}
