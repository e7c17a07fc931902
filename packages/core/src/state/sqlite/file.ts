/** Finding, checking and making the database file, before SQLite touches it. */
import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { access, constants, link, mkdir, open, rm, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { fail } from "../../model/failure.js";
import { invalidDatabase } from "./failures.js";

/** "orch" in ASCII, in the header's application id: tells our databases from others. */
export const applicationId = 0x6f726368;

/** Is there a database? Rejects with `state-invalid` when there is something else. Reads only. */
export async function checkFile(path: string): Promise<boolean> {
  if (!existsSync(path)) return false;
  if (!(await stat(path)).isFile()) return fail(invalidDatabase(path, "not a file"));
  const file = await open(path, "r");
  try {
    // https://www.sqlite.org/fileformat.html: magic string at 0, application id at 68.
    const header = Buffer.alloc(100);
    const { bytesRead } = await file.read(header, 0, 100, 0);
    if (bytesRead < 100) return fail(invalidDatabase(path, `a file of ${bytesRead} bytes`));
    if (header.toString("latin1", 0, 16) !== "SQLite format 3\0") {
      return fail(invalidDatabase(path, "a file that is not a SQLite database"));
    }
    if (header.readUInt32BE(68) !== applicationId) {
      return fail(invalidDatabase(path, "a SQLite database of another application"));
    }
    return true;
  } finally {
    await file.close();
  }
}

export async function isWritable(path: string): Promise<boolean> {
  try {
    await access(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a database so that it is there whole or not at all: `fill` makes it beside its place, readable by its owner only, and it
 * gets its name once it is complete. When another process was faster, that one's stays.
 */
export async function createFile(path: string, fill: (temporary: string) => Promise<void>): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const temporary = `${path}.${randomUUID()}.new`;
  try {
    // SQLite gives its -wal and -shm files the mode of the database.
    await (await open(temporary, "wx", 0o600)).close();
    await fill(temporary);
    await link(temporary, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
    const directory = await open(folder, "r");
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  } finally {
    for (const suffix of ["", "-wal", "-shm"]) await rm(temporary + suffix, { force: true });
  }
}
