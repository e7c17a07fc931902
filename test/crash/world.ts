/** The suite's outside world and its killed processes, and the proof after each case that nothing was lost, doubled or left behind. */
import { type ChildProcess, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { ResumeAnswer } from "@orch/core/execute/resume";
import type { ResourceState } from "@orch/core/model/resource";
import { isProviderType, type Urn } from "@orch/core/model/urn";
import { build } from "esbuild";
import { expect } from "vitest";
import type { Report, Task } from "./child.js";
import { typeOf } from "./provider.js";

const here = dirname(fileURLToPath(import.meta.url));
const core = join(here, "..", "..", "packages", "core", "src");

/** Joins the sources into one file, so that a child starts in a tenth of a second. */
export async function compileChild(): Promise<string> {
  const outfile = join(mkdtempSync(join(tmpdir(), "orch-crash-child-")), "child.mjs");
  await build({
    entryPoints: [join(here, "child.ts")],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "silent",
    banner: {
      js: 'import { createRequire as toRequire, enableCompileCache } from "node:module"; enableCompileCache(); const require = toRequire(import.meta.url);',
    },
    plugins: [
      {
        name: "sources",
        setup(plugin) {
          // The suite's program runs inside; the way to run one in a child process, with all that it loads, is left out.
          plugin.onResolve({ filter: /program\/run\.js$/ }, ({ path }) => ({ path, external: true }));
          plugin.onResolve({ filter: /^@orch\/core\// }, ({ path }) => ({
            path: join(core, `${path.slice("@orch/core/".length)}.ts`),
          }));
        },
      },
    ],
  });
  return outfile;
}

interface Stored {
  readonly id: string;
  readonly type: string;
  readonly name: string;
  readonly props: Readonly<Record<string, unknown>>;
  readonly urn: Urn;
}
export interface LogEntry extends Partial<Stored> {
  readonly op: "create" | "update" | "delete" | "reset";
  readonly token?: string;
}

/** The store's process. */
export class Store {
  private constructor(
    readonly process: ChildProcess,
    readonly port: number,
  ) {}

  static async start(dir: string): Promise<Store> {
    mkdirSync(dir, { recursive: true });
    const child = spawn(process.execPath, [join(here, "store.mjs"), dir], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const port = await new Promise<number>((resolve, reject) => {
      createInterface({ input: child.stdout }).once("line", (line) => resolve(Number(line)));
      child.once("exit", (code) => reject(new Error(`the store ended with ${code}`)));
    });
    return new Store(child, port);
  }

  async #call<T>(path: string, given?: unknown): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      ...(given === undefined ? {} : { method: "POST", body: JSON.stringify(given) }),
    });
    return (await response.json()) as T;
  }
  all = (): Promise<Stored[]> => this.#call("/all");
  replace = (objects: readonly Stored[]): Promise<unknown> => this.#call("/all", objects);
  log = (): Promise<LogEntry[]> => this.#call("/log");
  idle = (): Promise<{ effects: number }> => this.#call("/idle");
  kill = (at: { effect?: number; when?: KillAtEffect["when"] }): Promise<unknown> => this.#call("/kill", at);

  async stop(): Promise<void> {
    const ended = new Promise((resolve) => this.process.once("exit", resolve));
    this.process.stdin?.end();
    await ended;
  }
}

export interface KillAtEffect {
  readonly effect: number;
  readonly when: "arrived" | "late" | "done";
}
export interface Ended {
  readonly signal: NodeJS.Signals | null;
  readonly code: number | null;
  /** Absent when it was killed. */
  readonly report?: Report;
  readonly stderr: string;
}
export interface Running {
  readonly process: ChildProcess;
  readonly ended: Promise<Ended>;
  /** Resolves with the first line on standard error that holds the text. */
  line(text: string): Promise<string>;
}

/** State and store as one version of the program left them, to start cases from. */
export interface Baseline {
  readonly dir: string;
  readonly objects: readonly Stored[];
}

export interface Case {
  readonly from: Baseline;
  readonly version: Task["version"];
  readonly kill?: Task["kill"];
  readonly killAfter?: number;
  readonly killAtEffect?: KillAtEffect;
  readonly fail?: Task["fail"];
  readonly parallel?: number;
  readonly slow?: number;
  /** The process that resumes is killed too, at this boundary. */
  readonly again?: NonNullable<Task["kill"]>;
}

export interface Tried {
  readonly killed: boolean;
  /** How many a person was asked about. */
  readonly asked: number;
}

/** A place for cases, one after the other. Several lanes stand beside each other. */
export class Lane {
  readonly #root = mkdtempSync(join(tmpdir(), "orch-crash-"));
  #cases = 0;

