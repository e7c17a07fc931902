/** SQLite's write-ahead log, as far as a power cut needs it. Format: https://www.sqlite.org/fileformat2.html#the_write_ahead_log */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

/** Where the last committed transaction ends, in bytes. What comes after is of an earlier round of the log, or was never committed. */
export function logEnd(path: string): number {
  const file = openSync(path, "r");
  try {
    const { size } = fstatSync(file);
    const header = Buffer.alloc(32);
    if (readSync(file, header, 0, 32, 0) < 32) return 0;
    const pageSize = header.readUInt32BE(8);
    const salt = header.subarray(16, 24);
    const frame = Buffer.alloc(24);
    let end = 32;
    for (let at = 32; at + 24 + pageSize <= size; at += 24 + pageSize) {
      readSync(file, frame, 0, 24, at);
      if (!frame.subarray(8, 16).equals(salt)) break;
      // The size of the database, set in the last frame of a transaction.
      if (frame.readUInt32BE(4) > 0) end = at + 24 + pageSize;
    }
    return end;
  } finally {
    closeSync(file);
  }
}
