/** What `code` of a {@link RingError} says after `ERR_SHMRING_`. */
export type RingErrorName =
  | 'EXISTS'
  | 'NOT_FOUND'
  | 'BUSY'
  | 'CLOSED'
  | 'SEALED'
  | 'INVALID_ARGUMENT'
  | 'TOO_LARGE'
  | 'MISMATCH'
  | 'NO_SPACE'
  | 'PERMISSION'
  | 'VERSION'
  | 'CORRUPT'
  | 'CLAIM_OPEN'
  | 'REENTRANT'
  | 'NO_CONSUMER'
  | 'FENCED'
  | 'SYSTEM'
  | 'UNSUPPORTED';

/**
 * Marks the errors of every copy of the package in the process. The copies may share one addon, which makes its errors
 * with the class of the copy that was loaded last: whose class it is must not matter.
 */
const BRAND = Symbol.for('shmring.RingError');

/** Every error that this package throws. A full ring and a time-out are answers, not errors. */
export class RingError extends Error {
  readonly code: `ERR_SHMRING_${RingErrorName}`;
  /** `MISMATCH`: the option that differs. */
  declare readonly option?: string;
  /** `MISMATCH` and `CORRUPT`. */
  declare readonly expected?: unknown;
  /** `MISMATCH` and `CORRUPT`. */
  declare readonly found?: unknown;
  /** `CORRUPT`: bytes from the start of the segment. */
  declare readonly offset?: number;
  /** `NO_SPACE`: bytes. */
  declare readonly needed?: number;
  /** `NO_SPACE`: bytes. */
  declare readonly free?: number;
  /** `SYSTEM`. */
  declare readonly errno?: number;
  /** `SYSTEM`. */
  declare readonly syscall?: string;

  constructor(name: RingErrorName, message: string, details?: Record<string, unknown>) {
    super(message);
    this.code = `ERR_SHMRING_${name}`;
    Object.assign(this, details);
  }
}

/** `instanceof RingError` holds for the errors of every copy; a subclass, which inherits this, has only its own. */
function isInstance(this: unknown, value: unknown): boolean {
  if (this !== RingError) return Function.prototype[Symbol.hasInstance].call(this, value);
  return typeof value === 'object' && value !== null && BRAND in value;
}

Object.defineProperty(RingError, Symbol.hasInstance, { value: isInstance });
Object.defineProperties(RingError.prototype, {
  name: { value: 'RingError', configurable: true },
  [BRAND]: { value: true },
});

/** What is thrown may be anything, and an error of another realm (Jest's, say) is no `Error` of this one. */
export function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined;
}

/** The error with which Node's own promises answer an aborted signal. */
export function abortError(signal: AbortSignal): Error {
  const error = new Error('The operation was aborted', { cause: signal.reason });
  error.name = 'AbortError';
  return Object.assign(error, { code: 'ABORT_ERR' });
}
