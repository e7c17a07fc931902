/** Where in the user's files: source maps, frames of stack traces, the position of a resource. */
import Module from "node:module";
import { sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Frame } from "../protocol.js";

/** What the loader compiled or loaded from outside node_modules, absolute. */
export const userFiles = new Set<string>();

const inPackages = (file: string) => file.includes("/node_modules/") || file.includes("\\node_modules\\");
export const isUserFile = (file: string): boolean => userFiles.has(file) && !inPackages(file);

/** The program's folder is the current one by the time it makes resources. */
const isLinked = (file: string): boolean => !file.startsWith(process.cwd() + sep);

/** Has Node map stack traces of the user's files. Called once the SDK is loaded, so that its files are not looked at. */
export function mapStackTraces(): void {
  const support = (
    Module as unknown as { setSourceMapsSupport?: (on: boolean, options: { nodeModules: boolean }) => void }
  ).setSourceMapsSupport;
  if (support !== undefined) support(true, { nodeModules: false });
  else process.setSourceMapsEnabled(true);
}

interface Position {
  readonly uri: string;
  readonly line: number;
  readonly column: number;
}
/** Loops make many resources in one place. */
const known = new Map<string, Position>();

const plainPath = (file: string): string => (file.startsWith("file:") ? fileURLToPath(file) : file);

const dynamicBase = /@pulumi[\\/]pulumi[\\/]dynamic[\\/]index\.js$/;

/**
 * Where the program makes the resource that is being constructed: the first of its frames, but not the constructor of its own
 * resource class. `below` is the function that asks. Nearly always one of the first few frames, and each costs.
 */
export function resourcePosition(below: (...args: never[]) => unknown): Position | undefined {
  return lookFor(below, 5) ?? lookFor(below, 30);
}

const callSites = (_: Error, sites: NodeJS.CallSite[]) => sites;

function lookFor(below: (...args: never[]) => unknown, limit: number): Position | undefined {
  const { prepareStackTrace, stackTraceLimit } = Error;
  Error.stackTraceLimit = limit;
  Error.prepareStackTrace = callSites;
  const holder: { stack?: unknown } = {};
  Error.captureStackTrace(holder, below);
  const sites = holder.stack as NodeJS.CallSite[] | string | undefined;
  Error.prepareStackTrace = prepareStackTrace;
  Error.stackTraceLimit = stackTraceLimit;
  if (!Array.isArray(sites)) return undefined;
  let classes = 0;
  let own: NodeJS.CallSite | undefined;
  for (const site of sites) {
    const name = site.getFileName();
    if (!name) continue;
    const file = plainPath(name);
    if (!isUserFile(file)) {
      // A class from a package is the resource's own: the next frame is the program's. A dynamic resource's own is the next.
      if (inPackages(file) && site.isConstructor() && !dynamicBase.test(file)) classes++;
      continue;
    }
    // Resource and CustomResource or ComponentResource only: this is the program's own class, called from the next frame. Classes of a
    // package that is linked into node_modules are not the program's, however many extend each other.
    if (site.isConstructor() && classes <= 2 && (own === undefined || isLinked(file))) {
      own ??= site;
      continue;
    }
    return mapped(file, site);
  }
  // The caller of the class may be further up; there is none where the stack was not cut off.
  if (own === undefined || sites.length === limit) return undefined;
  return mapped(plainPath(own.getFileName() as string), own);
}

function mapped(file: string, site: NodeJS.CallSite): Position {
  const name = site.getFileName() as string;
  const line = site.getLineNumber() ?? 1;
  const column = site.getColumnNumber() ?? 1;
  const key = `${name}:${line}:${column}`;
  let position = known.get(key);
  if (position === undefined) {
    const source = original(name, line, column);
    position = { uri: pathToFileURL(source?.file ?? file).href, line, column };
    if (source !== undefined) position = { ...position, line: source.line, column: source.column };
    known.set(key, position);
  }
  return position;
}

function original(name: string, line: number, column: number) {
  const entry = Module.findSourceMap(name)?.findEntry(line - 1, column - 1);
  if (entry === undefined || !("originalSource" in entry) || entry.originalSource === undefined)
    return undefined;
  return {
    file: plainPath(entry.originalSource),
    line: entry.originalLine + 1,
    column: entry.originalColumn + 1,
  };
}

/** The user's own frames of a stack trace that Node has already mapped. */
export function userFrames(stack: string | undefined): Frame[] {
  const frames: Frame[] = [];
  for (const text of (stack ?? "").split("\n")) {
    const match =
      /^\s*at (?:async )?(?:(?<fn>.*?) \()?(?<file>(?:file:\/\/|\/|[A-Za-z]:\\)[^()]*?):(?<line>\d+):(?<column>\d+)\)?$/.exec(
        text,
      )?.groups;
    if (match === undefined) continue;
    const file = plainPath(match.file as string);
    if (!isUserFile(file)) continue;
    const fn = match.fn?.replace(/^async /, "");
    frames.push({
      file,
      line: Number(match.line),
      column: Number(match.column),
      ...(fn && !/^Object\.<anonymous>$|^Module\./.test(fn) ? { function: fn } : {}),
    });
  }
  return frames;
}
