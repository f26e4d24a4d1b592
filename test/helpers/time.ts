import { setTimeout as sleep } from 'node:timers/promises';

export { sleep };

/** Limit of a wait that must end by itself: generous, since machines are slow at times. */
export const PATIENCE_MS = 20_000;

/** Rejects when the promise has not settled in time. */
export async function within<T>(promise: Promise<T>, what: string, limitMs = PATIENCE_MS): Promise<T> {
  const stop = new AbortController();
  const late = sleep(limitMs, undefined, { signal: stop.signal }).then(() => {
    throw new Error(`not within ${limitMs} ms: ${what}`);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop.abort();
    late.catch(() => {});
  }
}

/** Waits until the condition holds. */
export async function until(condition: () => boolean, what: string, limitMs = PATIENCE_MS): Promise<void> {
  const deadline = performance.now() + limitMs;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${limitMs} ms: ${what}`);
    await sleep(5);
  }
}

/** Whether a promise is still pending after the event loop has turned a few times. */
export async function isPending(promise: Promise<unknown>, ms = 50): Promise<boolean> {
  const pending = Symbol('pending');
  const first = await Promise.race([promise.catch(() => {}), sleep(ms, pending)]);
  return first === pending;
}
