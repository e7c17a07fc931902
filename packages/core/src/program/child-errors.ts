/** What the child reports as failures that say what, where and what to do. */
import { readdirSync, readFileSync } from "node:fs";
import { isBuiltin } from "node:module";
import { basename, dirname, isAbsolute, join, relative, resolve } from "node:path";
import type { Failure } from "../model/failure.js";
import type { SourcePosition } from "../model/resource.js";
import { didYouMean } from "../state/closest.js";
import type { ChildError, Frame, FromChild } from "./protocol.js";
import { type Known, missingConfig, sdkFailure } from "./sdk-errors.js";
import { openSource } from "./source-place.js";

export interface ProgramPlace extends Known {
  readonly projectDir: string;
  readonly programDir: string;
}

/** A path inside the program's folder is told from there; another stays absolute. */
export function relativeTo(dir: string, file: string): string {
  const path = relative(dir, file);
  return path === "" || path.startsWith("..") || isAbsolute(path) ? file : path;
}

export function sourceOf(frame: Frame, place: Pick<ProgramPlace, "programDir">): SourcePosition {
  return { file: relativeTo(place.programDir, frame.file), line: frame.line, column: frame.column };
}

const frameText = (frame: Frame, place: Pick<ProgramPlace, "programDir">): string => {
  const at = `${relativeTo(place.programDir, frame.file)}:${frame.line}:${frame.column}`;
  return frame.function === undefined ? `at ${at}` : `at ${frame.function} (${at})`;
};

export const framesText = (frames: readonly Frame[], place: Pick<ProgramPlace, "programDir">): string =>
  frames.map((frame) => frameText(frame, place)).join("\n");

export function childFailure(error: ChildError, place: ProgramPlace): Failure {
  const [first] = error.frames;
  const where = first === undefined ? {} : { source: sourceOf(first, place) };
  const detail = error.frames.length === 0 ? {} : { detail: framesText(error.frames, place) };
  switch (error.kind) {
    case "sdk":
      return {
        reason: "module-missing",
        message: "The program's folder has no @pulumi/pulumi, which every program needs.",
        expected: `@pulumi/pulumi in node_modules of ${place.programDir} or a folder above it`,
        next: [`npm install @pulumi/pulumi (in ${place.programDir})`],
      };
    case "entry":
      return {
        reason: "program-missing",
        message: `There is no program to run in ${place.programDir}.`,
        expected:
          error.message === "index.ts"
            ? "index.ts, index.js or an entry point named by `main` in package.json or the project file"
            : `the file ${error.message}, which the project file names`,
        next: [
          "Write the program's entry file, or run `orch new` in an empty folder to start from a template.",
        ],
      };
    case "module":
      return moduleFailure(error, place, where);
    case "config":
      return missingConfig(error.subject ?? "", error.secret === true, where, place);
    case "syntax": {
      const at = first === undefined ? "" : ` in ${frameText(first, place).slice(3)}`;
      return {
        reason: "program-error",
        message: `Syntax error${at}: ${error.message}`,
        ...where,
        ...(error.excerpt === undefined ? {} : { detail: error.excerpt }),
        ...(/[Tt]op-level await/.test(error.message)
          ? {
              next: [
                'Set "type": "module" in the program\'s package.json or name the file .mts; CommonJS has no top-level await.',
              ],
            }
          : {}),
      };
    }
    case "run":
      // The SDK promises that it ends a program with its message alone, without the source.
      return sdkFailure(error.message, where, place) ?? { reason: "program-error", message: error.message };
    case "resource":
      return {
        reason: "program-error",
        message: error.message,
        ...(error.urn === undefined ? {} : { urn: error.urn }),
        ...where,
        ...detail,
      };
    case "error":
      if (/^Cannot access '[^']+' before initialization$/.test(error.message)) return tooEarly(error, place);
      return (
        sdkFailure(error.message, where, place) ?? {
          ...near(error),
          reason: "program-error",
          message:
            error.name === "Error" || error.name === "string"
              ? error.message
              : `${error.name}: ${error.message}`,
          ...where,
          ...detail,
        }
      );
  }
}

function moduleFailure(error: ChildError, place: ProgramPlace, where: { source?: SourcePosition }): Failure {
  const specifier = error.subject ?? "";
  const importer = error.importer === undefined ? undefined : relativeTo(place.programDir, error.importer);
  const from = importer === undefined ? "" : `, which ${importer} imports`;
  const at =
    where.source ?? (error.importer === undefined ? undefined : importOf(error.importer, specifier, place));
  const source = at === undefined ? {} : { source: at };
  if (/^(\.{1,2}(\/|$)|\/|[A-Za-z]:\\|file:)/.test(specifier)) {
    return {
      reason: "module-missing",
      message: `Cannot find the file ${relativeTo(place.programDir, specifier)}${from}.`,
      ...source,
      next: [
        ...didYouMean(basename(specifier), filesIn(dirname(specifier))),
        "Correct the path in the import, or add the file.",
      ],
    };
  }
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  const install = isBuiltin(name) ? [] : [`npm install ${name} (in ${place.programDir})`];
  return {
    reason: "module-missing",
    message: `Cannot find the package ${name}${specifier === name ? "" : ` (${specifier})`}${from}.`,
    ...source,
    next: [
      ...didYouMean(name, dependenciesOf(place)),
      ...install,
      "If it is an alias of tsconfig.json, check `paths` and `baseUrl` there.",
    ],
  };
}

