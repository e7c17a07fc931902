/** Reads as much of a tsconfig.json as running a program needs: compiler options, `extends`, `paths`, comments. */
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, isAbsolute, join, resolve } from "node:path";

export interface TsConfig {
  readonly compilerOptions: Readonly<Record<string, unknown>>;
  /** Absolute; where specifiers that are not relative are looked for too. */
  readonly baseUrl?: string;
  /** Pattern (`@app/*`) → absolute patterns, longest prefix first. */
  readonly paths: readonly { readonly pattern: string; readonly targets: readonly string[] }[];
}

/** The tsconfig of a program, or an empty one. Throws a SyntaxError that names the file when it is not JSON with comments. */
export function readTsConfig(programDir: string): TsConfig {
  const named = process.env.PULUMI_NODEJS_TSCONFIG_PATH;
  const file = resolve(programDir, named ?? "tsconfig.json");
  if (!existsSync(file)) return { compilerOptions: {}, paths: [] };
  return read(file, 0);
}

function read(file: string, depth: number): TsConfig {
  const dir = dirname(file);
  let json: { extends?: string | string[]; compilerOptions?: Record<string, unknown> };
  try {
    json = JSON.parse(stripComments(readFileSync(file, "utf8")) || "{}") as typeof json;
  } catch (error) {
    throw new SyntaxError(`${file}: ${(error as Error).message}`);
  }
  let base: TsConfig = { compilerOptions: {}, paths: [] };
  // A chain this long refers to itself.
  if (depth < 16) {
    for (const parent of json.extends === undefined ? [] : [json.extends].flat()) {
      const found = findParent(parent, dir);
      if (found !== undefined) {
        const next = read(found, depth + 1);
        base = { ...base, ...next, compilerOptions: { ...base.compilerOptions, ...next.compilerOptions } };
      }
    }
  }
  const own = json.compilerOptions ?? {};
  const baseUrl = typeof own.baseUrl === "string" ? resolve(dir, own.baseUrl) : base.baseUrl;
  const paths =
    own.paths === undefined
      ? base.paths
      : Object.entries(own.paths as Record<string, string[]>)
          .map(([pattern, targets]) => ({
            pattern,
            targets: targets.map((target) => resolve(baseUrl ?? dir, target)),
          }))
          .sort((a, b) => b.pattern.indexOf("*") - a.pattern.indexOf("*"));
  return {
    compilerOptions: { ...base.compilerOptions, ...own },
    ...(baseUrl === undefined ? {} : { baseUrl }),
    paths,
  };
}

function findParent(name: string, dir: string): string | undefined {
  if (name.startsWith(".") || isAbsolute(name)) {
    const file = resolve(dir, name);
    return [file, `${file}.json`, join(file, "tsconfig.json")].find(
      (path) => path.endsWith(".json") && existsSync(path),
    );
  }
  const require = createRequire(join(dir, "tsconfig.json"));
  for (const path of [name, `${name}.json`, `${name}/tsconfig.json`]) {
    try {
      return require.resolve(path);
    } catch {
      // A preset that is not installed changes only how the editor checks types; what it would set has defaults here.
    }
  }
  return undefined;
}

/** JSON with comments and trailing commas → JSON. Leaves strings alone and keeps line numbers. */
export function stripComments(text: string): string {
  let out = "";
  let i = text.charCodeAt(0) === 0xfeff ? 1 : 0;
  while (i < text.length) {
    const c = text[i] as string;
    if (c === '"') {
      const start = i++;
      while (i < text.length && text[i] !== '"') i += text[i] === "\\" ? 2 : 1;
      out += text.slice(start, ++i);
    } else if (c === "/" && text[i + 1] === "/") {
      while (i < text.length && text[i] !== "\n") i++;
    } else if (c === "/" && text[i + 1] === "*") {
      const end = text.indexOf("*/", i + 2);
      const stop = end < 0 ? text.length : end + 2;
      out += text.slice(i, stop).replace(/[^\n]/g, "");
      i = stop;
    } else {
      out += c;
      i++;
    }
  }
  // Commas before a closing bracket; strings are skipped by matching them first.
  return out.replace(/("(?:\\.|[^"\\])*")|,(?=\s*[\]}])/g, (_, string?: string) => string ?? "");
}
