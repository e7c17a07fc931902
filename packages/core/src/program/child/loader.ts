/**
 * Lets Node load the user's files as they are written: TypeScript, ES modules and CommonJS, `paths` of tsconfig.json, imports
 * without an extension, `.js` for `.ts`.
 */
import { existsSync, readFileSync, statSync } from "node:fs";
import Module from "node:module";
import { dirname, extname, isAbsolute, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Compiler, type Format, type SourceFile } from "./compile.js";
import { userFiles } from "./positions.js";
import { shareStore } from "./sdk.js";
import { readTsConfig, type TsConfig } from "./tsconfig.js";
import { placePositions } from "./tuning.js";

/** Where a package brings an SDK of its own. */
const otherSdk = /@pulumi[\\/]pulumi[\\/](runtime[\\/]state|resource)\.js$/;
const typescript = /\.[cm]?tsx?$/;
const inPackages = (file: string) => file.includes("/node_modules/") || file.includes("\\node_modules\\");

interface NodeModule {
  readonly exports?: unknown;
  readonly filename?: string | null;
  _compile(code: string, filename: string): void;
}
type Extension = (module: NodeModule, filename: string) => void;
interface NodeLoader {
  readonly _extensions: Record<string, Extension>;
  _resolveFilename(request: string, parent: NodeModule | undefined, ...rest: unknown[]): string;
  registerHooks?(hooks: { resolve: unknown; load: unknown }): void;
}

interface ResolveContext {
  readonly parentURL?: string;
  /** Has `require` where CommonJS asks; that goes the way above. */
  readonly conditions?: readonly string[];
}
interface LoadContext {
  readonly importAttributes?: Readonly<Record<string, string>>;
  readonly conditions?: readonly string[];
}
type Next<C> = (specifier: string, context?: C) => unknown;

export const compilerFor = (programDir: string, cacheDir: string | undefined): Compiler =>
  new Compiler(readTsConfig(programDir), cacheDir);

/** Installs the hooks for files outside node_modules. */
export function installLoader(compiler: Compiler): void {
  const { tsconfig } = compiler;
  const loader = Module as unknown as NodeLoader;
  const jsExtension = loader._extensions[".js"] as Extension;
  const jsonExtension = loader._extensions[".json"] as Extension;
  const resolveFilename = loader._resolveFilename;

  const compileCjs: Extension = (module, filename) => {
    userFiles.add(filename);
    module._compile(compiler.compile(filename, readFileSync(filename, "utf8"), "cjs"), filename);
  };
  for (const extension of [".ts", ".tsx", ".cts", ".jsx"]) {
    loader._extensions[extension] = (module, filename) => {
      // An ES module that CommonJS requires: Node does that itself, through the hooks below.
      if (formatOf(filename) === "esm") jsExtension(module, filename);
      else compileCjs(module, filename);
    };
  }
  loader._extensions[".js"] = (module, filename) => {
    if (inPackages(filename)) {
      jsExtension(module, filename);
      if (otherSdk.test(filename)) {
        shareStore(module.exports as object);
        placePositions(module.exports as object);
      }
      return;
    }
    userFiles.add(filename);
    if (formatOf(filename) === "cjs" && /^\s*(import|export)\b/m.test(readFileSync(filename, "utf8"))) {
      return compileCjs(module, filename);
    }
    return jsExtension(module, filename);
  };
  loader._extensions[".json"] = (module, filename) => {
    if (!inPackages(filename)) userFiles.add(filename);
    return jsonExtension(module, filename);
  };
  loader._resolveFilename = function (this: unknown, request, parent, ...rest) {
    const from = parent?.filename;
    if (from && !inPackages(from)) {
      const file = findUserFile(request, dirname(from), tsconfig);
      if (file !== undefined) return file;
    }
    try {
      return resolveFilename.call(this, request, parent, ...rest);
    } catch (error) {
      const file = from && !inPackages(from) ? underBaseUrl(request, tsconfig) : undefined;
      if (file !== undefined) return file;
      throw error;
    }
  };

  loader.registerHooks?.({
    resolve(specifier: string, context: ResolveContext, next: Next<ResolveContext>) {
      const from = context.parentURL;
      if (
        from === undefined ||
        !from.startsWith("file:") ||
        inPackages(from) ||
        specifier.startsWith("node:")
      )
        return next(specifier, context);
      const path = specifier.startsWith("file:") ? fileURLToPath(specifier) : specifier;
      const file = findUserFile(path, dirname(fileURLToPath(from)), tsconfig);
      if (file !== undefined) return { url: pathToFileURL(file).href, shortCircuit: true };
      try {
        return next(specifier, context);
      } catch (error) {
        const found = underBaseUrl(specifier, tsconfig);
        if (found === undefined) throw error;
        return { url: pathToFileURL(found).href, shortCircuit: true };
      }
    },
    load(url: string, context: LoadContext, next: Next<LoadContext>) {
      if (
        !url.startsWith("file:") ||
        inPackages(url) ||
        (url.endsWith(".json") && context.conditions?.includes("require"))
      ) {
        return next(url, context);
      }
      const file = fileURLToPath(url);
      const extension = extname(file);
      userFiles.add(file);
      if (typescript.test(extension) && extension !== ".cts") {
        const source = compiler.compile(file, readFileSync(file, "utf8"), "esm");
        return { format: "module", source, shortCircuit: true };
      }
      if (extension === ".json" && context.importAttributes?.type !== "json") {
        return {
          format: "module",
          source: `export default ${readFileSync(file, "utf8")};`,
          shortCircuit: true,
        };
      }
      return next(url, context);
    },
  });
}

