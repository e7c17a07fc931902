/** YAML documents with a schema: what is wrong is said with its file, line and field. */
import { isMap, isNode, isPair, LineCounter, parseAllDocuments, type YAMLMap } from "yaml";
import type { z } from "zod";

/** One thing that is wrong. */
export interface Problem {
  readonly source: string;
  /** From 1. */
  readonly line: number;
  /** Such as `equipment.laptop`; empty for the document itself. */
  readonly field: string;
  readonly message: string;
}

/** A value that came from a document, and where its fields stand. */
export interface Located<T> {
  readonly value: T;
  problem(path: readonly PropertyKey[], message: string): Problem;
}

/** Stops the program. Everything that is wrong is told at once. */
export class WrongDocuments extends Error {
  override readonly name = "WrongDocuments";
  constructor(readonly problems: readonly Problem[]) {
    super(
      [...problems]
        .sort((a, b) => (a.source === b.source ? a.line - b.line : a.source < b.source ? -1 : 1))
        .map(
          ({ source, line, field, message }) => `${source}:${line}: ${field ? `${field}: ` : ""}${message}`,
        )
        .join("\n"),
    );
  }
}

/**
 * The documents of a text (YAML 1.2, so JSON too), each as the schema says.
 * @param source for messages: the file's name
 */
export function readDocuments<T>(
  text: string,
  source: string,
  schema: z.ZodType<T>,
): { readonly documents: readonly Located<T>[]; readonly problems: readonly Problem[] } {
  const lines = new LineCounter();
  const documents: Located<T>[] = [];
  const problems: Problem[] = [];
  // `undefined` values would mean an empty text, for which there is nothing to read.
  for (const document of parseAllDocuments(text, { lineCounter: lines, prettyErrors: false })) {
    const lineAt = (offset: number) => Math.max(1, lines.linePos(offset).line);
    for (const { message, pos } of document.errors)
      problems.push({ source, line: lineAt(pos[0]), field: "", message });
    if (document.errors.length > 0) continue;
    const problem = (path: readonly PropertyKey[], message: string): Problem => ({
      source,
      line: lineAt(startOf(document.contents, path)),
      field: path.map(String).join("."),
      message,
    });
    const isMissing = ({ code, path }: z.core.$ZodIssue) =>
      code === "invalid_type" && path.length > 0 && !document.hasIn(path);
    const parsed = schema.safeParse(document.toJS());
    if (parsed.success) documents.push({ value: parsed.data, problem });
    else
      for (const issue of parsed.error.issues) {
        // A key that is not known is where it stands, and not where its object begins.
        const unknown = issue.code === "unrecognized_keys" ? issue.keys : [undefined];
        for (const key of unknown)
          problems.push(
            key === undefined
              ? problem(issue.path, `${isMissing(issue) ? "missing: " : ""}${issue.message}`)
              : problem([...issue.path, key], "there is no such field"),
          );
      }
  }
  return { documents, problems };
}

/** Where a field begins; of one that is missing, what should hold it. */
function startOf(contents: unknown, path: readonly PropertyKey[]): number {
  let at = isNode(contents) ? (contents.range?.[0] ?? 0) : 0;
  let node: unknown = contents;
  for (const part of path) {
    if (isMap(node)) {
      const pair = (node as YAMLMap).items.find(
        (item) =>
          isPair(item) && String((item.key as { value?: unknown })?.value ?? item.key) === String(part),
      );
      if (pair === undefined) return at;
      at = isNode(pair.key) ? (pair.key.range?.[0] ?? at) : at;
      node = pair.value;
    } else {
      const item = (node as { items?: readonly unknown[] } | undefined)?.items?.[Number(part)];
      if (!isNode(item)) return at;
      at = item.range?.[0] ?? at;
      node = item;
    }
  }
  return at;
}
