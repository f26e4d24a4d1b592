// A program for x86 on a processor of another kind, as far as one can be played: by the kernel's description of it.
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { needContainers } from '../helpers/container.js';
import { scratchFile } from '../helpers/scratch.js';

const dist = new URL('../../dist/', import.meta.url);

/** Tells whether the addon offers the hot path, and whether records go through all the same. */
const PROGRAM = `
  import { Ring } from 'shmring';
  import { native } from '${new URL('native.js', dist)}';
  import { HotPath } from '${new URL('hot-path.js', dist)}';
  const options = { kind: 'spsc', capacity: 4096, directory: process.env.SHMRING_DIR };
  const handle = native.createRing('x', options).attachProducer('');
  native.producerMemory(handle);
  const offered = HotPath.of(handle) !== undefined;
  native.closeProducer(handle);
  const ring = Ring.open('x');
  const records = Array.from({ length: 2000 }, (_, i) => String(i));
  const producer = ring.producer();
  const consumer = ring.consumer();
  let right = true;
  for (const record of records) {
    right &&= producer.tryWrite(Buffer.from(record)) && consumer.tryRead()?.toString() === record;
  }
  ring.close();
  Ring.unlink('x');
  console.log(JSON.stringify({ offered, right }));`;

/** What a process finds whose kernel describes the processor like that. */
function under(cpuinfo: string): { offered: boolean; right: boolean } {
  const file = scratchFile('cpuinfo');
  writeFileSync(file, cpuinfo);
  const script = `mount --bind '${file}' /proc/cpuinfo && exec "$@"`;
  const apart = ['--user', '--map-root-user', '--mount', 'sh', '-c', script, 'sh'];
  const node = [process.execPath, '--input-type=module', '--eval', PROGRAM];
  const { status, stdout, stderr } = spawnSync('unshare', [...apart, ...node], { encoding: 'utf8' });
  if (status !== 0) throw new Error(stderr);
  return JSON.parse(stdout);
}

test('JavaScript writes no records on an x86 that is emulated on ARM: it may not keep the order of stores', (context) => {
  needContainers(context);
  const x86 = 'processor\t: 0\nvendor_id\t: GenuineIntel\ncpu family\t: 6\n';
  const arm = 'processor\t: 0\nBogoMIPS\t: 48.00\nFeatures\t: fp asimd\nCPU implementer\t: 0x61\n';
  expect(under(x86)).toEqual({ offered: process.arch === 'x64', right: true });
  expect(under(arm)).toEqual({ offered: false, right: true });
});
