/**
 * Turns one file of the user's into JavaScript that Node runs, with a source map inside. esbuild, a file at a time: no bundle, no
 * type check.
 */
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { createRequire } from "node:module";
import { extname, join } from "node:path";
import type { TsConfig } from "./tsconfig.js";

export type Format = "cjs" | "esm";
export interface SourceFile {
  readonly file: string;
  readonly source: string;
  readonly format: Format;
}

/** A file that can't be compiled. Lines and columns count from 1. */
export class CompileError extends Error {
  constructor(
    message: string,
    readonly file: string,
    readonly line: number,
    readonly column: number,
    readonly lineText: string,
    /** How many characters of the line are wrong. */
    readonly length: number,
  ) {
    super(message);
    this.name = "SyntaxError";
  }
}

interface EsbuildError {
  readonly errors?: readonly {
    readonly text: string;
    readonly location: {
      file: string;
      line: number;
      column: number;
      length: number;
      lineText: string;
    } | null;
  }[];
}
interface Esbuild {
  readonly version: string;
  transformSync(code: string, options: object): { code: string };
  transform(code: string, options: object): Promise<{ code: string }>;
  stop(): Promise<void>;
}
interface TypeScript {
  transpileModule(code: string, options: object): { outputText: string };
}

const here = createRequire(import.meta.url);
/** Part of the key of cached output: raise it when the output for the same input changes. */
const revision = 1;

export class Compiler {
  readonly #settings: string;
  #esbuild: Esbuild | undefined;
  #pruned = false;
  /** Key → what was compiled ahead in this run. */
  readonly #ahead = new Map<string, string>();

  constructor(
    readonly tsconfig: TsConfig,
    /** Where compiled files are kept between runs: starting esbuild takes longer than loading a whole small program. */
    readonly cacheDir: string | undefined,
  ) {
    const { compilerOptions: options } = tsconfig;
    const kept: Record<string, unknown> = {
      // With ES2022 fields, `readonly x!: Output<T>` would overwrite what the SDK's constructor assigned with undefined.
      useDefineForClassFields: false,
    };
    for (const name of [
      "experimentalDecorators",
      "jsx",
      "jsxFactory",
      "jsxFragmentFactory",
      "jsxImportSource",
      "preserveValueImports",
      "importsNotUsedAsValues",
      "verbatimModuleSyntax",
      "alwaysStrict",
    ]) {
      if (options[name] !== undefined) kept[name] = options[name];
    }
    this.#settings = JSON.stringify({ compilerOptions: kept });
  }

  /** JavaScript with an inline source map. Throws a {@link CompileError}. */
  compile(file: string, source: string, format: Format): string {
    const typescript = this.#needsTypeScript(source);
    const key = this.#keyOf(file, source, format, typescript);
    const cached = this.#ahead.get(key) ?? this.#cached(key);
    if (cached !== undefined) return cached;
    const code = typescript ? this.#typescript(file, source, format) : this.#transform(file, source, format);
    this.#keep(key, code);
    return code;
  }

