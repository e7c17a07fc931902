/** Names within PostgreSQL: how long they may be, how they are quoted, and ids made of several. */
import { fail } from "@orch/core/model/failure";
import pg from "pg";
import { z } from "zod";

/** PostgreSQL cuts longer names off without a word, and two would meet. */
const MAX_BYTES = 63;

export const identifier = (what: string) =>
  z
    .string()
    .refine(
      (text) => text !== "" && Buffer.byteLength(text) <= MAX_BYTES && !text.includes("\0"),
      `a name of 1 to ${MAX_BYTES} bytes`,
    )
    .describe(what);

/** A role that is made: PostgreSQL keeps some names to itself. */
export const ownRoleName = (what: string) =>
  z
    .string()
    .refine(
      (text) =>
        text !== "" &&
        Buffer.byteLength(text) <= MAX_BYTES &&
        !text.includes("\0") &&
        !/^(pg_.*|public|none)$/.test(text),
      `a name of 1 to ${MAX_BYTES} bytes, not public, none or one that begins with pg_`,
    )
    .describe(what);

export const quote = (name: string): string => pg.escapeIdentifier(name);
export const literal = (text: string): string => pg.escapeLiteral(text);

/** `public` means everybody (and no role can have that name). */
export const quoteRole = (name: string): string => (name === "public" ? "PUBLIC" : quote(name));

/** Names by slashes; what would be read otherwise is percent-encoded. */
export const joinId = (...parts: readonly string[]): string =>
  parts.map((part) => part.replace(/[%/,]/g, encodeURIComponent)).join("/");

/** Rejects (throws `invalid-property`) what has not so many parts as the example. */
export function splitId(id: string, example: string): string[] {
  const parts = id.split("/").map((part) => part.replace(/%(25|2F|2C)/gi, decodeURIComponent));
  if (parts.length !== example.split("/").length || parts.includes(""))
    return fail({
      reason: "invalid-property",
      message: `${JSON.stringify(id)} is no id of this type.`,
      expected: example,
      found: id,
    });
  return parts;
}
