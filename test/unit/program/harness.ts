import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Event } from "@orch/core/model/event";
import { type Failure, OrchError } from "@orch/core/model/failure";
import type { ReadResource, Resource } from "@orch/core/model/resource";
import { type PropertyMap, unknown } from "@orch/core/model/value";
import type {
  ProgramHost,
  ProgramInvoke,
  ProgramOptions,
  ProgramResult,
  ProgramSink,
  RegistrationAnswer,
} from "@orch/core/program/contract";
import { runProgram } from "@orch/core/program/run";
import { afterAll } from "vitest";

const root = fileURLToPath(new URL("../../../", import.meta.url));
export const fixture = (name: string): string => join(root, "test/fixtures/programs", name);

const folders: string[] = [];
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

/** A program in a folder of its own, with the workspace's packages beside it unless `packages` is false. */
export function program(files: Readonly<Record<string, string>>, packages = true): string {
  const dir = mkdtempSync(join(tmpdir(), "orch-program-"));
  folders.push(dir);
  if (packages) symlinkSync(join(root, "node_modules"), join(dir, "node_modules"));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(dir, name)), { recursive: true });
    writeFileSync(join(dir, name), text);
  }
  return dir;
}

export interface Ran {
  readonly resources: Resource[];
  readonly reads: ReadResource[];
  readonly invokes: ProgramInvoke[];
  readonly registeredOutputs: Record<string, PropertyMap>;
  readonly events: Event[];
  readonly lines: string[];
  readonly logs: Extract<Event, { type: "log" }>[];
  readonly result?: ProgramResult;
  readonly failure?: Failure;
}

export interface RunSettings extends Partial<ProgramOptions> {
  /** What the sink answers; by default the inputs and, in plans, an unknown id. */
  readonly answer?: (resource: Resource) => RegistrationAnswer | Promise<RegistrationAnswer>;
  readonly invoke?: (request: ProgramInvoke) => PropertyMap;
  readonly sink?: Partial<ProgramSink>;
  readonly host?: ProgramHost;
}

/** Runs the program of a folder in a real child process against a sink that records. */
export async function run(dir: string, settings: RunSettings = {}): Promise<Ran> {
  const { answer, invoke, sink, host, ...options } = settings;
  const ran = {
    resources: [] as Resource[],
    reads: [] as ReadResource[],
    invokes: [] as ProgramInvoke[],
    registeredOutputs: {} as Record<string, PropertyMap>,
    events: [] as Event[],
    lines: [] as string[],
    logs: [] as Extract<Event, { type: "log" }>[],
  };
  const dryRun = options.dryRun ?? true;
  const recording: ProgramSink = {
    async register(resource) {
      ran.resources.push(resource);
      if (answer !== undefined) return answer(resource);
      return resource.custom
        ? { id: dryRun ? unknown : `id-of-${resource.name}`, outputs: resource.inputs }
        : { outputs: resource.inputs };
    },
    async registerOutputs(urn, outputs) {
      ran.registeredOutputs[urn] = outputs;
    },
    async read(resource) {
      ran.reads.push(resource);
      return { id: resource.id, outputs: { ...resource.inputs, read: true } };
    },
    async invoke(request) {
      ran.invokes.push(request);
      return invoke === undefined ? {} : invoke(request);
    },
    construct: async ({ urn }) => {
      throw new Error(`no plugin makes ${urn} here`);
    },
    call: async ({ token }) => {
      throw new Error(`no plugin has ${token} here`);
    },
    ...sink,
  };
  try {
    const result = await runProgram(
      {
        projectDir: dir,
        programDir: dir,
        project: "proj",
        stack: "dev",
        organization: "acme",
        config: {},
        secretKeys: [],
        dryRun,
        parallel: 8,
        ...options,
        events: (event) => {
          ran.events.push(event);
          if (event.type === "program-output") ran.lines.push(`${event.stream}: ${event.line}`);
          if (event.type === "log") ran.logs.push(event);
          options.events?.(event);
        },
      },
      recording,
      host,
    );
    return { ...ran, result };
  } catch (error) {
    if (!(error instanceof OrchError)) throw error;
    return { ...ran, failure: error.failure };
  }
}

/** The failure of a run that must fail; shows the whole run when it did not. */
export function failureOf(ran: Ran): Failure {
  if (ran.failure === undefined) throw new Error(`the program ended well: ${JSON.stringify(ran.lines)}`);
  return ran.failure;
}

export function resultOf(ran: Ran): ProgramResult {
  if (ran.result === undefined)
    throw new Error(`the program failed: ${JSON.stringify(ran.failure, null, 2)}`);
  return ran.result;
}

export const byName = (ran: Ran, name: string): Resource => {
  const found = ran.resources.find((resource) => resource.name === name);
  if (found === undefined)
    throw new Error(`no resource ${name} among ${ran.resources.map((r) => r.name).join(", ")}`);
  return found;
};