  private constructor(
    readonly child: string,
    readonly store: Store,
  ) {}

  static async open(child: string): Promise<Lane> {
    return new Lane(child, await Store.start(mkdtempSync(join(tmpdir(), "orch-crash-store-"))));
  }

  async close(): Promise<void> {
    await this.store.stop();
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** A folder with the baseline's state, and its objects in the store. */
  async prepare(from: Baseline | undefined): Promise<string> {
    const dir = join(this.#root, `case-${++this.#cases}`);
    mkdirSync(dir);
    if (from) cpSync(from.dir, dir, { recursive: true });
    await this.store.replace(from?.objects ?? []);
    return dir;
  }

  start(task: Omit<Task, "port">): Running {
    const child = spawn(
      process.execPath,
      [this.child, JSON.stringify({ ...task, port: this.store.port } satisfies Task)],
      { stdio: ["ignore", "pipe", "pipe"] },
    );
    let stdout = "";
    let stderr = "";
    const watchers: { text: string; found: (line: string) => void }[] = [];
    child.stdout.on("data", (chunk: Buffer) => {
      stdout += chunk.toString();
    });
    child.stderr.on("data", (chunk: Buffer) => {
      stderr += chunk.toString();
      for (const { text, found } of watchers) if (stderr.includes(text)) found(text);
    });
    const ended = new Promise<Ended>((resolve) => {
      child.once("close", (code, signal) =>
        resolve({ code, signal, stderr, ...(stdout === "" ? {} : { report: JSON.parse(stdout) as Report }) }),
      );
    });
    return {
      process: child,
      ended,
      line: (text) =>
        new Promise((resolve, reject) => {
          if (stderr.includes(text)) resolve(text);
          watchers.push({ text, found: resolve });
          void ended.then(() => reject(new Error(`ended without "${text}":\n${stderr}`)));
        }),
    };
  }

  /** Runs to the end; anything but an end of its own is an error of the test. */
  async run(task: Omit<Task, "port">): Promise<Report> {
    const { report, code, signal, stderr } = await this.start(task).ended;
    if (report === undefined) throw new Error(`the child ended with ${code ?? signal}:\n${stderr}`);
    return report;
  }

  /** Applies a version without being disturbed, and keeps what it left. */
  async baseline(
    from: Baseline | undefined,
    version: Task["version"],
  ): Promise<{ at: Baseline; report: Report; effects: number }> {
    const dir = await this.prepare(from);
    const report = await this.run({ dir, version });
    expect(report).toMatchObject({ outcome: "succeeded", failures: [], open: [], left: 0 });
    const { effects } = await this.store.idle();
    return { at: { dir, objects: await this.store.all() }, report, effects };
  }

  /** Kills a run, resumes it, and compares with what the undisturbed run left. Throws when anything differs. */
  async try(tried: Case, undisturbed: Outcome): Promise<Tried> {
    const dir = await this.prepare(tried.from);
    const { version, kill, killAfter, fail, parallel, slow } = tried;
    if (tried.killAtEffect) await this.store.kill(tried.killAtEffect);
    const first = await this.start({
      dir,
      version,
      ...(kill ? { kill } : {}),
      ...(killAfter === undefined ? {} : { killAfter }),
      ...(fail ? { fail } : {}),
      ...(parallel ? { parallel } : {}),
      ...(slow ? { slow } : {}),
    }).ended;
    const killed = first.signal === "SIGKILL";
    if (!killed && first.report === undefined)
      throw new Error(`the child crashed by itself:\n${first.stderr}`);
    await this.store.kill({});
    if (tried.again) await this.start({ dir, version, kill: tried.again }).ended;
    const asked = await this.resume(dir, version, undisturbed);
    rmSync(dir, { recursive: true, force: true });
    return { killed, asked };
  }

  /**
   * What a person does after a crash: the same command again, and the answers that it asks for. Then everything is looked at.
   * Gives the number of questions.
   */
  async resume(dir: string, version: Task["version"], undisturbed: Outcome): Promise<number> {
    let report = await this.run({ dir, version });
    let asked = 0;
    if (report.open.length > 0) {
      asked = report.open.length;
      // Only what can't be found again is asked, and it stopped only itself and what needs it.
      for (const step of report.open) expect(step).toMatchObject({ op: "create", type: typeOf("Plain") });
      expect(report.failures.map(({ reason }) => reason)).toContain("unfinished-steps");
      expect(report.failures.filter(({ reason }) => reason !== "unfinished-steps")).toEqual([]);
      report = await this.run({ dir, version, answers: await this.look(report) });
    }
    expect(report).toMatchObject({ outcome: "succeeded", failures: [], open: [], left: 0 });
    await this.store.idle();
    expectSame(summarize(report, await this.store.all()), undisturbed);
    return asked;
  }

  /** Looks into the store, as a person would in a cloud's console: is there an object for this that orch does not know? */
  async look(report: Report): Promise<Record<Urn, ResumeAnswer>> {
    await this.store.idle();
    const known = new Set(report.rows.map(({ id }) => id));
    const objects = await this.store.all();
    return Object.fromEntries(
      report.open.map(({ urn, type }) => {
        const found = objects.filter((o) => o.urn === urn && o.type === type && !known.has(o.id));
        expect(found.length).toBeLessThanOrEqual(1);
        const [one] = found;
        return [urn, one ? { kind: "adopt" as const, id: one.id } : { kind: "retry" as const }];
      }),
    );
  }
}

/** What must be the same however often it was killed: everything but ids, times and generated names. */
export interface Outcome {
  readonly rows: readonly string[];
  readonly objects: readonly string[];
  readonly outputs: string;
}

/** Throws when state and store do not hold the same objects. */
export function summarize(report: Report, objects: readonly Stored[]): Outcome {
  const managed = report.rows.filter((row) => row.custom && !isProviderType(row.type));
  // No orphan, no duplicate, nothing lost: the same ids on both sides, each once.
  expect(objects.map(({ id }) => id).sort()).toEqual(managed.map(({ id }) => id as string).sort());
  const byId = new Map(objects.map((object) => [object.id, object]));
  const names = new Map<string, string>();
  for (const row of report.rows) if (row.id !== undefined) names.set(row.id, `<id of ${row.urn}>`);
  const plain = (value: unknown): string =>
    JSON.stringify(value)
      .replaceAll(/obj-\d+/g, (id) => names.get(id) ?? `<unknown ${id}>`)
      .replaceAll(/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => names.get(id) ?? `<unknown ${id}>`)
      .replaceAll(/-[0-9a-f]{8}\b/g, "-<seed>");
  for (const row of managed) {
    // The state is what is there.
    const object = byId.get(row.id as string) as Stored;
    expect(object.props).toEqual(row.inputs);
    expect(row.deposed).toBeUndefined();
    expect(row.initErrors).toBeUndefined();
  }
  return {
    rows: report.rows.map((row) => plain(lasting(row))).sort(),
    objects: objects.map(({ type, name, props }) => plain({ type, name, props: sorted(props) })).sort(),
    outputs: plain(sorted(report.outputs)),
  };
}

/** Names the lines that differ, which is what one wants to read. */
function expectSame(found: Outcome, expected: Outcome): void {
  const lines = ({ rows, objects, outputs }: Outcome): string[] => [...rows, ...objects, outputs];
  const [is, should] = [lines(found), lines(expected)];
  expect({
    surplus: is.filter((line) => !should.includes(line)),
    missing: should.filter((line) => !is.includes(line)),
  }).toEqual({ surplus: [], missing: [] });
  expect(found).toEqual(expected);
}

function lasting({ createdAt: _c, modifiedAt: _m, ...row }: ResourceState): unknown {
  return sorted({ ...row, dependencies: [...row.dependencies].sort() });
}
const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
      ? Object.fromEntries(
          Object.entries(value)
            .sort(([a], [b]) => (a < b ? -1 : 1))
            .map(([key, item]) => [key, sorted(item)]),
        )
      : value;

/** Hands cases to lanes as they become free. What goes wrong is collected with the case that it went wrong in. */
export async function eachCase(
  lanes: readonly Lane[],
  cases: readonly { readonly name: string; readonly case: Case; readonly expected: Outcome }[],
): Promise<{ tried: number; killed: number; asked: number; wrong: string[] }> {
  const total = { tried: 0, killed: 0, asked: 0, wrong: [] as string[] };
  let next = 0;
  await Promise.all(
    lanes.map(async (lane) => {
      while (next < cases.length && total.wrong.length < 5) {
        const one = cases[next++];
        if (one === undefined) return;
        try {
          const { killed, asked } = await lane.try(one.case, one.expected);
          total.killed += killed ? 1 : 0;
          total.asked += asked;
        } catch (error) {
          const { from: _, ...described } = one.case;
          total.wrong.push(`${one.name} ${JSON.stringify(described)}:\n${describe(error)}`);
        }
        total.tried++;
        if (total.tried % 100 === 0) process.stderr.write(`  ${total.tried} of ${cases.length} tried\n`);
      }
    }),
  );
  return total;
}

function describe(error: unknown): string {
  const { message, actual } = error as Error & { actual?: unknown };
  return actual === undefined
    ? message
    : `${message}\n${typeof actual === "string" ? actual : JSON.stringify(actual, undefined, 1)}`;
}
