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
  #pauseEnds: NodeJS.Timeout | undefined;
  /** In the order they came. Who is let in counts as running from then on. */
  readonly #waiting = new Set<() => void>();

  constructor(readonly most: number) {
    this.#allowed = most;
  }

  /** Requests at once, for now. */
  get allowed(): number {
    return this.#allowed;
  }

  /** Rejects with the signal's reason when that fires before its turn. */
  async run<T>(signal: AbortSignal, work: () => Promise<T>): Promise<T> {
    signal.throwIfAborted();
    if (this.#waiting.size === 0 && this.#running < this.#allowed && !this.#paused()) this.#running++;
    else await this.#turn(signal);
    try {
      return await work();
    } finally {
      this.#running--;
      this.#next();
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

  /** A request went well. */
  faster(): void {
    if (this.#allowed >= this.most || ++this.#went < this.#allowed) return;
    this.#went = 0;
    this.#allowed++;
    this.#next();
  }

  #turn(signal: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      const start = (): void => {
        signal.removeEventListener("abort", leave);
        resolve();
      };
      const leave = (): void => {
        this.#waiting.delete(start);
        // A pause that nobody waits for must not keep the process.
        if (this.#waiting.size === 0) clearTimeout(this.#pauseEnds);
        reject(signal.reason);
      };
      signal.addEventListener("abort", leave, { once: true });
      this.#waiting.add(start);
      this.#next();
    });
  }

  #paused(): boolean {
    return performance.now() < this.#pausedUntil;
  }

  #next(): void {
    if (this.#waiting.size > 0 && this.#paused()) {
      clearTimeout(this.#pauseEnds);
      this.#pauseEnds = setTimeout(() => this.#next(), this.#pausedUntil - performance.now() + 1);
      return;
    }
    for (const start of this.#waiting) {
      if (this.#running >= this.#allowed) return;
      this.#waiting.delete(start);
      this.#running++;
      start();
    }
  }
}
