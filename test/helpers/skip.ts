import type { TestContext } from 'vitest';
import { note } from '../../scripts/test/skips.mjs';

/**
 * Leaves a test untried because the machine refuses what it needs. `cause` says in short what that
 * is, as `test/known-skips.json` lists it; a cause that is not listed fails the build.
 */
export function skip(context: TestContext, cause: string, detail: string): never {
  note({ cause, runner: 'vitest', test: context.task.name, detail });
  return context.skip(`${cause}: ${detail}`);
}
