import * as Args from "@oclif/core/args";
import type { EngineContext } from "@orch/core/engine-contract";
import { OrchError, toFailure } from "@orch/core/model/failure";
import type { Plan } from "@orch/core/model/plan";
import { episodes, explain } from "@orch/core/plan/explain";
import { indexSteps, subjectOf } from "@orch/core/plan/why";
import { closest } from "@orch/core/state/closest";
import type { StackStore } from "@orch/core/state/contract";
import { OrchCommand } from "../command.js";
import { withEngine, withStack } from "../context.js";
import { durationsOf } from "../durations.js";
import { diffFlag, eventsFlag, jsonFlag, refreshFlag } from "../flags.js";
import { type Explained, renderExplanation } from "../render/explain.js";
import { explanationJson } from "../render/json.js";
import { findResource } from "../render/state.js";
import { outTheme, writeJson, writeText } from "../session.js";
import { openView } from "../view/view.js";

export default class Explain extends OrchCommand {
  static override summary =
    "Tell what is behind a failure's reason, or why the plan does what it does to a resource.";
  static override description =
    `A failure names its reason in brackets: error[plan-stale]. Without SUBJECT all of them are listed with their exit codes.

Of a resource, makes a plan (or takes the one kept in FILE) and tells of one resource what it is, what would be done to it and what made it so, back to the first change; where its values come from, which resources need it, what the plan changes because of it, and what earlier runs did to it. Nothing is changed. It is named by its URN, or by its name when only one resource has it.

Exit codes: 0 explained, 1 the plan failed, 3 FILE is no plan of this stack, 64 there is no such reason or resource.`;
  static override examples = [
    "<%= config.bin %> explain plan-stale",
    "<%= config.bin %> explain",
    "<%= config.bin %> explain db",
    "<%= config.bin %> explain 'urn:pulumi:dev::shop::aws:rds/instance:Instance::db' --refresh",
    "<%= config.bin %> explain db change.plan",
  ];
  static override args = {
    subject: Args.string({
      ignoreStdin: true,
      description: "A reason, such as `plan-stale`, or a resource's URN or name; without it all reasons.",
    }),
    file: Args.string({ ignoreStdin: true, description: "A plan made by `orch plan --out FILE`." }),
  };
  static override flags = { json: jsonFlag, events: eventsFlag, diff: diffFlag, refresh: refreshFlag };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Explain);
    const { subject, file } = args;
    const { reasonIn, reasons, tellReason } = await import("../explain-reason.js");
    const reason = subject === undefined ? undefined : reasonIn(subject);
    if (subject === undefined || reason !== undefined) {
      tellReason(reason);
      return 0;
    }
    try {
      return await this.resource(subject, file, flags);
    } catch (error) {
      const near = closest(subject, reasons);
      if (near.length === 0) throw error;
      const failure = toFailure(error);
      const next = [`Did you mean the reason ${near.join(" or ")}?`, ...(failure.next ?? [])];
      throw new OrchError({ ...failure, next }, { cause: error });
    }
  }

  private resource(
    subject: string,
    file: string | undefined,
    flags: { readonly json: boolean; readonly diff: boolean; readonly refresh: boolean },
  ): Promise<number> {
    if (file !== undefined)
      return withStack(this.config.version, async ({ store, stack }) => {
        const { loadPlan } = await import("../plan-file.js");
        const { plan } = await loadPlan(file, store);
        return this.show(await gather(plan, store, subject, stack), store, flags);
      });
    const view = openView();
    return withEngine(this.config.version, view, {}, async ({ engine, stack }) => {
      const plan = await newPlan(engine, flags.refresh);
      view.clear();
      return this.show(await gather(plan, engine.store, subject, stack.stack), engine.store, flags);
    });
  }

  private async show(
    explained: Explained,
    store: StackStore,
    flags: { readonly json: boolean; readonly diff: boolean },
  ): Promise<number> {
    if (flags.json) {
      writeJson(explanationJson(explained));
      return 0;
    }
    const durations = await durationsOf(store);
    const times = durations === undefined ? {} : { durations };
    writeText(renderExplanation(explained, { theme: outTheme(), full: flags.diff, ...times }));
    return 0;
  }
}

async function newPlan(engine: EngineContext, refresh: boolean): Promise<Plan> {
  const { plan } = await import("@orch/core/engine");
  return plan(engine, { kind: "apply", refresh });
}

async function gather(plan: Plan, store: StackStore, wanted: string, stack: string): Promise<Explained> {
  const { resources } = await store.snapshot();
  const index = indexSteps(plan.steps);
  const planned = [...index.values()].map(subjectOf);
  const { urn } = findResource(
    [...planned, ...resources.filter((row) => row.deposed === undefined && !index.has(row.urn))],
    wanted,
    stack,
  );
  const explanation = explain(urn, index, resources);
  if (explanation === undefined) throw new TypeError(`${urn} was found and is not there`);
  const past = episodes(await store.history(urn));
  const runs = new Map((await store.runs()).map((run) => [run.id, run]));
  return { explanation, index, past, runs };
}
