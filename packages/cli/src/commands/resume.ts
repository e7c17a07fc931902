import * as Flags from "@oclif/core/flags";
import { answersTo, type OpenStep, type ResumeAnswer, settledText } from "@orch/core/execute/resume";
import { OrchError } from "@orch/core/model/failure";
import { parseUrn, type Urn } from "@orch/core/model/urn";
import { didYouMean } from "@orch/core/state/closest";
import type { UnfinishedStep } from "@orch/core/state/contract";
import { askOpen, renderOpen } from "../ask-open.js";
import { OrchCommand } from "../command.js";
import { withEngine } from "../context.js";
import { eventsFlag, jsonFlag, lockTimeoutFlag } from "../flags.js";
import { failureJson, mapJson } from "../render/json.js";
import { shortUrn } from "../render/names.js";
import { count, visible } from "../render/text.js";
import { isInteractive, outTheme, write, writeJson } from "../session.js";
import { openView } from "../view/view.js";

export default class Resume extends OrchCommand {
  static override summary = "Settle what a run that was cut off had begun.";
  static override description =
    `Looks into every step that was begun and of which no outcome is known, because the process was killed or its provider did not answer: reads the object back, looks for it, or sends its creation again with the same token, which makes no second one. What can't be settled that way is listed with all that is known; on a terminal orch asks, otherwise answer with --urn and one of --retry, --adopt and --forget.

\`orch apply\` does the same before it plans, and then goes on with everything that does not need what is open.

Exit codes: 0 nothing is open any more, 4 something is, 1 it failed, 64 there is no such open step or the answer does not fit it.`;
  static override examples = [
    "<%= config.bin %> resume",
    "<%= config.bin %> resume --urn 'urn:pulumi:dev::shop::aws:s3/bucket:Bucket::logs' --adopt logs-1a2b3c",
    "<%= config.bin %> resume --urn logs --retry",
    "<%= config.bin %> resume --json",
  ];
  static override flags = {
    urn: Flags.string({
      summary: "The open step that the answer is about; its name is enough where only one has it.",
      helpValue: "URN",
    }),
    retry: Flags.boolean({
      summary: "It did not take place, or may take place again: the next apply does it.",
      exclusive: ["adopt", "forget"],
    }),
    adopt: Flags.string({
      summary: "The creation made the object with this id: it is read and becomes part of the state.",
      helpValue: "ID",
      exclusive: ["retry", "forget"],
    }),
    forget: Flags.boolean({
      summary: "Ask no more and leave everything as it is; the row of a deletion goes without its object.",
      exclusive: ["retry", "adopt"],
    }),
    "lock-timeout": lockTimeoutFlag(),
    json: jsonFlag,
    events: eventsFlag,
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Resume);
    const answer = answerOf(flags);
    const view = openView();
    return withEngine(this.config.version, view, flags, async ({ engine, stack }) => {
      const { resumeRun } = await import("@orch/core/engine");
      const { unfinished } = await stack.store.snapshot();
      const answers = new Map<Urn, ResumeAnswer>();
      if (flags.urn !== undefined && answer !== undefined)
        answers.set(openUrn(unfinished, flags.urn, answer), answer);
      if (unfinished.length === 0) {
        if (flags.json) writeJson({ format: 1, type: "resume", settled: [], open: [] });
        else write("Nothing is left open by earlier runs.");
        return 0;
      }
      const first = await resumeRun(engine, answers);
      let { open } = first;
      let settled = [...first.settled];
      if (open.length > 0 && answers.size === 0 && isInteractive()) {
        const given = await askOpen(open, view);
        if (given.size > 0) {
          const more = await resumeRun(engine, given);
          open = more.open;
          settled = [...settled, ...more.settled];
        }
      }
      view.clear();
      const runs = new Map((await stack.store.runs()).map((run) => [run.id, run.who]));
      if (flags.json) {
        writeJson({
          format: 1,
          type: "resume",
          settled: settled.map((one) => ({ ...one })),
          open: open.map((one) => openJson(one, runs.get(one.unfinished.runId))),
        });
        return open.length > 0 ? 4 : 0;
      }
      const theme = outTheme();
      for (const one of settled)
        write(`${theme.success("✓")} ${theme.name(shortUrn(one.urn))}: ${visible(settledText(one))}`);
      for (const one of open) {
        write("");
        for (const line of renderOpen(one, theme, runs.get(one.unfinished.runId))) write(line);
        for (const next of one.failure.next ?? []) write(`  ${theme.dim("→")} ${visible(next)}`);
      }
      if (open.length === 0) {
        write(
          `${count(settled.length, "step")} settled; nothing is left open. \`orch apply\` goes on from here.`,
        );
        return 0;
      }
      write(`\n${count(settled.length, "step")} settled, ${open.length} left open.`);
      return 4;
    });
  }
}

