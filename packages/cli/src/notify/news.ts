/** Is what was found other than the last time? A check every few minutes must not say the same thing every few minutes. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { DriftReport } from "@orch/core/engine-contract";
import { OrchError } from "@orch/core/model/failure";
import { canonical } from "@orch/core/plan/seal";
import type { Json } from "@orch/core/wire/json";
import { z } from "zod";
import { writePrivate } from "../plan-file.js";
import { driftReportJson } from "../render/json.js";

/** What a file of `--news` holds: per `project/stack` what was last told. */
const fileSchema = z.object({
  format: z.literal(1),
  type: z.literal("drift-news"),
  stacks: z.record(z.string(), z.object({ found: z.string(), clean: z.boolean() })),
});

export interface News {
  /** Something else than the last time. The first time: anything at all. */
  readonly isNew: boolean;
  /** All is as it should be. */
  readonly clean: boolean;
  /** Told: the next time only what differs from this is new. Rejects with `invalid-flag` when the file can't be written. */
  told(): Promise<void>;
}

/** Rejects with `invalid-flag` when the file is none of `--news`. It need not be there. */
export async function newsOf(report: DriftReport, file: string): Promise<News> {
  const known = await read(file);
  const name = `${report.project}/${report.stack}`;
  const before = known.stacks[name] ?? { found: "", clean: true };
  const clean = isClean(report);
  const found = fingerprint(report);
  return {
    clean,
    isNew: clean ? !before.clean : before.found !== found,
    async told() {
      const now = { ...known, stacks: { ...known.stacks, [name]: { found, clean } } };
      await writePrivate(file, `${JSON.stringify(now, undefined, 2)}\n`, "The news can't be kept");
    },
  };
}

export const isClean = ({ drift, unmanaged, failures }: DriftReport): boolean =>
  drift.length === 0 && failures.length === 0 && unmanaged.every(({ objects }) => objects.length === 0);

/** Of what was found, not of when. Secrets are in it as little as in the JSON. */
function fingerprint(report: DriftReport): string {
  const { drift, unmanaged, failures } = driftReportJson(report) as Record<string, Json>;
  return createHash("sha256")
    .update(canonical({ drift, unmanaged, failures } as Json))
    .digest("hex");
}

async function read(file: string): Promise<z.output<typeof fileSchema>> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT")
      return { format: 1, type: "drift-news", stacks: {} };
    throw new OrchError(
      { reason: "invalid-flag", message: `--news: ${file} can't be read.`, found: (error as Error).message },
      { cause: error },
    );
  }
  try {
    return fileSchema.parse(JSON.parse(text));
  } catch (error) {
    throw new OrchError(
      {
        reason: "invalid-flag",
        message: `--news: ${file} is not a file that an earlier \`orch drift --news\` wrote.`,
        expected: "JSON with type drift-news",
        next: ["Name another file, or remove it: what is found is then told anew."],
      },
      { cause: error },
    );
  }
}
