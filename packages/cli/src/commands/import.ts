import * as Args from "@oclif/core/args";
import * as Flags from "@oclif/core/flags";
import type { ImportObject, PlanOptions } from "@orch/core/engine-contract";
import { OrchError } from "@orch/core/model/failure";
import type { Plan } from "@orch/core/model/plan";
import { packageOf, type Urn } from "@orch/core/model/urn";
import type { StackStore } from "@orch/core/state/contract";
import { OrchCommand } from "../command.js";
import { type Work, withEngine } from "../context.js";
import { diffFlag, eventsFlag, jsonFlag, lockTimeoutFlag, parallelFlag, yesFlag } from "../flags.js";
import type { ProgramPart } from "../imports/code.js";
import type { ImportFile } from "../imports/file.js";
import { writePrivate } from "../plan-file.js";
import { findResource } from "../render/state.js";
import { note, session, write, writeJsonLine } from "../session.js";
import { openView } from "../view/view.js";

export default class Import extends OrchCommand {
  static override summary = "Take objects that exist into the stack, and write the program for them.";
  static override description =
    `Reads each object through its provider, shows what would be imported, asks, and writes it into the state. Nothing outside is changed. In the end it prints the program code that says the same, or writes it to --out: with it in the program, the next plan has nothing to do. Secret inputs become secret configuration, and the command that sets each is told.

With --file, many at once, from a file as \`pulumi import --file\` takes it. Imported objects are protected, so that a program without them does not delete them; --no-protect leaves that out.

Exit codes: as of \`orch apply\`; 64 the arguments or the file are not right.`;
  static override examples = [
    '<%= config.bin %> import host:index:File notes "$PWD/notes.txt"',
    "<%= config.bin %> import aws:s3/bucket:Bucket assets assets-1a2b3c --out assets.ts",
    "<%= config.bin %> import --file resources.json --yes",
  ];
  static override args = {
    type: Args.string({ ignoreStdin: true, description: "The type, as `aws:s3/bucket:Bucket`." }),
    name: Args.string({ ignoreStdin: true, description: "What the resource is to be called." }),
    id: Args.string({ ignoreStdin: true, description: "What the provider knows the object by." }),
  };
  static override flags = {
    file: Flags.string({ char: "f", summary: "Import what this file lists.", helpValue: "FILE" }),
    out: Flags.string({
      char: "o",
      summary: "Write the program code to this file instead of printing it.",
      helpValue: "FILE",
    }),
    protect: Flags.boolean({
      summary: "Protect what is imported from deletion (default).",
      allowNo: true,
      default: true,
    }),
    parent: Flags.string({
      summary: "The component that it is to be in: its URN or name.",
      helpValue: "RESOURCE",
    }),
    provider: Flags.string({
      summary: "The provider to read it with: its URN or name.",
      helpValue: "RESOURCE",
    }),
    properties: Flags.string({
      summary: "Take over this input only; may be given several times. Default: all.",
      helpValue: "NAME",
      multiple: true,
      multipleNonGreedy: true,
    }),
    yes: yesFlag,
    json: jsonFlag,
    events: eventsFlag,
    diff: diffFlag,
    "lock-timeout": lockTimeoutFlag(),
    parallel: parallelFlag(),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Import);
    const { type, name, id } = args;
    const { file } = flags;
    if (
      file !== undefined &&
      [type, flags.parent, flags.provider, flags.properties].some((one) => one !== undefined)
    )
      throw usage("--file says what is imported, and how.", "--file FILE alone, or TYPE, NAME and ID");
    if (file === undefined && (type === undefined || name === undefined || id === undefined))
      throw usage("`orch import` needs TYPE, NAME and ID, or --file FILE.", "orch import TYPE NAME ID");
    const view = openView({ jsonEvents: true });
    return withEngine(this.config.version, view, flags, async (work) => {
      const { store } = work.engine;
      const wanted: ImportFile =
        file === undefined
          ? await single({ type: type as string, name: name as string, id: id as string }, flags, store)
          : await (await import("../imports/file.js")).readImportFile(file);
      const options: PlanOptions = {
        kind: "apply",
        imports: { objects: wanted.objects, protect: flags.protect },
      };
      const { planAndPerform } = await import("../perform.js");
      let made: Plan | undefined;
      let part: ProgramPart | undefined;
      const code = await planAndPerform(
        work,
        view,
        options,
        {
          yes: flags.yes,
          diff: flags.diff,
          format: flags.json ? "json" : "text",
          continueOnError: false,
          planned: async (plan) => {
            made = plan;
            // Before anything is written: what there is no code for is not imported either.
            part = await codeOf(plan, wanted, work);
          },
        },
        "import",
      );
      if (code === 0 && made !== undefined && part !== undefined) await tell(part, flags.out, made);
      return code;
    });
  }
}

const usage = (message: string, expected: string): OrchError =>
  new OrchError({ reason: "invalid-flag", message, expected, next: ["See `orch import --help`."] });

async function single(
  object: ImportObject,
  flags: {
    readonly parent?: string | undefined;
    readonly provider?: string | undefined;
    readonly properties?: string[] | undefined;
  },
  store: StackStore,
): Promise<ImportFile> {
  const { resources } = await store.snapshot();
  const find = (wanted: string | undefined): Urn | undefined =>
    wanted === undefined ? undefined : findResource(resources, wanted, store.info.stack).urn;
  const [parent, provider] = [find(flags.parent), find(flags.provider)];
  const { properties } = flags;
  return {
    objects: [
      {
        ...object,
        ...(parent === undefined ? {} : { parent }),
        ...(provider === undefined ? {} : { provider }),
        ...(properties === undefined ? {} : { properties }),
      },
    ],
    variables: new Map(),
  };
}

async function codeOf(plan: Plan, { variables }: ImportFile, { engine }: Work): Promise<ProgramPart> {
  const [{ programOf }, { servedByOrch }, { modulesOf }] = await Promise.all([
    import("../imports/code.js"),
    import("@orch/providers/loaders"),
    import("@orch/core/engine"),
  ]);
  const direct = servedByOrch(engine.project);
  const packages = new Set(
    plan.steps.flatMap((step) => (step.op === "import" ? [packageOf(step.resource.type)] : [])),
  );
  const modules = await modulesOf(engine, plan, [...packages]);
  return programOf(plan.steps, { variables, direct, modules });
}

async function tell({ text, secrets }: ProgramPart, out: string | undefined, plan: Plan): Promise<void> {
  if (out !== undefined) await writePrivate(out, text, "The program code cannot be written");
  if (session.json)
    writeJsonLine({
      format: 1,
      type: "import-code",
      ...(out === undefined ? { code: text } : { file: out }),
      secrets: [...secrets],
    });
  else if (out === undefined) write(`\n${text.trimEnd()}`);
  else
    note(
      `The program code for ${plan.steps.filter(({ op }) => op === "import").length === 1 ? "it" : "them"} is in ${out}.`,
    );
  if (session.json) return;
  note(
    "Put the code into the program: until then the next plan would delete what was imported, and stops where it is protected.",
  );
  for (const key of secrets) note(`Set its secret first: \`orch config set ${key} --secret\`.`);
}
