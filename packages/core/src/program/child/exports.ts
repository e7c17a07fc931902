/** Reaching into the SDK's modules, whatever its version has. */
import type { Sdk } from "./sdk.js";

export type Exports = Record<string, unknown>;

/** A module that older versions of the SDK do not have. */
export function optional(load: Sdk["load"], path: string): Exports | undefined {
  try {
    return load(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "MODULE_NOT_FOUND") return undefined;
    throw error;
  }
}

/** False where a version of the SDK has no such export, or has it fixed: then it stays as it is. */
export function replace(exports: Exports, name: string, value: unknown): boolean {
  const descriptor = Object.getOwnPropertyDescriptor(exports, name);
  if (descriptor === undefined || !(descriptor.writable || descriptor.configurable)) return false;
  Object.defineProperty(
    exports,
    name,
    descriptor.configurable ? { value, writable: true, enumerable: true, configurable: true } : { value },
  );
  return true;
}