function answerOf(flags: {
  readonly urn?: string | undefined;
  readonly retry?: boolean;
  readonly adopt?: string | undefined;
  readonly forget?: boolean;
}): ResumeAnswer | undefined {
  const answer: ResumeAnswer | undefined =
    flags.adopt !== undefined
      ? { kind: "adopt", id: flags.adopt }
      : flags.retry
        ? { kind: "retry" }
        : flags.forget
          ? { kind: "forget" }
          : undefined;
  if ((answer === undefined) !== (flags.urn === undefined))
    throw new OrchError({
      reason: "invalid-flag",
      message:
        answer === undefined
          ? "--urn says which step, but not what became of it"
          : `--${answer.kind} says what became of a step, but not of which`,
      next: [
        "Give --urn URN and one of --retry, --adopt ID and --forget; `orch resume` alone lists what is open.",
      ],
    });
  if (answer?.kind === "adopt" && answer.id.trim() === "")
    throw new OrchError({
      reason: "invalid-flag",
      message: "--adopt needs the id of an object, not an empty one",
    });
  return answer;
}

/** Rejects when nothing of that name is open, or when the answer does not fit it. */
function openUrn(unfinished: readonly UnfinishedStep[], wanted: string, answer: ResumeAnswer): Urn {
  const named = unfinished.filter(
    ({ intent }) => intent.urn === wanted || parseUrn(intent.urn).name === wanted,
  );
  const urns = [...new Set(named.map(({ intent }) => intent.urn))];
  const [urn, ...others] = urns;
  if (urn === undefined) {
    throw new OrchError({
      reason: "invalid-flag",
      message: `No step of ${wanted} is open.`,
      next: [
        ...didYouMean(
          wanted,
          unfinished.map(({ intent }) =>
            wanted.startsWith("urn:") ? intent.urn : parseUrn(intent.urn).name,
          ),
        ),
        "See what is open with `orch resume`.",
      ],
    });
  }
  if (others.length > 0)
    throw new OrchError({
      reason: "invalid-flag",
      message: `Steps of several resources named ${wanted} are open.`,
      next: ["Give the URN of one:", ...urns],
    });
  const wrong = named.find((step) => !answersTo(step).includes(answer.kind));
  if (wrong)
    throw new OrchError({
      reason: "invalid-flag",
      message: `What is open of ${wanted} is a ${wrong.intent.op}, which has no object to adopt.`,
      next: [
        `Answer with ${answersTo(wrong)
          .map((kind) => `--${kind}`)
          .join(" or ")}.`,
      ],
    });
  return urn;
}

function openJson({ unfinished, failure }: OpenStep, who: string | undefined) {
  const { runId, intent } = unfinished;
  const { urn, op, type, id, token, provider, deposed, inputs, at } = intent;
  return {
    urn,
    op,
    type,
    runId,
    ...(who === undefined ? {} : { who }),
    begunAt: new Date(at).toISOString(),
    ...(id === undefined ? {} : { id }),
    ...(token === undefined ? {} : { token }),
    ...(provider === undefined ? {} : { provider }),
    ...(deposed === undefined ? {} : { deposed }),
    inputs: mapJson(inputs),
    answers: answersTo(unfinished),
    failure: failureJson(failure),
  };
}
