/** Makes the stand-in plugins executable: a file `pulumi-resource-<package>` that starts cloud/main.ts under the Node that runs the tests. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export type CloudPackage = "aws" | "azure-native" | "kubernetes" | "scripted";
const main = fileURLToPath(new URL("./cloud/main.ts", import.meta.url));

/** A folder with the executable, as an unpacked release has it. Returns the executable's path. */
export function placePlugin(folder: string, name: CloudPackage, version = ""): string {
  mkdirSync(folder, { recursive: true });
  const path = join(folder, `pulumi-resource-${name}`);
  const args = [process.execPath, "--no-warnings", main, name, ...(version === "" ? [] : [version])];
  writeFileSync(path, `#!/bin/sh\nexec ${args.map((text) => `'${text}'`).join(" ")} "$@"\n`);
  chmodSync(path, 0o755);
  return path;
}

/** In a cache (`$ORCH_HOME/plugins` or `$PULUMI_HOME/plugins`), under the folder's usual name. */
export function placeInCache(cache: string, name: CloudPackage, version: string): string {
  return placePlugin(join(cache, `resource-${name}-v${version}`), name, version);
}
