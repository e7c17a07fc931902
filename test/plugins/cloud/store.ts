/** The far side: what exists "in the cloud". In memory, or in a file (CLOUD_STORE) that tests read and change behind orch's back. */
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
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
  save({ ...all(), [key(type, id)]: entry });
}
export function remove(type: string, id: string): void {
  const { [key(type, id)]: _gone, ...rest } = all();
  save(rest);
}
function save(next: Record<string, Entry>): void {
  memory = next;
  if (file === undefined) return;
  writeFileSync(`${file}.new`, JSON.stringify(next, null, 2));
  renameSync(`${file}.new`, file);
}