  /**
   * Hands these files to one esbuild process that works beside this one, as far as they are not in the cache: a process for each of them, started when it is
   * needed, would cost 0.1 to 0.2 s. Resolves when all are done; what can't be compiled says so when its turn comes.
   */
  async compileAhead(files: readonly SourceFile[]): Promise<void> {
    const missing = files
      .filter(({ source }) => !this.#needsTypeScript(source))
      .map((file) => ({ ...file, key: this.#keyOf(file.file, file.source, file.format, false) }))
      .filter(({ key }) => !this.#isCached(key));
    if (missing.length === 0) return;
    this.#esbuild ??= here("esbuild") as Esbuild;
    const { transform, stop } = this.#esbuild;
    await Promise.all(
      missing.map(async ({ file, source, format, key }) => {
        const result = await transform(source, this.#optionsFor(file, format)).catch(() => undefined);
        if (result === undefined) return;
        const code = format === "cjs" ? plainImports(result.code) : result.code;
        this.#ahead.set(key, code);
        this.#keep(key, code);
      }),
    );
    await stop();
  }

  /** esbuild's output for the `lazyLoad(exports, …)` of generated SDKs has no classes where they are looked for, and it knows no decorator metadata. */
  #needsTypeScript(source: string): boolean {
    return (
      /\blazyLoad\(exports\b/.test(source) ||
      (this.tsconfig.compilerOptions.emitDecoratorMetadata === true && /^\s*@\w/m.test(source))
    );
  }

  #keyOf(file: string, source: string, format: Format, typescript: boolean): string {
    return createHash("sha256")
      .update(
        `${revision} ${here("esbuild/package.json").version} ${process.versions.node} ${format} ${typescript}`,
      )
      .update(`${this.#settings} ${file}\0${source}`)
      .digest("hex");
  }

  #optionsFor(file: string, format: Format): object {
    return {
      loader: loaderOf(file),
      format,
      sourcefile: file,
      sourcemap: "inline",
      sourcesContent: false,
      target: `node${process.versions.node}`,
      tsconfigRaw: this.#settings,
      logLevel: "silent",
    };
  }

  #transform(file: string, source: string, format: Format): string {
    this.#esbuild ??= here("esbuild") as Esbuild;
    try {
      const { code } = this.#esbuild.transformSync(source, this.#optionsFor(file, format));
      return format === "cjs" ? plainImports(code) : code;
    } catch (error) {
      const first = (error as EsbuildError).errors?.[0];
      if (first === undefined) throw error;
      const at = first.location;
      throw new CompileError(
        first.text,
        file,
        at?.line ?? 1,
        (at?.column ?? 0) + 1,
        at?.lineText ?? "",
        at?.length ?? 1,
      );
    }
  }

  #typescript(file: string, source: string, format: Format): string {
    const typescript = here("typescript") as TypeScript;
    return typescript.transpileModule(source, {
      fileName: file,
      compilerOptions: {
        ...(JSON.parse(this.#settings) as { compilerOptions: object }).compilerOptions,
        emitDecoratorMetadata: this.tsconfig.compilerOptions.emitDecoratorMetadata === true,
        esModuleInterop: this.tsconfig.compilerOptions.esModuleInterop === true,
        module: format === "cjs" ? 1 : 99,
        target: 9,
        inlineSourceMap: true,
      },
    }).outputText;
  }

  #isCached(key: string): boolean {
    return this.cacheDir !== undefined && existsSync(join(this.cacheDir, key));
  }

  #cached(key: string): string | undefined {
    if (this.cacheDir === undefined) return undefined;
    try {
      return readFileSync(join(this.cacheDir, key), "utf8");
    } catch {
      // Not compiled yet, or the cache can't be read: compiling it is always right.
      return undefined;
    }
  }

  #keep(key: string, code: string): void {
    if (this.cacheDir === undefined) return;
    try {
      mkdirSync(this.cacheDir, { recursive: true, mode: 0o700 });
      const file = join(this.cacheDir, key);
      const part = `${file}.${process.pid}`;
      writeFileSync(part, code, { mode: 0o600 });
      renameSync(part, file);
      if (!this.#pruned) prune(this.cacheDir);
      this.#pruned = true;
    } catch {
      // A read-only home or a full disk costs only the time to compile again.
    }
  }
}

/** Every edit of a file leaves its old form behind: the oldest half goes once there are many. */
function prune(dir: string): void {
  const names = readdirSync(dir);
  if (names.length < 2000) return;
  const aged = names
    .map((name) => ({ name, at: statSync(join(dir, name)).mtimeMs }))
    .sort((a, b) => a.at - b.at);
  for (const { name } of aged.slice(0, names.length / 2)) rmSync(join(dir, name), { force: true });
}

function loaderOf(file: string): string {
  const extension = extname(file);
  if (extension === ".tsx" || extension === ".jsx") return extension.slice(1);
  return /^\.[cm]?ts$/.test(extension) ? "ts" : "js";
}

/**
 * esbuild wraps what a file imports in a new object (`__toESM`). Functions that the SDK serialises (dynamic providers, callbacks)
 * capture imports, and it knows them as modules only by identity: as TypeScript has it, they are required again where the
 * function runs; with the wrapper, it would serialise the module. So there is no wrapper where its `default` isn't used, and
 * TypeScript's simple one where nothing else is. Lines stay where they are, for the source map.
 */
function plainImports(code: string): string {
  return code.replace(
    /^((?:var|const|let) (\w+) = )__toESM\((require\((?:"[^"\n]*"|'[^'\n]*')\))(?:, 1)?\);$/gm,
    (line, head: string, name: string, require: string) => {
      const uses = [...code.matchAll(new RegExp(`\\b${name}\\b(?:\\.(\\w+))?`, "g"))].slice(1);
      const defaults = uses.filter((use) => use[1] === "default").length;
      if (defaults === 0) return `${head}${require};`;
      if (defaults < uses.length) return line;
      return `${head}((mod) => mod && mod.__esModule ? mod : { default: mod })(${require});`;
    },
  );
}
