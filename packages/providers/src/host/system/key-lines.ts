/** Lines of ~/.ssh/authorized_keys (sshd(8), AUTHORIZED_KEYS FILE FORMAT), and how the file is put in its place. */
import { z } from "zod";
import { words } from "./report.js";

/** A public key without options: type, body, comment. */
export const keyLine = /^((?:sk-)?(?:ssh|ecdsa)-[A-Za-z0-9@.-]+) ([A-Za-z0-9+/]+={0,2})(?: ([^\n\r]*))?$/;

export const userProperty = z.string().regex(/^[^:/\s]+$/, "a user's name");

export interface KeyEntry {
  /** `TYPE BODY COMMENT`. */
  readonly key: string;
  readonly options?: string | undefined;
}

/** Type, body and comment; the first two say which key it is. */
export const parts = (key: string): readonly [string, string, string] => {
  const [, type = "", body = "", comment = ""] = keyLine.exec(key) ?? [];
  return [type, body, comment];
};

export const lineOf = ({ key, options }: KeyEntry): string => (options ? `${options} ${key}` : key);

/** As sshd reads a line: options end at the first blank outside of quotes. Undefined: it holds no key (empty, a comment, or wrong). */
export function parseLine(line: string): KeyEntry | undefined {
  const text = line.trim().replace(/\t/g, " ");
  if (text === "" || text.startsWith("#")) return undefined;
  if (keyLine.test(text)) return { key: text };
  const [, options, key] = /^((?:[^\s"]|"(?:\\.|[^"\\])*")+)\s+(.+)$/.exec(text) ?? [];
  return key !== undefined && keyLine.test(key) ? { key, options } : undefined;
}

/** `keyfile USER` sets `$h`, `$d` and `$f`: home, folder and file; fails where the user, or the right kind of file, is not there. */
export const keyFunctions = `
keyfile() {
  e=$(entry passwd "$1") || refuse user 'a user of that machine' "$1"
  h=$(printf %s "$e" | cut -d: -f6); d=$h/.ssh; f=$d/authorized_keys
  for l in "$d" "$f"; do [ ! -h "$l" ] || refuse user 'a home whose .ssh is no symbolic link' "$l"; done
}`;

/** Shell text after `keyfile`: what `print` prints becomes the file, in one step, the user's own and for nobody else. */
export const placeKeys = (user: string, print: string): string => `
  [ -d "$h" ] || refuse user 'a user with a home folder' "$h"
  og=$(id -g -- ${words(user)})
  if [ ! -d "$d" ]; then mkdir -m 700 -- "$d"; chown ${words(user)}":$og" -- "$d"; fi
  new=$d/.authorized_keys.orch-new
  ( umask 077; rm -f -- "$new"
    { ${print}
    } >"$new" )
  chmod 600 -- "$new"; chown ${words(user)}":$og" -- "$new"
  mv -f -- "$new" "$f"`;
