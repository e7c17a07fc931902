/** Properties that things of a system have in common. */
import { z } from "zod";

export const overwriteProperty = z
  .boolean()
  .optional()
  .describe(
    "Change what is there already and is not as wanted. Default false: then it is a failure that says what differs.",
  );

/** As useradd(8) and groupadd(8) allow them. */
export const accountName = (what: string) =>
  z.string().regex(/^[a-z_][a-z0-9_-]{0,30}[a-z0-9_$-]?$/, `${what} of small letters, digits, - and _`);

/** A value in one line, for files whose lines are their syntax. */
export const oneLine = (text: string) => z.string().regex(/^[^\n\r\0]*$/, text);
