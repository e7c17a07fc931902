import { accessSync, constants } from "node:fs";
import { delimiter, dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, test } from "vitest";
import tools from "./tools.json" with { type: "json" };

const repositoryRoot = resolve(dirname(fileURLToPath(import.meta.url)), "..", "..");

/** What a suite can ask for. */
export interface LabNeeds {
  /** An OpenSSH server and ssh-keygen, as Debian's `openssh-server` brings them. */
  readonly sshd?: boolean;
  /** The Terraform bridge plugin with the random and tls providers. */
  readonly bridge?: boolean;
}

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

/** The folder with the binaries that `install.mjs` builds: `.lab/bin` at the repository's root, or `$ORCH_LAB_DIR/bin`. */
export function labBin(): string {
  return join(resolve(process.env.ORCH_LAB_DIR ?? join(repositoryRoot, ".lab")), "bin");
}

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

/** What of `needs` this machine does not have. Looks at files only; starts nothing. */
export function labRequires(needs: LabNeeds): LabAnswer {
  const missing: Missing[] = [];
  if (needs.sshd) {
    for (const program of ["sshd", "ssh-keygen"]) {
      if (!findProgram(program)) missing.push({ what: program, name: "sshd" });
    }
  }
  if (needs.bridge) {
    for (const tool of tools.goTools) {
      if (!isExecutable(join(labBin(), tool.output))) {
        missing.push({ what: tool.output, name: tool.name });
      }
    }
  }
  const names = [...new Set(missing.map((each) => each.name))].join(" ");
  const what = missing.map((each) => each.what).join(", ");
  const reason =
    missing.length === 0 ? "" : `missing: ${what}; to install: node test/lab/install.mjs ${names}`;
  return { missing, reason, required: process.env.ORCH_LAB === "require" };
}

/**
 * A `describe` for suites that need the lab. Where something is missing the suite's tests are skipped and its name
 * says why; with ORCH_LAB=require the suite fails instead.
 */
export function describeLab(name: string, needs: LabNeeds, suite: () => void): void {
  const { missing, reason, required } = labRequires(needs);
  if (missing.length === 0) {
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