/** How many files of a program are looked through for what they import. */
const mostFiles = 500;

/** The TypeScript files that a program will load, as far as its imports say so in plain text. The ones that can't be read are left out. */
export function programSources({ file }: Entry, tsconfig: TsConfig): readonly SourceFile[] {
  const found = new Map<string, SourceFile | undefined>();
  const visit = (path: string): void => {
    if (found.has(path) || found.size === mostFiles || inPackages(path) || !typescript.test(path)) return;
    found.set(path, undefined);
    let source: string;
    try {
      source = readFileSync(path, "utf8");
    } catch {
      return; // Whoever loads it says what is wrong with it.
    }
    found.set(path, { file: path, source, format: formatOf(path) });
    for (const [, request] of source.matchAll(/(?:\bfrom|\bimport|\brequire)\s*\(?\s*["']([^"'\n]+)["']/g)) {
      const next = findUserFile(request as string, dirname(path), tsconfig);
      if (next !== undefined) visit(next);
    }
  };
  visit(file);
  return [...found.values()].filter((source) => source !== undefined);
}

/** `.mts`, `.cts` and their like say it; for others the nearest package.json does. */
export function formatOf(file: string): Format {
  if (/\.m[tj]s$/.test(file)) return "esm";
  if (/\.c[tj]s$/.test(file)) return "cjs";
  return packageOf(dirname(file))?.type === "module" ? "esm" : "cjs";
}

interface PackageJson {
  readonly type?: string;
  readonly main?: string;
  readonly exports?: unknown;
}
const packages = new Map<string, PackageJson | undefined>();

function packageOf(dir: string): PackageJson | undefined {
  if (packages.has(dir)) return packages.get(dir);
  const file = join(dir, "package.json");
  let found: PackageJson | undefined;
  if (existsSync(file)) found = JSON.parse(readFileSync(file, "utf8")) as PackageJson;
  else if (dirname(dir) !== dir) found = packageOf(dirname(dir));
  packages.set(dir, found);
  return found;
}

const isFile = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isFile() === true;
const isDirectory = (path: string): boolean =>
  statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

const extensions = [".js", ".json", ".mjs", ".cjs", ".ts", ".tsx", ".mts", ".cts", ".jsx"];

/** A file for a path that may lack its extension, name a folder, or say `.js` for `.ts`. */
function fileFor(path: string): string | undefined {
  if (isFile(path)) return path;
  const written = /^(.*)\.([cm]?)jsx?$/.exec(path);
  if (written !== null) {
    for (const extension of [`.${written[2]}ts`, `.${written[2]}tsx`]) {
      if (isFile(`${written[1]}${extension}`)) return `${written[1]}${extension}`;
    }
  }
  for (const extension of extensions) {
    if (isFile(`${path}${extension}`)) return `${path}${extension}`;
  }
  if (!isDirectory(path)) return undefined;
  const manifest = join(path, "package.json");
  if (isFile(manifest)) {
    const { main } = JSON.parse(readFileSync(manifest, "utf8")) as PackageJson;
    const file = typeof main === "string" ? fileFor(join(path, main)) : undefined;
    if (file !== undefined) return file;
  }
  return indexOf(path);
}

function indexOf(dir: string): string | undefined {
  return extensions.map((extension) => join(dir, `index${extension}`)).find(isFile);
}

/** Undefined: Node's own resolution decides. */
function findUserFile(request: string, dir: string, tsconfig: TsConfig): string | undefined {
  if (/^\.{0,2}\//.test(request) || request === "." || request === ".." || isAbsolute(request)) {
    return fileFor(resolve(dir, request));
  }
  for (const { pattern, targets } of tsconfig.paths) {
    const star = pattern.indexOf("*");
    let middle: string | undefined;
    if (star < 0) middle = request === pattern ? "" : undefined;
    else {
      const [head, tail] = [pattern.slice(0, star), pattern.slice(star + 1)];
      if (request.length >= head.length + tail.length && request.startsWith(head) && request.endsWith(tail))
        middle = request.slice(head.length, request.length - tail.length);
    }
    if (middle === undefined) continue;
    for (const target of targets) {
      const file = fileFor(target.replace("*", middle));
      if (file !== undefined) return file;
    }
  }
  return undefined;
}

const underBaseUrl = (request: string, { baseUrl }: TsConfig): string | undefined =>
  baseUrl === undefined || request.startsWith(".") ? undefined : fileFor(join(baseUrl, request));

export interface Entry {
  readonly file: string;
  readonly format: Format;
  /** Something to tell the user about the choice. */
  readonly warning?: string;
}

/**
 * The file to start with: the one the project names, then package.json's `exports` or `main`, then `index`. Undefined when there
 * is none. Source of the order: pulumi/pulumi `sdk/nodejs/cmd/run/run.ts`.
 */
export function findEntry(programDir: string, named: string | undefined): Entry | undefined {
  const entry = (file: string, warning?: string): Entry => ({
    file,
    format: formatOf(file),
    ...(warning === undefined ? {} : { warning }),
  });
  if (named !== undefined && named !== "" && named !== ".") {
    const file = fileFor(resolve(programDir, named));
    return file === undefined ? undefined : entry(file);
  }
  const manifest = join(programDir, "package.json");
  let warning: string | undefined;
  if (isFile(manifest)) {
    const { main, exports } = JSON.parse(readFileSync(manifest, "utf8")) as PackageJson;
    const root =
      typeof exports === "object" && exports !== null ? (exports as Record<string, unknown>)["."] : exports;
    const conditions = typeof root === "object" && root !== null ? (root as Record<string, unknown>) : {};
    const target =
      typeof root === "string"
        ? root
        : (conditions.default ?? conditions.require ?? conditions.import ?? main);
    if (typeof target === "string") {
      const file = fileFor(join(programDir, target));
      if (file !== undefined) return entry(file);
      warning = `package.json names the entry point ${JSON.stringify(target)}, which does not exist: the index file is used instead`;
    }
  }
  const file = indexOf(programDir);
  if (file === undefined) return undefined;
  if (warning === undefined && file.endsWith("index.js") && isFile(join(programDir, "index.ts"))) {
    warning =
      "there are both index.js and index.ts: index.js is used; name one as `main` in the project file to choose";
  }
  return entry(file, warning);
}
