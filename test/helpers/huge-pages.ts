import { readFileSync, writeFileSync } from 'node:fs';
import type { TestContext } from 'vitest';
import { Actor } from './actor.js';
import { type Child, start } from './children.js';
import { skip } from './skip.js';

const POOL = '/proc/sys/vm/nr_hugepages';

function meminfo(name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(readFileSync('/proc/meminfo', 'latin1'));
  return Number(found?.[1]);
}

/** Bytes of a huge page of the kind that the kernel mounts unless told. */
export const HUGE_PAGE = meminfo('Hugepagesize') * 1024;

/** Huge pages that nobody uses. */
export function freePages(): number {
  return meminfo('HugePages_Free') - meminfo('HugePages_Rsvd');
}

/** A hugetlbfs that only this test's processes see: it goes with the last of them. */
export class HugeFileSystem {
  readonly path = '/mnt';
  readonly #holder: Child;

  constructor(holder: Child) {
    this.#holder = holder;
  }

  /** The command that runs a program where it is seen. */
  get wrapper(): string[] {
    const { pid } = this.#holder;
    return ['nsenter', `--mount=/proc/${pid}/ns/mnt`, 'env', `SHMRING_DIR=${this.path}`];
  }

  /** Somebody who has called for that ring, and then taken these roles. */
  async actor(name: string, options?: object, ...roles: string[]): Promise<Actor> {
    const actor = new Actor(name, this.wrapper);
    const { code, message } = await actor.do(options === undefined ? 'open' : 'openOrCreate', { options });
    if (code !== undefined) throw new Error(`${code}: ${message}`);
    for (const role of roles) await actor.do(role);
    return actor;
  }
}

/**
 * Runs a test with this many more huge pages in the machine's pool, and a file system of them; skips it
 * where that is not allowed, or no memory is left in one piece.
 */
export async function withHugePages(
  context: TestContext,
  pages: number,
  run: (fileSystem: HugeFileSystem) => Promise<void>,
): Promise<void> {
  const before = readFileSync(POOL, 'latin1');
  const restore = (): void => writeFileSync(POOL, before);
  process.once('exit', restore);
  try {
    add(context, Number(before) + pages);
    const mount = `mount -t hugetlbfs none /mnt && echo '{"event":"mounted"}' && exec "$@"`;
    const holder = start('lingers', {}, [], ['unshare', '--mount', 'sh', '-c', mount, 'sh']);
    await holder.message('mounted').catch((error) => skip(context, 'mount', error.message));
    await run(new HugeFileSystem(holder));
  } finally {
    process.off('exit', restore);
    restore();
  }
}

function add(context: TestContext, pages: number): void {
  try {
    writeFileSync(POOL, String(pages));
  } catch (error) {
    skip(context, 'huge-pages', String(error));
  }
  const there = readFileSync(POOL, 'latin1').trim();
  if (Number(there) < pages)
    skip(context, 'huge-pages', `the pool grew to ${there} pages instead of ${pages}`);
}
