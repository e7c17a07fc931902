/**
 * A real process applies a real program and is killed; the next one goes on from there. `npm run test:crash` tries every boundary of the journal, every effect, and 200
 * random times; `npm test` a part of them, another one each day. ORCH_CRASH=full, ORCH_CRASH_RANDOM=N and ORCH_CRASH_SEED=N say otherwise.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import {
  type Baseline,
  type Case,
  compileChild,
  eachCase,
  type KillAtEffect,
  Lane,
  type Outcome,
  summarize,
} from "./world.js";

const full = process.env.ORCH_CRASH === "full";
const random = Number(process.env.ORCH_CRASH_RANDOM ?? (full ? 200 : 12));
const seed = Number(process.env.ORCH_CRASH_SEED ?? Math.floor(Date.now() / 86_400_000));

let lanes: Lane[] = [];
interface Phase {
  readonly name: string;
  readonly from: Baseline;
  readonly version: 0 | 1 | 2;
  readonly boundaries: number;
  readonly effects: number;
  readonly expected: Outcome;
  readonly elapsedMs: number;
}
/** Making everything, changing everything, destroying everything. */
const phases: Phase[] = [];
let total = 0;

beforeAll(async () => {
  const child = await compileChild();
  lanes = await Promise.all([Lane.open(child), Lane.open(child)]);
  const [lane] = lanes as [Lane];
  const empty: Baseline = { dir: await lane.prepare(undefined), objects: [] };
  let from = empty;
  for (const [name, version] of [
    ["create", 1],
    ["change", 2],
    ["destroy", 0],
  ] as const) {
    const startedAt = Date.now();
    const { at, report, effects } = await lane.baseline(from, version);
    const elapsedMs = Date.now() - startedAt;
    const expected = summarize(report, at.objects);
    phases.push({ name, from, version, boundaries: report.boundaries, effects, expected, elapsedMs });
    from = at;
  }
}, 60_000);
afterAll(async () => {
  for (const lane of lanes) await lane.close();
  console.log(`crash suite: ${total} cases tried`);
});

/** Every one, or every n-th starting with another one each day. */
function pick(count: number, part: number): number[] {
  const all = Array.from({ length: count }, (_, i) => i + 1);
  return full ? all : all.filter((n) => n % part === seed % part);
}

async function all(title: string, cases: { name: string; case: Case; expected: Outcome }[]): Promise<void> {
  const startedAt = Date.now();
  const { tried, killed, asked, wrong } = await eachCase(lanes, cases);
  total += tried;
  console.log(
    `${title}: ${tried} cases, ${killed} killed, ${asked} questions answered, ${Math.round((Date.now() - startedAt) / 1000)} s`,
  );
  expect(wrong.join("\n\n")).toBe("");
  expect(tried).toBe(cases.length);
}

test("killed right before and right after each journal boundary", { timeout: 1_800_000 }, async () => {
  const cases = phases.flatMap(({ name, from, version, boundaries, expected }) =>
    pick(boundaries, 48).flatMap((boundary) =>
      (["before", "after"] as const).map((when) => ({
        name: `${name}, ${when} boundary ${boundary} of ${boundaries}`,
        case: { from, version, kill: { boundary, when } },
        expected,
      })),
    ),
  );
  await all("journal boundaries", cases);
});

test("killed as each effect arrives, is done but not answered, and is done after all", {
  timeout: 1_800_000,
}, async () => {
  const whens: KillAtEffect["when"][] = ["arrived", "done", "late"];
  const cases = phases.flatMap(({ name, from, version, effects, expected }) =>
    pick(effects, 40).flatMap((effect) =>
      whens.map((when) => ({
        name: `${name}, effect ${effect} of ${effects} ${when}`,
        case: { from, version, killAtEffect: { effect, when } },
        expected,
      })),
    ),
  );
  await all("effects", cases);
});

test("killed at random times, with slow and failing calls, and while resuming", {
  timeout: 1_800_000,
}, async () => {
  console.log(`seed ${seed} (ORCH_CRASH_SEED)`);
  const draw = generator(seed);
  const cases = Array.from({ length: random }, (_, i) => {
    const phase = phases[draw(phases.length)] as Phase;
    const { name, from, version, boundaries, effects, expected } = phase;
    const ambiguous = draw(2) === 0;
    const one: Case = {
      from,
      version,
      killAfter: draw(400),
      parallel: 1 + draw(16),
      slow: draw(3) === 0 ? 150 : 5,
      ...(draw(3) === 0
        ? {
            fail: {
              effect: 1 + draw(effects),
              failure: ambiguous
                ? { reason: "timeout" as const, message: "no answer in time" }
                : { reason: "provider-error" as const, message: "quota exceeded" },
              done: ambiguous && draw(2) === 0,
            },
          }
        : {}),
      ...(draw(3) === 0
        ? { again: { boundary: 1 + draw(boundaries), when: draw(2) ? "before" : "after" } }
        : {}),
    };
    return { name: `random ${i} (${name})`, case: one, expected };
  });
  await all("random times", cases);
});

/** Whole numbers below n, the same for the same seed (mulberry32). */
function generator(from: number): (n: number) => number {
  let a = from >>> 0;
  return (n) => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4_294_967_296) * n);
  };
}
