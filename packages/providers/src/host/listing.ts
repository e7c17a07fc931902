/** What `ls -ldn` says of files: POSIX's long format, the same on every system, and so no `stat`, which is not. */
import type { FileInfo } from "./machine.js";

/** For the script that runs `ls`: nothing of the login's may change its format. */
export const plainListing = "unset QUOTING_STYLE TIME_STYLE LS_OPTIONS BLOCKSIZE BLOCK_SIZE; export LC_ALL=C";

/** One line; undefined where it is none. POSIX.1-2024, ls, "STDOUT". */
export function parseListing(line: string): FileInfo | undefined {
  const match =
    /^([-dlbcpsDC])([-r][-w][-xsS][-r][-w][-xsS][-r][-w][-xtT])\S*\s+\d+\s+(\d+)\s+(\d+)\s+(\d+)/.exec(line);
  if (!match) return undefined;
  const [, type = "", letters = "", uid, gid, size] = match;
  return {
    kind: type === "-" ? "file" : type === "d" ? "directory" : type === "l" ? "link" : "other",
    size: Number(size),
    mode: parseLetters(letters),
    uid: Number(uid),
    gid: Number(gid),
  };
}

function parseLetters(letters: string): number {
  let mode = 0;
  for (let i = 0; i < 9; i++) {
    const letter = letters[i] as string;
    if (letter !== "-" && letter !== "S" && letter !== "T") mode |= 1 << (8 - i);
    // s and t stand where x would: the special bit with it, S and T without.
    if (/[sS]/.test(letter)) mode |= i === 2 ? 0o4000 : 0o2000;
    if (/[tT]/.test(letter)) mode |= 0o1000;
  }
  return mode;
}
