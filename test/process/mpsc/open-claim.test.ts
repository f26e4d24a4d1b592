import { expect, test } from 'vitest';
import { start } from '../../helpers/children.js';
import { createRing } from '../../helpers/rings.js';

test('a claim left open by a process whose event loop has nothing to do is warned of, and does not keep it alive', async () => {
  const child = start('open-claim', { name: createRing({ kind: 'mpsc', capacity: 65536 }).name });
  expect(await child.message('warned')).toMatchObject({ code: 'SHMRING_CLAIM_OPEN' });
  await child.finished();
});
