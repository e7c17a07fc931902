// Joins the compiled command line, the engine, the providers and the libraries that they need at once into a few files:
// reading some 700 small modules takes longer than a plan. `bin/orch.js` uses the result when it is not older than what it
// was made from, and the separate modules otherwise, so that nothing depends on it but time.

import { readFileSync, renameSync, rmSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const cli = join(dirname(fileURLToPath(import.meta.url)), "..");
const final = join(cli, "dist", "bundle");
// Made beside its place, so that an orch that starts meanwhile finds all of it or nothing.
const outdir = `${final}.${process.pid}.new`;

/**
 * Code that looks for files beside itself (the program's child process) must find those of its own package: its
 * `import.meta.url` is resolved by name at run time, in the workspace as in an installation.
 */
const ownPlace = {
  name: "own-place",
  setup({ onLoad }) {
    onLoad({ filter: /packages[\\/](core|providers)[\\/]dist[\\/].*\.js$/ }, ({ path }) => {
      const text = readFileSync(path, "utf8");
      if (!text.includes("import.meta.url")) return undefined;
      const [, name, inner] = /packages[\\/](core|providers)[\\/]dist[\\/](.*)\.js$/.exec(path);
      const specifier = `@orch/${name}/${inner.replaceAll("\\", "/")}`;
      return {
        contents: text.replaceAll("import.meta.url", `import.meta.resolve(${JSON.stringify(specifier)})`),
      };
    });
  },
};

const common = {
  outdir,
  bundle: true,
  format: "esm",
  platform: "node",
  target: "node22.20",
  plugins: [ownPlace],
};

// By itself, so that it is one small file.
await build({ ...common, entryPoints: [join(cli, "dist", "early.js")], logLevel: "warning" });
const { metafile } = await build({
  ...common,
  entryPoints: [join(cli, "dist", "main.js")],
  splitting: true,
  // Loaded seldom, large, native, or needing files of their own.
  external: [
    "@grpc/grpc-js",
    "@opentelemetry/exporter-*",
    "@opentelemetry/resources",
    "@opentelemetry/sdk-*",
    "@pulumi/*",
    "cpu-features",
    "elkjs",
    "esbuild",
    "google-protobuf",
    "open",
    "ssh2",
    "typescript",
  ],
  // CommonJS libraries inside ask for Node's modules with `require`.
  banner: {
    js: 'import { createRequire as orchCreateRequire } from "node:module";const require = orchCreateRequire(import.meta.url);',
  },
  chunkNames: "chunk-[hash]",
  metafile: true,
  logLevel: "warning",
});
// Scripts and styles of the pages that orch writes: each is put into a page whole.
await build({
  outdir: join(cli, "dist", "pages"),
  bundle: true,
  minify: true,
  charset: "utf8",
  format: "iife",
  platform: "browser",
  target: "es2022",
  legalComments: "none",
  entryPoints: ["graph.ts", "timeline.ts", "page.css"].map((file) => join(cli, "pages", file)),
  logLevel: "warning",
});
rmSync(final, { recursive: true, force: true });
renameSync(outdir, final);
if (process.argv.includes("--sizes"))
  for (const [file, { bytes }] of Object.entries(metafile.outputs))
    process.stdout.write(
      `${String(Math.round(bytes / 1000)).padStart(6)} kB  ${relative(outdir, join(process.cwd(), file))}\n`,
    );
