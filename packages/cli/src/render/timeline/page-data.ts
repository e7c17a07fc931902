/** What the page of a run is given. Times are milliseconds from its beginning. */
import type { Mark } from "../graph/marks.js";

export interface PageBar {
  readonly name: string;
  readonly urn: string;
  readonly op: string;
  readonly mark: Mark;
  readonly began: number;
  readonly ended: number;
  readonly ready: number;
  /** Indices. */
  readonly needs: readonly number[];
  readonly waitedFor?: number;
  readonly critical: boolean;
  /** What it waited for, in words. */
  readonly waits: readonly string[];
  /** How it ended, when not well. */
  readonly end?: string;
  readonly message?: string;
}

export interface TimelineData {
  readonly title: string;
  readonly facts: readonly string[];
  readonly length: number;
  readonly bars: readonly PageBar[];
  /** From when on how many ran. */
  readonly running: readonly (readonly [at: number, count: number])[];
}
