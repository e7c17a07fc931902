/** YAML files that a person writes: read with positions, checked with a schema, changed without losing comments and order. */
import { randomUUID } from "node:crypto";
import { chmod, mkdir, open, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname } from "node:path";
import { type Document, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument } from "yaml";
import type { z } from "zod";
import { type Failure, type FailureReason, fail } from "../model/failure.js";
import type { SourcePosition } from "../model/resource.js";
import { didYouMean } from "../state/closest.js";

export interface YamlFile {
  /** Absolute. */
  readonly path: string;
  readonly text: string;
  readonly document: Document;
  /** What failures of its content are called. */
  readonly reason: FailureReason;
  readonly lines: LineCounter;
}

export type YamlPath = readonly (string | number)[];

/** Fails with `reason` at the first error: file, line, column, and the line itself. */
export function parseYaml(path: string, text: string, reason: FailureReason): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const file: YamlFile = { path, text, document: document as Document, reason, lines };
  const error = document.errors[0];
  if (error !== undefined) {
    // What never ends is noticed where the text does: shown where the last of it is.
    const source = positionAt(file, Math.min(error.pos[0], text.trimEnd().length));
    return fail({
      reason,
      message: `${place(source)}: ${error.message.replace(/\.?$/, ".")}`,
      source,
      detail: excerpt(file, source),
      next: [`Correct line ${source.line} of ${path}.`],
    });
  }
  return file;
}

/** The content as `schema` wants it. Fails at the position of the first thing that is not. */
export function checkYaml<S extends z.ZodType>(file: YamlFile, schema: S): z.output<S> {
  const result = schema.safeParse(file.document.toJS() ?? {});
  if (result.success) return result.data;
  const issue = mostSpecific(result.error.issues);
  const path = issue.path.filter((part) => typeof part !== "symbol");
  if (issue.code === "unrecognized_keys") {
    const key = issue.keys[0] as string;
    const known = knownKeys(schema, path);
    const near = didYouMean(key, known);
    return failAt(file, [...path, key], {
      message: `there is no setting ${JSON.stringify(key)} here`,
      ...(known.length === 0 ? {} : { expected: `one of: ${known.join(", ")}` }),
      found: key,
      next: near.length > 0 ? near : [`Remove ${JSON.stringify(key)}.`],
    });
  }
  return failAt(file, path, { message: issue.message });
}

/** Of a union's issues, those of the branch that went furthest. */
function mostSpecific(issues: readonly z.core.$ZodIssue[]): z.core.$ZodIssue {
  const missing = issues[0] as z.core.$ZodIssue;
  // What is missing was often there, misspelt.
  const parent = JSON.stringify(missing.path.slice(0, -1));
  const first =
    issues.find(({ code, path }) => code === "unrecognized_keys" && JSON.stringify(path) === parent) ??
    missing;
  if (first.code !== "invalid_union") return first;
  const branches = first.errors.filter((branch) => branch.length > 0);
  const best = branches
    .map((branch) => mostSpecific(branch))
    .sort((a, b) => b.path.length - a.path.length)[0];
  if (best === undefined || best.path.length === 0) return first;
  return { ...best, path: [...first.path, ...best.path] };
}

/** The keys that a strict object schema has at a path. */
function knownKeys(schema: z.ZodType, path: YamlPath): string[] {
  let here: unknown = schema;
  // `shapeOf` looks through lists.
  for (const part of path) if (typeof part === "string") here = shapeOf(here)?.[part];
  return Object.keys(shapeOf(here) ?? {});
}
function shapeOf(schema: unknown): Record<string | number, unknown> | undefined {
  const inner = schema as { shape?: Record<string, unknown>; unwrap?: () => unknown } | undefined;
  return inner?.shape ?? (inner?.unwrap === undefined ? undefined : shapeOf(inner.unwrap()));
}

/** Fails at the key or value at `path`; where there is none, at the nearest thing around it. */
export function failAt(
  file: YamlFile,
  path: YamlPath,
  failure: Omit<Failure, "reason" | "source" | "detail" | "path">,
): never {
  const source = positionOf(file, path);
  const shown = path.join(".");
  return fail({
    ...failure,
    reason: file.reason,
    message: `${place(source)}: ${shown === "" ? "" : `${shown}: `}${failure.message.replace(/\.?$/, ".")}`,
    source,
    ...(shown === "" ? {} : { path: shown }),
    detail: excerpt(file, source),
    next: failure.next ?? [`Correct line ${source.line} of ${file.path}.`],
  });
}

const place = (source: SourcePosition): string => `${source.file}:${source.line}:${source.column}`;

/** Position of the key that ends the path, or of the item of a list. */
export function positionOf(file: YamlFile, path: YamlPath): SourcePosition {
  let node: unknown = file.document.contents;
  let offset = isNode(node) ? node.range?.[0] : undefined;
  for (const part of path) {
    if (isMap(node)) {
      const pair = node.items.find(
        ({ key }) => (isScalar(key) ? String(key.value) : String(key)) === String(part),
      );
      if (!isPair(pair)) break;
      if (isNode(pair.key)) offset = pair.key.range?.[0] ?? offset;
      node = pair.value;
    } else if (isSeq(node)) {
      node = node.items[Number(part)];
      if (!isNode(node)) break;
      offset = node.range?.[0] ?? offset;
    } else break;
  }
  return positionAt(file, offset ?? 0);
}

function positionAt(file: YamlFile, offset: number): SourcePosition {
  const { line, col } = file.lines.linePos(offset);
  return { file: basename(file.path), line: Math.max(line, 1), column: Math.max(col, 1) };
}

/** The line and a caret below the column. */
function excerpt(file: YamlFile, { line, column }: SourcePosition): string {
  const text = (file.text.split("\n")[line - 1] ?? "").replace(/\r$/, "");
  const gutter = `${line} | `;
  // Tabs are kept, so that the caret stands where the terminal puts the character.
  const pad = text.slice(0, column - 1).replace(/[^\t]/g, " ");
  return `${gutter}${text}\n${" ".repeat(gutter.length)}${pad}^`;
}

/** The changed document as text: comments and order as they were, indentation as the file has it. */
export function printYaml(file: YamlFile): string {
  const indent = /^( +)[^\s#-]/m.exec(file.text)?.[1]?.length ?? 2;
  const indentSeq = !/^(\s*)[^\s#-][^\n]*:[ \t]*\r?\n\1- /m.test(file.text);
  const text = file.document.toString({ lineWidth: 0, indent: Math.min(indent, 8), indentSeq });
  return file.text.includes("\r\n") ? text.replaceAll(/\r?\n/g, "\r\n") : text;
}

/** The file is as it was or as it shall be, never in between. Follows links; keeps the file's mode. */
export async function writeFileAtomically(path: string, text: string, newMode = 0o644): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  const target = await realpath(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return path;
    throw error;
  });
  const mode = await stat(target).then(
    (found) => found.mode & 0o777,
    (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") return undefined;
      throw error;
    },
  );
  const temporary = `${target}.${randomUUID()}.new`;
  try {
    const file = await open(temporary, "wx", mode ?? newMode);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    // The mode given to open is cut by the process's mask.
    if (mode !== undefined) await chmod(temporary, mode);
    await rename(temporary, target);
  } finally {
    await rm(temporary, { force: true });
  }
}
