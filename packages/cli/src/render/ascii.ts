/** For terminals that show no more than ASCII. */

const signs: Readonly<Record<string, string>> = {
  "→": "->",
  "←": "<-",
  "…": "...",
  "·": "-",
  "›": ">",
  "±": "+/-",
  "≠": "!=",
  "↻": "<>",
  "✓": "ok",
  "✗": "!",
};
const other = /[^\x00-\x7f]/gu;

/** orch's own signs in ASCII; whatever else is not ASCII as an escape, so that nothing is lost. */
export const asciiOnly = (text: string): string =>
  text.replace(other, (char) => signs[char] ?? `\\u{${(char.codePointAt(0) as number).toString(16)}}`);

/**
 * Does the terminal show more than ASCII? By its locale (POSIX: LC_ALL, then LC_CTYPE, then LANG); none at all says nothing. The
 * console of Linux without a desktop has few signs, whatever its locale.
 */
export function wantsUnicode(env: Readonly<Record<string, string | undefined>>): boolean {
  if (env.TERM === "linux") return false;
  const locale = env.LC_ALL || env.LC_CTYPE || env.LANG || "";
  return locale === "" || /utf-?8/i.test(locale);
}
