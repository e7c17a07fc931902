/** Keeps the stack's secret configuration out of what a program prints, logs and throws. */
import type { Failure } from "../model/failure.js";

/** Text in which secrets are replaced by `[secret]`. */
export type Redact = (text: string) => string;

/** Shorter ones (`true`, `8080`) would mask half of every message and give nothing away. */
const shortest = 4;
/** Of a secret with several lines, which are printed one by one. */
const shortestLine = 8;

/** Masks the values of the secret keys, and the lines of those that have several (keys, certificates). */
export function redactor(config: Readonly<Record<string, string>>, secretKeys: readonly string[]): Redact {
  const secrets = new Set<string>();
  for (const key of secretKeys) {
    const value = config[key];
    if (value === undefined) continue;
    if (value.length >= shortest) secrets.add(value);
    const lines = value.split(/\r?\n/);
    if (lines.length > 1) for (const line of lines) if (line.length >= shortestLine) secrets.add(line);
  }
  if (secrets.size === 0) return (text) => text;
  // Longest first: one secret may be part of another.
  const all = [...secrets].sort((a, b) => b.length - a.length);
  return (text) => all.reduce((masked, secret) => masked.replaceAll(secret, "[secret]"), text);
}

/** A copy of the failure with every text masked. */
export function redactFailure(failure: Failure, redact: Redact): Failure {
  const mask = (value: unknown): unknown => {
    if (typeof value === "string") return redact(value);
    if (Array.isArray(value)) return value.map(mask);
    if (typeof value === "object" && value !== null) {
      return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mask(item)]));
    }
    return value;
  };
  return { ...(mask({ ...failure }) as Failure), reason: failure.reason };
}
