import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import { OrchError } from "@orch/core/model/failure";
import { OrchCommand } from "../command.js";
import { jsonFlag } from "../flags.js";
import { readWhole } from "../plan-file.js";
import { commentBodies, keyPattern, sizeText } from "../render/markdown/comment.js";
import { parseSections, type Section } from "../render/markdown/section.js";
import { reviewClient } from "../review/client.js";
import { publish } from "../review/publish.js";
import { withoutSecrets } from "../review/redact.js";
import { setStatuses } from "../review/status.js";
import { findTarget, platforms } from "../review/target.js";
import { note, session, write, writeJson } from "../session.js";

const wholeNumber = Flags.custom<number>({
  parse: async (text) => {
    if (/^[1-9]\d{0,9}$/.test(text)) return Number(text);
    throw new OrchError({
      reason: "invalid-flag",
      message: "--number takes the number of a pull request",
      expected: "a whole number",
      found: text,
    });
  },
});

export default class Comment extends OrchCommand {
  static override summary =
    "Put plans, what became of them, and drift reports into one comment on a pull request.";
  static override description =
    `Takes what \`--format markdown\` of orch plan, show plan, apply, destroy, undo, refresh and drift wrote, from files or standard input, and writes it into one comment, each stack in its own section: a section of the same stack is taken away for it, those of other stacks stay. Where that is too long, details are cut; deletions and replaces never are. Works on GitHub, GitLab and Gitea (Forgejo).

In GitHub Actions, GitLab CI and Gitea Actions it knows where it is; elsewhere flags say it. The token comes from the environment: GITHUB_TOKEN, GITLAB_TOKEN or GITEA_TOKEN. Nothing but the platform's API is called.

Exit codes: 0 done, 1 the platform could not be reached or refused it (it says which right the token lacks), 64 what to comment, or where, is not known.`;
  static override examples = [
    "<%= config.bin %> plan --out change.plan --format markdown | <%= config.bin %> comment",
    "<%= config.bin %> comment network.md shop.md --status",
    "<%= config.bin %> comment plan.md --dry-run",
    "<%= config.bin %> comment plan.md --platform gitea --api-url https://git.example.com/api/v1 --repository acme/shop --number 12",
  ];
  static override strict = false;
  static override args = {
    file: Args.string({
      ignoreStdin: true,
      description: "Files with what --format markdown wrote; `-`, or none, for standard input.",
    }),
  };
  static override flags = {
    platform: Flags.string({
      summary: "github, gitlab or gitea, instead of the CI's own.",
      helpValue: "NAME",
      options: platforms,
    }),
    "api-url": Flags.string({ summary: "The address of its REST API.", helpValue: "URL" }),
    repository: Flags.string({ summary: "The repository, or GitLab's project.", helpValue: "OWNER/NAME" }),
    number: wholeNumber({ summary: "Of the pull request or merge request.", helpValue: "N" }),
    commit: Flags.string({ summary: "The commit that the status is for.", helpValue: "SHA" }),
    id: Flags.string({
      summary:
        "The comment to write to, by its id (in the JSON of an earlier run); without it the one with the key is found.",
      helpValue: "ID",
    }),
    key: Flags.string({
      summary: "Keeps comments of one pull request apart (default orch).",
      helpValue: "NAME",
      default: "orch",
    }),
    only: Flags.boolean({ summary: "Leave out the sections of all other stacks." }),
    status: Flags.boolean({ summary: "Set the commit's status as well, one per stack: orch/PROJECT/STACK." }),
    "dry-run": Flags.boolean({ summary: "Print the comment and where it would go; call nothing." }),
    json: jsonFlag,
  };

  async run(): Promise<number> {
    const { argv, flags } = await this.parse(Comment);
    if (!keyPattern.test(flags.key))
      throw new OrchError({
        reason: "invalid-flag",
        message: "--key can't be used.",
        expected: "letters, digits, dots, underscores and slashes, at most 64",
        found: flags.key,
      });
    const target = findTarget(flags, process.env, !flags["dry-run"]);
    if (flags.status && target.commit === undefined)
      throw new OrchError({
        reason: "invalid-flag",
        message: "--status: it is not known for which commit.",
        next: ["Give --commit SHA."],
      });
    const { commit, runUrl, platform } = target;
    const sections = (await readSections(argv as string[])).map(
      ({ info, body }): Section => ({
        body,
        info: {
          ...info,
          ...(commit === undefined ? {} : { commit }),
          ...(runUrl === undefined ? {} : { url: runUrl }),
        },
      }),
    );
    if (flags["dry-run"]) {
      const bodies = commentBodies(sections, flags.key);
      const where = `${platform}, ${target.repository}#${target.number}`;
      if (session.json) writeJson({ format: 1, type: "comment", dryRun: true, where, bodies });
      else for (const body of bodies) write(body);
      note(`Would go to ${where}: ${sizeText(sections, bodies)}.`);
      return 0;
    }
    return withoutSecrets([target.token], async () => {
      const client = await reviewClient(target, process.env, note);
      try {
        const published = await publish(client, sections, {
          key: flags.key,
          only: flags.only,
          ...(flags.id === undefined ? {} : { id: flags.id }),
        });
        const statuses =
          flags.status && commit !== undefined ? await setStatuses(client, commit, sections, runUrl) : [];
        const comments = published.comments.map(({ id, url }) => ({ id, url }));
        if (session.json)
          writeJson({ format: 1, type: "comment", ...published, comments, statuses: [...statuses] });
        else for (const { url } of comments) write(`${published.action} ${url}`);
        return 0;
      } finally {
        await client.close();
      }
    });
  }
}

async function readSections(files: readonly string[]): Promise<readonly Section[]> {
  const sections: Section[] = [];
  for (const file of files.length === 0 ? ["-"] : files) {
    const text =
      file === "-"
        ? await readStdin()
        : (await readWhole(file, "The Markdown can't be read")).toString("utf8");
    const found = parseSections(text);
    if (found.length === 0)
      throw new OrchError({
        reason: "invalid-flag",
        message: `There is nothing to comment in ${file === "-" ? "standard input" : file}.`,
        expected: "what `orch plan --format markdown`, `orch apply`, `orch show plan` or `orch drift` wrote",
        found: text.trim() === "" ? "nothing" : "something else",
        next: ["When the command before it failed, it says why."],
      });
    sections.push(...found);
  }
  return sections;
}

async function readStdin(): Promise<string> {
  if (process.stdin.isTTY === true)
    throw new OrchError({
      reason: "invalid-flag",
      message: "There is nothing to comment: no file, and standard input is a terminal.",
      next: ["`orch plan --format markdown | orch comment`, or name a file."],
    });
  const parts: Buffer[] = [];
  for await (const part of process.stdin) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
}
