/** The far side: what exists "in the cloud". In memory, or in a file (CLOUD_STORE) that tests read and change behind orch's back. */
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import type { Props } from "../kit.ts";

export interface Entry {
  type: string;
  inputs: Props;
  outputs: Props;
}

const file = process.env.CLOUD_STORE;
let memory: Record<string, Entry> = {};

/** Always from the file: another process, or a test, may have changed it. */
export function all(): Record<string, Entry> {
  if (file === undefined) return memory;
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as Record<string, Entry>) : {};
}

export const key = (type: string, id: string): string => `${type} ${id}`;
export const get = (type: string, id: string): Entry | undefined => all()[key(type, id)];

export function put(type: string, id: string, entry: Entry): void {
  locked(() => save({ ...all(), [key(type, id)]: entry }));
}
export function remove(type: string, id: string): void {
  locked(() => {
    const { [key(type, id)]: _gone, ...rest } = all();
    save(rest);
  });
}
/** The plugins of several packages share the file: reading, changing and writing it is one act. A plugin that was killed in it holds it for a second. */
function locked(change: () => void): void {
  if (file === undefined) {
    change();
    return;
  }
  const lock = `${file}.lock`;
  for (let tries = 0; ; tries++) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      if (tries > 500) break;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2);
    }
  }
  try {
    change();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function save(next: Record<string, Entry>): void {
  memory = next;
  if (file === undefined) return;
  writeFileSync(`${file}.new`, JSON.stringify(next, null, 2));
  renameSync(`${file}.new`, file);
}
