/**
 * Ctrl-C in three steps. Once: what runs is finished, nothing new is started. Twice: providers are asked to cancel. A third
 * time, or when that takes longer than a grace time: the process ends at once; the journal then tells the next command what
 * was under way. SIGTERM and SIGHUP act like the first Ctrl-C.
 */
export interface Interrupts {
  readonly signal: AbortSignal;
  readonly cancelSignal: AbortSignal;
  /** How often it was asked to stop. */
  readonly count: () => number;
  /** Back to Node's own behaviour: the process ends at a signal. */
  readonly release: () => void;
}

/** Time that providers get to stop after the second Ctrl-C, in ms. */
const grace = 30_000;

export function catchInterrupts(say: (times: 1 | 2 | 3) => void): Interrupts {
  const stop = new AbortController();
  const cancel = new AbortController();
  let times = 0;
  let timer: NodeJS.Timeout | undefined;
  const leave = (): void => {
    say(3);
    process.exit(130);
  };
  const onSignal = (): void => {
    times++;
    if (times === 1) {
      say(1);
      stop.abort();
    } else if (times === 2) {
      say(2);
      cancel.abort();
      timer = setTimeout(leave, grace);
      timer.unref();
    } else leave();
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const name of signals) process.on(name, onSignal);
  return {
    signal: stop.signal,
    cancelSignal: cancel.signal,
    count: () => times,
    release: () => {
      clearTimeout(timer);
      for (const name of signals) process.off(name, onSignal);
    },
  };
}
