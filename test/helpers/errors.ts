import { RingError } from 'shmring';

const PREFIX = 'ERR_SHMRING_';

function shortCode(error: unknown): string {
  if (!(error instanceof RingError)) throw error;
  if (!error.code.startsWith(PREFIX)) throw new Error(`not one of our codes: ${error.code}`);
  if (error.message === '') throw new Error(`${error.code} comes without a message`);
  return error.code.slice(PREFIX.length);
}

/** The error that an action throws. */
export function thrown(action: () => unknown): unknown {
  try {
    action();
  } catch (error) {
    return error;
  }
  throw new Error('nothing was thrown');
}

/** The code, without its prefix, of the RingError that an action throws. */
export function codeOf(action: () => unknown): string {
  return shortCode(thrown(action));
}

/** The error with which a promise is rejected. */
export async function rejection(promise: PromiseLike<unknown>): Promise<unknown> {
  try {
    await promise;
  } catch (error) {
    return error;
  }
  throw new Error('the promise was fulfilled');
}

/** The code, without its prefix, of the RingError with which a promise is rejected. */
export async function codeOfRejection(promise: PromiseLike<unknown>): Promise<string> {
  return shortCode(await rejection(promise));
}
