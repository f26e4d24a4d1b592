// What the package costs a process: its PSS before the import and after a producer has written,
// without the pages of the segment itself. Run with --expose-gc.
import { readFileSync, statSync } from 'node:fs';

const kilobytes = (text) => Number(/^Pss:\s+(\d+) kB/m.exec(text)[1]);

// Twice, as the first collection frees what finalizers held.
function settledPss() {
  globalThis.gc();
  globalThis.gc();
  return kilobytes(readFileSync('/proc/self/smaps_rollup', 'utf8'));
}

// By inode: a segment is made without a name and linked later, and the kernel shows the first.
function pssOfFile(path) {
  const { ino } = statSync(path);
  return readFileSync('/proc/self/smaps', 'utf8')
    .split(/^(?=[0-9a-f]+-[0-9a-f]+ )/m)
    .filter((mapping) => Number(mapping.split(/\s+/, 5)[4]) === ino)
    .reduce((sum, mapping) => sum + kilobytes(mapping), 0);
}

settledPss();
const before = settledPss();
const { Ring } = await import('../dist/index.js');
const { name, ring: options } = JSON.parse(process.argv[2]);
const ring = Ring.create(name, options);
const producer = ring.producer();
producer.tryWrite(Buffer.alloc(64, 0x61));
const after = settledPss();
const segment = pssOfFile(`${process.env.SHMRING_DIR ?? '/dev/shm'}/shmring.${name}`);
ring.close();
console.log(JSON.stringify({ before, after, segment, package: after - before - segment }));
