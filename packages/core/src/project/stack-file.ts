/**
 * A stack's settings file: `Pulumi.<stack>.yaml` beside a Pulumi.yaml, `orch.<stack>.yaml` beside an orch.yaml.
 *
 *     config:                      # values; secrets as `secure: <ciphertext>`, at any depth
 *       aws:region: eu-central-1
 *       shop:token: { secure: "v1:…" }
 *     encryption: { … }            # in an orch file; under `orch:` in a Pulumi file. How the stack's data key is wrapped: state/keys/contract.ts
 *     encryptionsalt: v1:…         # Pulumi's own passphrase secrets, in a Pulumi file
 *
 * Everything in it may be published.
 */
import { readFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { isMap } from "yaml";
import { z } from "zod";
import { type EncryptionBlock, encryptionBlock } from "../state/keys/contract.js";
import type { FoundProject } from "./project-file.js";
import {
  checkYaml,
  parseYaml,
  printYaml,
  writeFileAtomically,
  type YamlFile,
  type YamlPath,
} from "./yaml-file.js";

const config = z.record(z.string(), z.unknown(), "must be a map of configuration keys").nullish();
const orchStack = z.strictObject({ config, encryption: encryptionBlock.optional() });
const pulumiStack = z.looseObject({
  config,
  encryptionsalt: z.string().optional(),
  orch: z.strictObject({ encryption: encryptionBlock.optional() }).optional(),
});

export interface StackFile {
  readonly yaml: YamlFile;
  /** Is it on disk? */
  readonly exists: boolean;
  readonly project: string;
  readonly encryption?: EncryptionBlock;
  /** Where the block goes. */
  readonly encryptionPath: YamlPath;
  readonly pulumiSalt?: string;
}

export function stackFilePath(project: FoundProject, stack: string): string {
  const name = basename(project.file);
  const extension = extname(name);
  return join(project.stackConfigDir, `${name.slice(0, -extension.length)}.${stack}${extension}`);
}

/** A missing file reads as an empty one. Fails with `config-invalid`, at its line and column. */
export async function readStackFile(project: FoundProject, stack: string): Promise<StackFile> {
  const path = stackFilePath(project, stack);
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return undefined;
    throw error;
  });
  const yaml = parseYaml(path, text ?? "", "config-invalid");
  const base = { yaml, exists: text !== undefined, project: project.name };
  if (basename(project.file).startsWith("orch.")) {
    const { encryption } = checkYaml(yaml, orchStack);
    return { ...base, encryptionPath: ["encryption"], ...(encryption && { encryption }) };
  }
  const content = checkYaml(yaml, pulumiStack);
  const encryption = content.orch?.encryption;
  return {
    ...base,
    encryptionPath: ["orch", "encryption"],
    ...(encryption && { encryption }),
    ...(content.encryptionsalt ? { pulumiSalt: content.encryptionsalt } : {}),
  };
}

/** Puts the block of the stack's key into the document. */
export function setEncryption(file: StackFile, block: EncryptionBlock): void {
  const { document } = file.yaml;
  if (!isMap(document.contents)) document.contents = document.createNode({}) as never;
  document.setIn(file.encryptionPath, document.createNode(block));
}

export const saveStackFile = (file: StackFile): Promise<void> =>
  writeFileAtomically(file.yaml.path, printYaml(file.yaml));
