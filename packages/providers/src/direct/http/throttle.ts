/**
 * How many requests a service bears at once: halved and held back when it throttles, one more for every round that went well
 * (additive increase, multiplicative decrease, as TCP does it).
 */
export class Throttle {
  #allowed: number;
  #running = 0;
  #went = 0;
  /** By `performance.now()`. */
  #pausedUntil = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(readonly most: number) {
    this.#allowed = most;
  }

  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    while (this.#running >= this.#allowed || performance.now() < this.#pausedUntil) {
      await new Promise<void>((resolve, reject) => {
        const abort = (): void => reject(signal.reason);
        if (signal.aborted) return abort();
        signal.addEventListener("abort", abort, { once: true });
        this.#waiting.push(() => {
          signal.removeEventListener("abort", abort);
          resolve();
        });
        const pause = this.#pausedUntil - performance.now();
        if (pause > 0) setTimeout(() => this.#wake(), pause + 1);
      });
    }
    this.#running++;
    try {
      return await work();
    } finally {
      this.#running--;
      this.#wake();
    }
  }

  /** The service asked for rest: nothing new for so many ms, and then half as much at once. */
  slower(ms: number): void {
    const until = performance.now() + ms;
    // Answers to requests that were under way together ask for the same once.
    if (until > this.#pausedUntil + 100) this.#allowed = Math.max(1, Math.floor(this.#allowed / 2));
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
    this.#went = 0;
  }

  faster(): void {
    if (this.#allowed >= this.most || ++this.#went < this.#allowed) return;
    this.#went = 0;
    this.#allowed++;
    this.#wake();
  }

  #wake(): void {
    if (performance.now() < this.#pausedUntil) return;
    const free = this.#allowed - this.#running;
    for (const next of this.#waiting.splice(0, Math.max(0, free))) next();
  }
}
