/** SHA-256 of plugins' executables. They are large: a sum once computed is kept until the file changes. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { mkdir, readFile, rename, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

/** In hex. */
export async function fileSha256(path: string): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  return hash.digest("hex");
}

/**
 * As {@link fileSha256}; for large files the sum is remembered in `folder`, under the file's path, inode, size and times of change to the
 * nanosecond (the inode's own included, which no program can set back).
 */
export async function cachedSha256(path: string, folder: string): Promise<string> {
  const info = await stat(path, { bigint: true });
  if (info.size < 4n * 1024n * 1024n) return fileSha256(path);
  const identity = [path, info.dev, info.ino, info.size, info.mtimeNs, info.ctimeNs].join(" ");
  const memo = join(folder, ".sums", createHash("sha256").update(identity).digest("hex"));
  const known = await readFile(memo, "utf8").catch(() => undefined);
  if (known !== undefined && /^[0-9a-f]{64}$/.test(known)) return known;
  const sum = await fileSha256(path);
  try {
    await mkdir(dirname(memo), { recursive: true });
    const temporary = `${memo}.${process.pid}`;
    await writeFile(temporary, sum);
    await rename(temporary, memo);
  } catch {
    // A cache that cannot be written costs time, nothing else.
  }
  return sum;
}
