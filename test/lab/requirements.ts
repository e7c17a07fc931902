import { accessSync, constants, existsSync, globSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test } from "vitest";

const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** What a suite can ask for: names of files in test/lab/tools. */
export type LabNeeds = readonly string[];

type Tool =
  | { readonly kind: "debian"; readonly programs: readonly string[] }
  | { readonly kind: "pypi"; readonly requirements: readonly string[] }
  | { readonly kind: "go"; readonly output: string }
  | { readonly kind: "registry" };

const toolsFolder = join(dirname(fileURLToPath(import.meta.url)), "tools");
const toolNames = readdirSync(toolsFolder).map((file) => file.replace(/\.json$/, ""));

/** One thing that a suite needs and this machine does not have. */
export interface Missing {
  readonly what: string;
  /** What `node test/lab/install.mjs <name>` calls it. */
  readonly name: string;
}

/** Whether the needs of a suite are met, and if not, what that means for the suite. */
export interface LabAnswer {
  readonly missing: readonly Missing[];
  /** One line for people: what is missing and how to get it. Empty when nothing is. */
  readonly reason: string;
  /** With ORCH_LAB=require a missing thing fails the suite; otherwise the suite is skipped, by name and with the reason. */
  readonly required: boolean;
}

const labFolder = (): string => resolve(process.env.ORCH_LAB_DIR ?? join(repositoryRoot, ".lab"));

/** The folder with the binaries that `install.mjs` builds: `.lab/bin` at the repository's root, or `$ORCH_LAB_DIR/bin`. */
export const labBin = (): string => join(labFolder(), "bin");

/** A program of a Python environment that `install.mjs` made. */
export const pypiProgram = (tool: string, program: string): string =>
  join(labFolder(), "pypi", tool, "bin", program);

/** The full path of a program on PATH or where Debian keeps servers; undefined when it is in neither. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), "/usr/sbin", "/sbin"].filter(Boolean);
  return folders.map((folder) => join(folder, name)).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** What of a tool this machine does not have, for people. */
function missingOf(name: string): readonly string[] {
  if (!toolNames.includes(name)) throw new Error(`there is no test/lab/tools/${name}.json`);
  const tool = JSON.parse(readFileSync(join(toolsFolder, `${name}.json`), "utf8")) as Tool;
  switch (tool.kind) {
    case "debian":
      return tool.programs.filter((program) =>
        program.includes("/") ? globSync(program).length === 0 : !findProgram(program),
      );
    case "pypi":
      return existsSync(join(labFolder(), "pypi", name, "installed-from")) ? [] : [name];
    case "go":
      return isExecutable(join(labBin(), tool.output)) ? [] : [tool.output];
    case "registry":
      // Asked by `npm run test:lab` alone: everything else passes without a network.
      return process.env.ORCH_LAB === "require" ? [] : ["npm's registry (only with ORCH_LAB=require)"];
  }
}

/** What of `needs` this machine does not have. Looks at files only; starts nothing. */
export function labRequires(needs: LabNeeds): LabAnswer {
  const missing: Missing[] = needs.flatMap((name) => missingOf(name).map((what) => ({ what, name })));
  const names = [...new Set(missing.map((each) => each.name))].join(" ");
  const what = missing.map((each) => each.what).join(", ");
  const reason =
    missing.length === 0 ? "" : `missing: ${what}; to install: node test/lab/install.mjs ${names}`;
  return { missing, reason, required: process.env.ORCH_LAB === "require" };
}

/**
 * A `describe` for suites that need the lab. Where something is missing the suite's tests are skipped and its name
 * says why; with ORCH_LAB=require the suite fails instead, and with ORCH_LAB=later it is skipped, as the lab run comes after.
 */
export function describeLab(name: string, needs: LabNeeds, suite: () => void): void {
  const { missing, reason, required } = labRequires(needs);
  if (process.env.ORCH_LAB === "later") {
    describe.skip(`${name} (run by npm run test:lab)`, suite);
  } else if (missing.length === 0) {
    describe(name, suite);
  } else if (required) {
    describe(name, () => {
      test("has what it needs", () => {
        throw new Error(`ORCH_LAB=require, and the lab is incomplete. ${reason}`);
      });
    });
  } else {
    console.warn(`skipped: ${name} (${reason})`);
    describe.skip(`${name} (${reason})`, suite);
  }
}
