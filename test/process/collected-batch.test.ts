import { describe, expect, test } from 'vitest';
import { start } from '../helpers/children.js';
import { eachKind } from '../helpers/kinds.js';

eachKind(({ createRing }) => {
  describe('a batch that is dropped while it is open ends when it is collected', () => {
    test.each(['consumer', 'ring', 'nothing'])(
      'and nothing stays mapped or open: closes %s',
      async (closes) => {
        const ring = createRing();
        ring.producer().tryWriteBatch(['0', '1', '2']);
        const child = start('collected-batch', { name: ring.name, closes }, ['--expose-gc']);
        const { before, after, leaked } = await child.message('dropped');
        expect(leaked).toBe(true);
        expect(after).toEqual(before);
        expect(await child.message('goes on')).toMatchObject({
          busy: 'REENTRANT',
          second: 'REENTRANT',
          next: '1',
        });
        await child.finished();
      },
    );
  });
});
