/** `customTimeouts`: Go durations (`1h30m`, `90s`, `500ms`) as seconds, the unit of the protocol. */
import { fail } from "../model/failure.js";
import type { Resource } from "../model/resource.js";

const units: Readonly<Record<string, number>> = {
  ns: 1e-9,
  us: 1e-6,
  µs: 1e-6,
  ms: 1e-3,
  s: 1,
  m: 60,
  h: 3600,
};

export function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d*)?)(ns|us|µs|ms|s|m|h)/g)) {
    seconds += Number(amount) * (units[unit as string] as number);
  }
  return seconds;
}

export function timeouts(
  resource: Pick<Resource, "urn" | "options">,
  verb: "create" | "update" | "delete" | "read",
): { timeoutSeconds?: number } {
  const text = resource.options.customTimeouts?.[verb];
  if (!text) return {};
  const timeoutSeconds = parseDuration(text);
  if (timeoutSeconds === undefined) {
    return fail({
      reason: "invalid-option",
      message: `customTimeouts.${verb} is not a duration.`,
      urn: resource.urn,
      path: `customTimeouts.${verb}`,
      expected: 'a number with a unit, such as "30s", "5m" or "1h30m"',
      found: JSON.stringify(text),
    });
  }
  return { timeoutSeconds };
}
