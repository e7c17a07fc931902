import { relative, resolve } from "node:path";
import { exitCodeOf, toFailure } from "@orch/core/model/failure";
import type { Plan } from "@orch/core/model/plan";
import { OrchCommand } from "../command.js";
import { withEngine } from "../context.js";
import { diffFlag, eventsFlag, jsonFlag, parallelFlag, refreshFlag } from "../flags.js";
import { renderFailure } from "../render/failure.js";
import { errorJson, planJson } from "../render/json.js";
import { renderPlan } from "../render/plan.js";
import { sinceLast } from "../render/since.js";
import { errTheme, note, outTheme, session, write, writeJsonLine } from "../session.js";
import { openView } from "../view/view.js";

/** Editors write a file in several steps; ms. */
const settle = 150;
const sources = /\.(?:[cm]?[jt]sx?|json|ya?ml)$/;

export default class Watch extends OrchCommand {
  static override summary = "Plan again whenever the program or its configuration is saved.";
  static override description =
    `Shows the plan, and what is different from the one before. Watches the files that the program loaded, new files beside them, the project file and the stack's settings. A program that does not compile is told, and the next save tries again. Nothing is ever applied. With --json a line per plan, per failure, and per time that files were saved.

Exit codes: 0 ended by Ctrl-C, 1 there is no project or stack.`;
  static override examples = ["<%= config.bin %> watch", "<%= config.bin %> watch --stack dev --diff"];
  static override flags = {
    json: jsonFlag,
    events: eventsFlag,
    diff: diffFlag,
    refresh: refreshFlag,
    parallel: parallelFlag(),
  };

  async run(): Promise<number> {
    const { flags } = await this.parse(Watch);
    const { findProject } = await import("@orch/core/project/index");
    const project = await findProject(process.cwd());
    let known: ReadonlySet<string> | undefined;
    let last: Plan | undefined;
    const changes = await watchFolder(project.dir, (file, added) =>
      // After a failure nobody knows which files the program would have loaded.
      known === undefined || added ? sources.test(file) : known.has(file),
    );
    try {
      for (;;) {
        const made = await this.planOnce(flags);
        if (made === "interrupted") return 0;
        if (made === undefined) known = undefined;
        else {
          const { plan, settings } = made;
          if (session.json) writeJsonLine(planJson(plan));
          else {
            write(renderPlan(plan, { theme: outTheme(), full: flags.diff }));
            if (last !== undefined) write(["", ...sinceLast(last, plan, outTheme())].join("\n"));
          }
          last = plan;
          known = new Set([
            ...Object.keys(plan.program).map((file) => resolve(project.dir, file)),
            ...settings,
            project.file,
          ]);
        }
        tell({ format: 1, type: "watching", at: Date.now() }, "Watching. Ctrl-C ends it.");
        const changed = await changes.next();
        if (changed === undefined) return 0;
        const files = changed.map((file) => relative(project.dir, file));
        tell({ format: 1, type: "files-changed", at: Date.now(), files }, `\nChanged: ${files.join(", ")}`);
      }
    } finally {
      await changes.close();
    }
  }

  /** Undefined, and told, when there is no plan now. */
  private async planOnce(flags: {
    readonly refresh: boolean;
    readonly events?: string | undefined;
    readonly parallel?: number | undefined;
  }): Promise<{ readonly plan: Plan; readonly settings: readonly string[] } | "interrupted" | undefined> {
    const view = openView();
    try {
      return await withEngine(this.config.version, view, flags, async ({ engine, stack }) => {
        const { plan } = await import("@orch/core/engine");
        const made = await plan(engine, { kind: "apply", refresh: flags.refresh });
        view.clear();
        return { plan: made, settings: [stack.file.yaml.path] };
      });
    } catch (error) {
      const failure = toFailure(error);
      if (failure.reason === "interrupted") return "interrupted";
      const document = errorJson(failure, exitCodeOf(failure));
      if (session.json) writeJsonLine(document);
      session.events?.write(document);
      note(
        renderFailure(failure, {
          theme: errTheme(),
          verbose: session.verbose,
          columns: process.stderr.columns,
          ...(session.baseDir === undefined ? {} : { baseDir: session.baseDir }),
        }),
      );
      return undefined;
    }
  }
}

/** For people on standard error; a line for machines. */
function tell(event: object, text: string): void {
  if (session.json) writeJsonLine(event);
  else note(errTheme().dim(text));
  session.events?.write(event);
}

interface Changes {
  /** Files that were saved since it was asked last, once they are still; undefined: Ctrl-C. */
  next(): Promise<readonly string[] | undefined>;
  close(): Promise<void>;
}

async function watchFolder(
  folder: string,
  matters: (file: string, added: boolean) => boolean,
): Promise<Changes> {
  const { watch } = await import("chokidar");
  const watcher = watch(folder, {
    ignoreInitial: true,
    ignored: (path) => /(^|[\\/])(?:node_modules|\.[^\\/]+)(?:[\\/]|$)/.test(relative(folder, path)),
  });
  await new Promise<void>((resolve) => watcher.once("ready", () => resolve()));
  const changed = new Set<string>();
  let wake: (() => void) | undefined;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;
  watcher.on("all", (event, file) => {
    if (event === "addDir" || event === "unlinkDir") return;
    if (!matters(resolve(file), event === "add")) return;
    changed.add(resolve(file));
    clearTimeout(timer);
    timer = setTimeout(() => wake?.(), settle);
  });
  const end = (): void => {
    ended = true;
    wake?.();
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, end);
  return {
    async next() {
      if (changed.size === 0 && !ended)
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      wake = undefined;
      if (ended) return undefined;
      const files = [...changed];
      changed.clear();
      return files;
    },
    async close() {
      clearTimeout(timer);
      for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.off(name, end);
      await watcher.close();
    },
  };
}
