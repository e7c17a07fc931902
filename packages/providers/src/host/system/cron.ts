/** `host:index:CronJob`: a file of its own in /etc/cron.d (crontab(5)). */
import { hasSecret } from "@orch/core/model/value";
import { z } from "zod";
import { connectionProperty } from "../connection.js";
import { oneLine, overwriteProperty } from "./common.js";
import { defineSystem, withActual } from "./define.js";
import { removeFile, reportFile } from "./file-content.js";
import { putFile } from "./report.js";

const field = "(?:\\*|[0-9]+(?:-[0-9]+)?|[A-Za-z]{3}(?:-[A-Za-z]{3})?)(?:/[0-9]+)?";
const schedule = new RegExp(
  `^(?:@(?:reboot|yearly|annually|monthly|weekly|daily|midnight|hourly)|(?:${field}(?:,${field})*)(?: (?:${field}(?:,${field})*)){4})$`,
);
const ranges = [
  ["minute", 0, 59],
  ["hour", 0, 23],
  ["day of the month", 1, 31],
  ["month", 1, 12],
  ["day of the week", 0, 7],
] as const;
/** cron ignores a whole file for one number that is out of range, and says so in its log only. */
function inRange(text: string): boolean {
  if (text.startsWith("@")) return true;
  return text.split(" ").every((part, i) => {
    const [, least, most] = ranges[i] as (typeof ranges)[number];
    const numbers = part.split(/[,-]/).flatMap((one) => one.replace(/\/.*$/, "").match(/^\d+$/) ?? []);
    return numbers.every((number) => Number(number) >= least && Number(number) <= most);
  });
}

const inputs = z.strictObject({
  name: z
    .string()
    // cron passes over files with a dot in their name.
    .regex(/^[A-Za-z0-9_-]+$/, "a name of letters, digits, _ and -")
    .describe("Name of the file in /etc/cron.d. Another one replaces."),
  schedule: z
    .string()
    .refine((text) => schedule.test(text) && inRange(text), {
      error:
        'minute, hour, day of the month, month, day of the week, such as "30 2 * * *", or @daily, @hourly, @reboot …',
    })
    .describe('When: "30 2 * * *", or @daily, @hourly, @reboot …'),
  command: z
    .string()
    .min(1)
    .regex(/^[^\n\r\0]+$/, "a command in one line")
    .describe("What cron's shell runs. A percent sign means itself."),
  user: z
    .string()
    .regex(/^[^:\s]+$/, "a user's name")
    .default("root")
    .describe("Who runs it. Default root."),
  environment: z
    .record(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, "a variable's name"), oneLine("a value in one line"))
    .optional()
    .describe("Variables, such as PATH, SHELL and MAILTO."),
  overwrite: overwriteProperty,
  connection: connectionProperty,
});
const outputs = z.strictObject({
  name: z.string().describe("Name of the file."),
  path: z.string().describe("The file."),
  content: z.string().describe("What is in it."),
  schedule: z.string().optional().describe("When; absent where the file has another shape than one job."),
  command: z.string().optional().describe("What is run."),
  user: z.string().optional().describe("Who runs it."),
});
type Inputs = z.output<typeof inputs>;

const pathOf = (name: string): string => `/etc/cron.d/${name}`;
const head = "# Written by orch.";

/** cron takes the quotes off a value, and turns an unescaped percent sign of a command into the end of a line. */
export function renderCron({
  schedule: when,
  user,
  command,
  environment = {},
}: Omit<Inputs, "name">): string {
  const variables = Object.entries(environment).map(
    ([key, value]) => `${key}=${value.includes('"') ? `'${value}'` : `"${value}"`}`,
  );
  return `${[head, ...variables, `${when} ${user} ${command.replaceAll("%", "\\%")}`].join("\n")}\n`;
}

/** Undefined for a file with another shape: several jobs, for instance. */
export function parseCron(
  text: string,
): Pick<Inputs, "schedule" | "user" | "command" | "environment"> | undefined {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !line.startsWith("#"));
  const environment: Record<string, string> = {};
  let job: Pick<Inputs, "schedule" | "user" | "command"> | undefined;
  for (const line of lines) {
    const variable = /^\s*([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*$/.exec(line);
    const entry = /^\s*(@\S+|\S+(?:\s+\S+){4})\s+(\S+)\s+(.+)$/.exec(line);
    if (variable?.[1]) environment[variable[1]] = (variable[2] ?? "").replace(/^(["'])(.*)\1$/, "$2");
    else if (entry && job === undefined)
      job = {
        schedule: (entry[1] as string).replace(/\s+/g, " "),
        user: entry[2] as string,
        command: (entry[3] as string).replaceAll("\\%", "%"),
      };
    else return undefined;
  }
  if (job === undefined) return undefined;
  return { ...job, ...(Object.keys(environment).length > 0 ? { environment } : {}) };
}

export const cronJob = defineSystem({
  type: "host:index:CronJob",
  importId: "the name of its file",
  description: "A job of cron, in a file of its own in /etc/cron.d.",
  inputs,
  outputs,
  replaceOn: ["name"],
  stables: ["name", "path"],
  // Percent signs are written otherwise, so the text alone would not show it.
  secretOutputs: (given) => (hasSecret(given.command) || hasSecret(given.environment) ? ["content"] : []),
  idOf: ({ name }) => name,
  fromId: (name) => (/^[A-Za-z0-9_-]+$/.test(name) ? { name } : undefined),
  title: (name) => `the cron job ${name}`,
  mayDiffer: ["overwrite"],
  guarded: ["schedule", "command", "user", "environment"],
  list: 'cd /etc/cron.d && for f in *; do [ ! -f "$f" ] || echo "$f"; done',

  check: ({ inputs: given }) => ({
    inputs: given,
    failures: Object.entries((given.environment ?? {}) as Record<string, unknown>).flatMap(([key, value]) =>
      typeof value === "string" && value.includes('"') && value.includes("'")
        ? [
            {
              path: `environment.${key}`,
              message: `environment.${key} can't hold both kinds of quotes: cron has no way to write that`,
              expected: "at most one kind of quotes",
              found: "both",
            },
          ]
        : [],
    ),
  }),
  look: ({ inputs: { name = "" } }) => reportFile(pathOf(name)),
  observe(found, at) {
    const { name = "" } = at.inputs;
    const content = found.text("content");
    const job = parseCron(content);
    return {
      inputs: {
        ...withActual(at, job ?? { command: content }),
        // Variables that somebody added, or took away.
        ...(job && at.inputs.environment === undefined && job.environment
          ? { environment: job.environment }
          : {}),
        ...(job && job.environment === undefined && at.inputs.environment ? { environment: {} } : {}),
      },
      outputs: {
        name,
        path: pathOf(name),
        content,
        ...(job === undefined ? {} : { schedule: job.schedule, command: job.command, user: job.user }),
      },
    };
  },
  apply: ({ inputs: given }) => ({
    script: `entry passwd '${given.user.replaceAll("'", "")}' >/dev/null || refuse user 'a user of that machine' '${given.user.replaceAll("'", "")}'
      ${putFile(pathOf(given.name), renderCron(given), "644")}`,
  }),
  remove: ({ inputs: { name } }) => removeFile(pathOf(name)),
});
