/** SQLite's result codes (https://www.sqlite.org/rescode.html) as failures. */
import { statfsSync } from "node:fs";
import { dirname } from "node:path";
import { type Failure, OrchError, toFailure } from "../../model/failure.js";

const codes = { busy: 5, readonly: 8, ioerr: 10, corrupt: 11, full: 13, cantopen: 14, notadb: 26 } as const;

interface SqliteError extends Error {
  readonly code: "ERR_SQLITE_ERROR";
  /** Extended result code; its low byte is the primary one. */
  readonly errcode: number;
}
const isSqliteError = (error: unknown): error is SqliteError =>
  error instanceof Error && (error as SqliteError).code === "ERR_SQLITE_ERROR";

/** `path` is the database file. */
export function explainSqlite(error: unknown, path: string): OrchError {
  if (error instanceof OrchError) return error;
  if (isSqliteError(error)) return new OrchError(failureOf(error, path), { cause: error });
  const code = (error as NodeJS.ErrnoException | undefined)?.code;
  if (code === "EACCES" || code === "EPERM" || code === "EROFS") {
    return new OrchError(
      {
        reason: "backend-error",
        message: `The state database ${path} can't be written: ${(error as Error).message}.`,
        next: [`Make ${path} and its folder writable for this user, or set another backend.`],
      },
      { cause: error },
    );
  }
  return new OrchError(toFailure(error), { cause: error });
}

function failureOf(error: SqliteError, path: string): Failure {
  const found = `${error.message} (SQLite result code ${error.errcode})`;
  const code = error.errcode & 0xff;
  // Some of SQLite's writes report a full disk as a failed one.
  switch (code === codes.ioerr && isDiskFull(path) ? codes.full : code) {
    case codes.full:
      return {
        reason: "disk-full",
        message: `There is no space left on the disk of the state database ${path}.`,
        found,
        next: [
          "Free some space and run the same command again: what was finished before is recorded, nothing is half-written.",
        ],
      };
    case codes.readonly:
    case codes.cantopen:
      return {
        reason: "backend-error",
        message: `The state database ${path} can't be written: the file, its folder or the file system is read-only.`,
        found,
        next: [`Make ${path} and its folder writable for this user, and run the same command again.`],
      };
    case codes.corrupt:
    case codes.notadb:
      return invalidDatabase(path, found);
    case codes.busy:
      return {
        reason: "backend-error",
        message: `The state database ${path} is held by another process and did not become free.`,
        found,
        next: ["Wait until the other command ends, then run the same command again."],
      };
    case codes.ioerr:
      return {
        reason: "backend-error",
        message: `Reading or writing the state database ${path} failed.`,
        found,
        next: [
          "Check the disk (the system's log says more), then run the same command again: what was recorded before is kept.",
        ],
      };
    default:
      return {
        reason: "internal",
        message: `The state database ${path} refused a statement of orch.`,
        found,
        ...(error.stack === undefined ? {} : { detail: error.stack }),
      };
  }
}

/** Less free than SQLite's shared-memory file, the first that it makes, takes. */
function isDiskFull(path: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(dirname(path));
    return bavail * bsize < 64 * 1024;
  } catch {
    // Then it is the disk itself, which the I/O error says.
    return false;
  }
}

export const invalidDatabase = (path: string, found: string): Failure => ({
  reason: "state-invalid",
  message: `${path} is not a readable state database of orch. It was left as it is.`,
  expected: "a SQLite database made by orch",
  found,
  next: [
    "Restore the file from a copy, together with its -wal file if the copy has one.",
    `If it is something else, set another place: \`backend: sqlite:PATH\` in the project's settings, or ORCH_BACKEND.`,
  ],
});
