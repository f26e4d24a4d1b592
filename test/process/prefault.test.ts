import { Ring } from 'shmring';
import { describe, expect, type TestContext, test } from 'vitest';
import { type Message, start } from '../helpers/children.js';
import { closing } from '../helpers/rings.js';
import { freshName } from '../helpers/scratch.js';
import { skip } from '../helpers/skip.js';

const capacity = 16 << 20;
const PAGES = capacity / 4096;
/** What a process may meet for reasons of its own: collections, code compiled late. */
const FEW = 100;

async function firstPass(context: TestContext, told: object): Promise<Message> {
  const child = start('first-pass', told);
  const passed = await child.message('passed');
  await child.finished();
  // Somebody mounted it so; then there are no faults worth a word either way.
  if (passed.huge > 0) skip(context, 'huge-tmpfs', 'the file system gives huge pages to who asks for none');
  return passed;
}

describe.each(['spsc', 'mpsc'] as const)('the first pass over a fresh ring of kind %s', (kind) => {
  test('meets a page fault for each page, without prefault', async (context) => {
    const options = { kind, capacity };
    const { write } = await firstPass(context, { name: freshName(), options });
    expect(write).toBeGreaterThan(PAGES / 2);
  });

  test('meets none with it, on either side', async (context) => {
    const options = { kind, capacity, prefault: true };
    const { write, read } = await firstPass(context, { name: freshName(), options });
    expect(write).toBeLessThan(FEW);
    expect(read).toBeLessThan(FEW);
  });

  test("meets none in a process that opens another's ring with it", async (context) => {
    const ring = closing(Ring.create(freshName(), { kind, capacity }));
    const options = { kind, capacity, prefault: true };
    const { write, read } = await firstPass(context, { name: ring.name, opens: true, options });
    expect(write).toBeLessThan(FEW);
    expect(read).toBeLessThan(FEW);
  });
});

test('an inspector may ask for it too', () => {
  const ring = closing(Ring.create(freshName(), { kind: 'spsc', capacity: 4096 }));
  ring.producer().tryWrite('x');
  const inspector = closing(Ring.open(ring.name, { access: 'inspect', prefault: true, hugePages: true }));
  expect([...inspector.inspect()]).toHaveLength(1);
});
