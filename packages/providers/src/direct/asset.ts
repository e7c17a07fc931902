/** The bytes of assets that programs hand to direct providers. */
import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { Asset } from "@orch/core/model/value";
import { z } from "zod";

/** A schema for properties that take an asset of the program's (`pulumi.asset.StringAsset`, `FileAsset`, `RemoteAsset`). */
export const asset = (): z.ZodType<Asset> =>
  z.instanceof(Asset, { error: "an asset" }).meta({ $ref: "pulumi.json#/Asset" });

/** Paths are relative to `baseDir`. Rejects with the error of the file system or of the download. */
export async function readAsset(of: Asset, baseDir: string, signal?: AbortSignal): Promise<Buffer> {
  const { source } = of;
  switch (source.kind) {
    case "text":
      return Buffer.from(source.text, "utf8");
    case "file":
      return readFile(resolve(baseDir, source.path));
    case "uri": {
      const url = new URL(source.uri);
      if (url.protocol === "file:") return readFile(fileURLToPath(url));
      const response = await fetch(url, { signal: signal ?? AbortSignal.timeout(60_000) });
      if (!response.ok)
        throw new Error(`GET ${source.uri} answered ${response.status} ${response.statusText}`);
      return Buffer.from(await response.arrayBuffer());
    }
  }
}