/** The text in the importing file that names the module: the error has no place. */
function importOf(importer: string, specifier: string, place: ProgramPlace): SourcePosition | undefined {
  const lines = linesOf(importer);
  for (const [i, line] of lines.entries())
    for (const { index, 1: named = "" } of line.matchAll(/["']([^"']+)["']/g))
      if (named === specifier || (named.startsWith(".") && resolve(dirname(importer), named) === specifier))
        return { file: relativeTo(place.programDir, importer), line: i + 1, column: index + 1 };
  return undefined;
}

function linesOf(file: string): readonly string[] {
  try {
    return readFileSync(file, "utf8").split("\n");
  } catch {
    return []; // The error is told without its line.
  }
}

/** Names of modules in a folder, as they are imported. */
function filesIn(dir: string): readonly string[] {
  try {
    return readdirSync(dir).map((file) => file.replace(/\.(?:[cm]?[jt]sx?|json)$/, ""));
  } catch {
    return []; // There is no such folder either.
  }
}

/** What the package.json of the program or of its project asks for. */
function dependenciesOf({ programDir, projectDir }: ProgramPlace): readonly string[] {
  return [programDir, projectDir].flatMap((dir) => {
    try {
      const { dependencies = {}, devDependencies = {} } = JSON.parse(
        readFileSync(join(dir, "package.json"), "utf8"),
      ) as Record<string, object | undefined>;
      return [...Object.keys(dependencies), ...Object.keys(devDependencies)];
    } catch {
      return []; // None, or a broken one: there is nothing to suggest.
    }
  });
}

export function hangingFailure(
  hanging: NonNullable<Extract<FromChild, { type: "finished" }>["hanging"]>,
): Failure {
  const { pending, explanation } = hanging;
  const list = pending.map((entry) => {
    const type = entry.type === "" ? "" : ` [${entry.type}]`;
    return `- ${entry.name}${type} waits for ${entry.waiting}`;
  });
  const what =
    pending.length > 0
      ? `${pending.length} resource${pending.length === 1 ? "" : "s"} could never be registered`
      : hanging.program
        ? "its own top-level promise never settles"
        : "a call to the engine was left unfinished";
  return {
    reason: "program-hanging",
    message: `The program ended with promises that nothing can settle any more: ${what}.`,
    ...(list.length === 0 && explanation === undefined
      ? {}
      : { detail: [...list, ...(explanation === undefined ? [] : [explanation])].join("\n") }),
    next: [
      pending.length > 1
        ? "Look for resources that wait for each other in a circle, and for inputs from promises that are never resolved."
        : "Look for a promise that is never resolved (a callback that is not called, a missing return).",
      "Run again with ORCH_PROGRAM_DEBUG=1 PULUMI_DEBUG_PROMISE_LEAKS=1 to see where each of them was made.",
    ],
  };
}

/** Of a misspelt name, those that are there. */
function near({ name, message, frames, candidates }: ChildError): { readonly next?: readonly string[] } {
  const [first] = frames;
  const variable = name === "ReferenceError" ? /^(\S+) is not defined$/.exec(message)?.[1] : undefined;
  const member = /^\S+\.(\w+) is not a (?:constructor|function)$/.exec(message)?.[1];
  let next: string[] = [];
  if (member !== undefined) next = didYouMean(member, candidates ?? []);
  else if (variable !== undefined && first !== undefined) next = didYouMean(variable, namesAt(first));
  return next.length === 0 ? {} : { next };
}

function namesAt({ file, line, column }: Frame): readonly string[] {
  try {
    return openSource(file, readFileSync(file, "utf8"))?.namesAt({ line, column }) ?? [];
  } catch {
    return []; // The file is gone meanwhile: the error is told without it.
  }
}

/** A `const` or a class that is used before its line was reached: in one file, or by files that import each other. */
function tooEarly(error: ChildError, place: ProgramPlace): Failure {
  const name = /'([^']+)'/.exec(error.message)?.[1] ?? "";
  // What an import stands for is a getter in the file that it comes from.
  const getter = ({ function: called }: Frame): boolean =>
    called === `Object.${name}` || called === `Object.get [as ${name}]`;
  const [of] = error.frames.filter(getter);
  const frames = error.frames.filter((frame) => !getter(frame));
  const [first] = frames;
  const circle = of !== undefined && first !== undefined && of.file !== first.file;
  const files = circle
    ? ([of.file, first.file].map((file) => relativeTo(place.programDir, file)) as [string, string])
    : undefined;
  return {
    reason: "program-error",
    message: files
      ? `${files[1]} uses ${name} of ${files[0]} before it is made: the two files import each other, directly or through others.`
      : `${name} is used before it is made.`,
    ...(first === undefined ? {} : { source: sourceOf(first, place), detail: framesText(frames, place) }),
    next: [
      files
        ? `Move ${name} into a file of its own that both import.`
        : `Move the declaration of ${name} up, above what uses it.`,
    ],
  };
}
