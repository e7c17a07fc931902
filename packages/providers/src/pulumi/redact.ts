/** Keeps secrets out of what plugins print and answer. */
import { isMap, isSpecial, OutputValue, Secret, type Value } from "@orch/core/model/value";

const shown = "[secret]";

/** Remembers the secrets that were handed to a plugin, and takes them out of any text that comes back from it. */
export class Redactor {
  private readonly secrets = new Set<string>();
  private longestFirst: string[] | undefined;

  /** Notes every secret leaf of the value. */
  learn(value: Value | undefined, secret = false): void {
    if (value === undefined || value === null) return;
    if (value instanceof Secret) this.learn(value.value, true);
    else if (value instanceof OutputValue) this.learn(value.value, secret || value.secret);
    else if (Array.isArray(value)) for (const item of value) this.learn(item, secret);
    else if (isMap(value)) for (const key in value) this.learn(value[key], secret);
    else if (secret && !isSpecial(value)) this.add(value as string | number | boolean);
  }

  private add(value: string | number | boolean): void {
    // `true` or `0` may be secret, but is no secret to find: every other line holds one.
    if (typeof value === "boolean" || value === "" || (typeof value === "number" && Math.abs(value) < 1000))
      return;
    const text = String(value);
    const before = this.secrets.size;
    this.secrets.add(text);
    // As it looks inside JSON or a quoted Go string.
    this.secrets.add(JSON.stringify(text).slice(1, -1));
    // Plugins print line by line, keys have several.
    if (text.includes("\n"))
      for (const line of text.split(/\r?\n/)) if (line.trim().length >= 8) this.secrets.add(line);
    if (this.secrets.size !== before) this.longestFirst = undefined;
  }

  redact(text: string): string {
    if (this.secrets.size === 0) return text;
    this.longestFirst ??= [...this.secrets].sort((a, b) => b.length - a.length);
    for (const secret of this.longestFirst) {
      if (!text.includes(secret)) continue;
      // Very short ones only as a whole word, or the text would be unreadable.
      if (secret.length >= 3) text = text.replaceAll(secret, shown);
      else text = text.replace(new RegExp(`(?<!\\w)${literal(secret)}(?!\\w)`, "g"), shown);
    }
    return text;
  }
}

const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
