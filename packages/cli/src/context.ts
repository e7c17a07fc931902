/** From flags to what the engine works with, and the orderly end of it: providers stopped, locks given back, screen clean. */
import type { EngineContext } from "@orch/core/engine-contract";
import type { EventSink } from "@orch/core/model/event";
import { OrchError, toFailure } from "@orch/core/model/failure";
import type { ContextOptions, ProjectContext, StackContext } from "@orch/core/project/index";
import type { PassphrasePrompt } from "@orch/core/state/keys/contract";
import type { EventFile } from "./event-file.js";
import { catchInterrupts, type Interrupts } from "./interrupt.js";
import { askHidden } from "./prompt.js";
import { note, session } from "./session.js";
import type { View } from "./view/view.js";

const prompt: PassphrasePrompt = async (question, { confirm }) => {
  for (;;) {
    const first = await askHidden(`${question}: `);
    if (!confirm || first === (await askHidden("The same again: "))) return first;
    process.stderr.write("The two were not the same.\n");
  }
};

export function contextOptions(orchVersion: string): ContextOptions {
  return {
    cwd: process.cwd(),
    orchVersion,
    notice: (text) => (session.say ?? note)(text),
    ...(session.stack === undefined ? {} : { stack: session.stack }),
    ...(process.stdin.isTTY === true ? { passphrasePrompt: prompt } : {}),
  };
}

/** For commands that need no stack. */
export async function withProject<T>(
  orchVersion: string,
  use: (context: ProjectContext) => Promise<T>,
): Promise<T> {
  const { openProjectContext } = await import("@orch/core/project/index");
  const context = await openProjectContext(contextOptions(orchVersion));
  session.baseDir = context.project.dir;
  try {
    return await use(context);
  } finally {
    await context.close();
  }
}

/** For commands on a stack that call no provider. */
export async function withStack<T>(
  orchVersion: string,
  use: (context: StackContext) => Promise<T>,
): Promise<T> {
  const context = await openStack(orchVersion);
  try {
    return await use(context);
  } finally {
    await context.store.close();
    await context.close();
  }
}

/** The stack of the flags, the environment or the selection; when nothing names one and there is but one, that one. */
async function openStack(orchVersion: string): Promise<StackContext> {
  const { openProjectContext, openStackContext } = await import("@orch/core/project/index");
  const options = contextOptions(orchVersion);
  let context: StackContext;
  try {
    context = await openStackContext(options);
  } catch (error) {
    if (toFailure(error).reason !== "stack-not-selected") throw error;
    const { project, backend, close } = await openProjectContext(options);
    const stacks = await backend.listStacks(project.name).finally(close);
    const [only] = stacks;
    if (only === undefined || stacks.length > 1) throw error;
    context = await openStackContext({ ...options, stack: only.stack });
  }
  session.baseDir = context.project.programDir;
  session.target = { project: context.project.name, stack: context.stack };
  return context;
}

export interface Work {
  readonly stack: StackContext;
  readonly engine: EngineContext;
  readonly interrupts: Interrupts;
  /** Hears every event from now on, after the view. */
  listen(sink: EventSink): void;
}

export interface EngineFlags {
  readonly parallel?: number | undefined;
  readonly "lock-timeout"?: number | undefined;
  readonly events?: string | undefined;
}

/** For commands that call the engine: interrupts are caught, providers and the program are ended in the end. */
export async function withEngine<T>(
  orchVersion: string,
  view: View,
  flags: EngineFlags,
  use: (work: Work) => Promise<T>,
): Promise<T> {
  const loading = Promise.all([
    import("@orch/providers/loaders"),
    import("@orch/core/engine"),
    import("@orch/core/project/index"),
    import("@orch/core/provider/stack-references"),
  ]);
  // Awaited below; a failure of the stack is told first.
  loading.catch(() => undefined);
  // Before anything is done: a file that can't be written is a mistake in the flags.
  if (flags.events !== undefined && session.events === undefined)
    session.events = (await import("./event-file.js")).openEventFile(flags.events, (text) =>
      (session.say ?? note)(text),
    );
  session.say = view.say;
  const stack = await openStack(orchVersion);
  const interrupts = catchInterrupts((times) => view.say(interruptText[times]));
  // One that was started for another folder is of no use; main.ts ends it.
  const shown = session.events === undefined ? view.sink : await recorded(view.sink, session.events);
  const listeners: EventSink[] = [];
  const events: EventSink = (event) => {
    shown(event);
    for (const listener of listeners) listener(event);
  };
  session.events?.begin({
    format: 1,
    type: "command-started",
    at: Date.now(),
    command: session.command?.replace(":", " ") ?? "",
    orchVersion,
    pid: process.pid,
    project: stack.project.name,
    stack: stack.stack,
  });
  const programHost =
    session.programHost?.programDir === stack.project.programDir ? session.programHost : undefined;
  let engine: EngineContext | undefined;
  const [{ loadersFor }, { closeEngine }, { stackOutputsReader }, { stackReferenceLoader }] = await loading;
  try {
    engine = {
      project: stack.project,
      config: stack.config,
      store: stack.store,
      loaders: [
        stackReferenceLoader(stackOutputsReader(stack, contextOptions(orchVersion))),
        ...loadersFor(stack.project),
      ],
      events,
      signal: interrupts.signal,
      cancelSignal: interrupts.cancelSignal,
      orchVersion,
      ...(flags.parallel === undefined ? {} : { parallel: flags.parallel }),
      ...(flags["lock-timeout"] === undefined ? {} : { lockTimeoutMs: flags["lock-timeout"] }),
      ...(programHost === undefined ? {} : { programHost }),
    };
    return await use({ stack, engine, interrupts, listen: (sink) => void listeners.push(sink) });
  } catch (error) {
    if (interrupts.count() > 0 && toFailure(error).reason !== "interrupted") {
      // What fails because it was stopped is an interruption first; what it said is kept as its cause.
      throw new OrchError(
        { reason: "interrupted", message: "Interrupted.", causes: [toFailure(error)] },
        { cause: error },
      );
    }
    throw error;
  } finally {
    session.say = undefined;
    view.close();
    if (engine !== undefined) await closeEngine(engine);
    await stack.store.close();
    await stack.close();
    interrupts.release();
  }
}

/** Every event goes into the file first: what a person has seen stands there. */
async function recorded(sink: EventSink, file: EventFile): Promise<EventSink> {
  const { eventJson } = await import("./render/json.js");
  return (event) => {
    file.write(eventJson(event));
    sink(event);
  };
}

const interruptText = {
  1: "Interrupted: what is running will be finished, nothing new is started. Ctrl-C again cancels what is running.",
  2: "Cancelling what is running. Ctrl-C once more leaves at once; the next command then looks after what was under way.",
  3: "Leaving at once.",
} as const;
