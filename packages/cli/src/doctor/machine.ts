/** What can be looked at without a project: programs and the disk. */
import { readFileSync } from "node:fs";
import { statfs } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { type Check, failed, ok, warn } from "./check.js";

export function versions(orchVersion: string): Check {
  const { version, execPath, platform, arch } = process;
  return ok("versions", `orch ${orchVersion}, Node.js ${version} (${execPath}), ${platform}-${arch}`);
}

/** The SDK that the program would load. */
export function sdk(programDir: string): Check {
  const name = "@pulumi/pulumi";
  try {
    const file = createRequire(join(programDir, "index.js")).resolve(`${name}/package.json`);
    const { version } = JSON.parse(readFileSync(file, "utf8")) as { version: string };
    if (/^[012]\./.test(version))
      return failed(
        "sdk",
        `${name} is ${version}; orch works with version 3`,
        "npm install @pulumi/pulumi@3",
      );
    return ok("sdk", `${name} ${version}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    return failed("sdk", `${name} is not installed in ${programDir}`, "Run `npm install` there.");
  }
}

const megabyte = 1024 * 1024;

/** Bytes left where state and plans are written. */
export async function disk(folder: string): Promise<Check> {
  const { bavail, bsize } = await statfs(folder);
  const left = Math.floor((bavail * bsize) / megabyte);
  const text = `${left < 10_240 ? `${left} MB` : `${Math.floor(left / 1024)} GB`} free where ${folder} is`;
  const next = "Free some space: a run that can't write its journal stops.";
  if (left < 20) return failed("disk", text, next);
  return left < 500 ? warn("disk", text, next) : ok("disk", text);
}
