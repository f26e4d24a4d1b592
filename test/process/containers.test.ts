import { chmodSync, chownSync } from 'node:fs';
import { Ring } from 'shmring';
import { beforeEach, describe, expect, test } from 'vitest';
import { Actor } from '../helpers/actor.js';
import { as, container, inhabitant, needContainers, needOtherUsers } from '../helpers/container.js';
import { codeOf } from '../helpers/errors.js';
import { createRing, drainStrings } from '../helpers/rings.js';
import { directory, freshName } from '../helpers/scratch.js';
import { until } from '../helpers/time.js';

type Role = 'producer' | 'consumer';

/** Attached in a container that has the rings' folder under `path`. */
async function contained(path: string, name: string, ...roles: Role[]): Promise<Actor> {
  const actor = new Actor(name, container(path));
  for (const act of ['open', ...roles]) expect(await actor.do(act)).not.toHaveProperty('code');
  return actor;
}

function kill(actor: Actor, signal: NodeJS.Signals = 'SIGKILL'): void {
  process.kill(inhabitant(actor.child), signal);
}

describe('two containers with one folder', () => {
  beforeEach(needContainers);

  test('share a ring, wake each other, and call each other by numbers that mean nothing here', async () => {
    const ring = createRing();
    const writer = await contained('/mnt', ring.name, 'producer');
    const reader = await contained('/media', ring.name, 'consumer');
    expect((await writer.child.message('attached')).pid).toBe(1);
    for (const owners of [ring.owners(), (await reader.do('owners')).owners]) {
      expect(owners).toMatchObject([
        { role: 'consumer', pid: 1, alive: true },
        { role: 'producer', pid: 1, alive: true },
      ]);
    }
    await reader.begin('waitSync');
    await writer.do('write', { records: ['a', 'b'] });
    expect(await reader.result()).toMatchObject({ result: 'ready' });
    expect((await reader.do('drain')).records).toMatchObject([
      [0, 'a'],
      [2, 'b'],
    ]);
    expect(await reader.do('recover')).toMatchObject({ slotsFreed: 0 });
    expect(codeOf(() => ring.producer())).toBe('BUSY');
  });

  test('see a killed producer as dead at once, though a process 1 lives in each of them', async () => {
    const ring = createRing();
    const writer = await contained('/mnt', ring.name, 'producer');
    const reader = await contained('/media', ring.name);
    await reader.do('consumer', { options: { endWhen: 'no-producers' } });
    await writer.do('write', { records: ['last'] });
    await writer.do('claim', { text: 'never' });
    kill(writer);
    await writer.child.exited;
    const dead = { role: 'producer', pid: 1, alive: false };
    expect((await reader.do('owners')).owners).toContainEqual(expect.objectContaining(dead));
    expect((await reader.do('drain')).records).toEqual([[0, 'last']]);
    expect(await reader.do('waitSync')).toMatchObject({ result: 'ended', ended: 'producer-died' });
    expect(await reader.do('recover')).toMatchObject({ slotsFreed: 1 });
    expect(ring.recover()).toMatchObject({ slotsFreed: 0 });
    const successor = await contained('/mnt', ring.name, 'producer');
    await successor.do('write', { records: ['first'] });
    expect((await reader.do('drain')).records).toMatchObject([[2, 'first']]);
  });

  test('see a killed consumer as dead at once, and the standby in a third takes over', async () => {
    const ring = createRing();
    const writer = await contained('/mnt', ring.name, 'producer');
    const reader = await contained('/media', ring.name, 'consumer');
    const standby = await contained('/srv', ring.name);
    await writer.do('write', { records: ['1', '2'] });
    await standby.begin('standbySync');
    expect((await writer.do('consumerAlive')).alive).toBe(true);
    await reader.do('drain', { limit: 1 });
    kill(reader);
    expect(await standby.result()).toMatchObject({ attached: true, position: 2 });
    expect((await standby.do('drain')).records).toEqual([[2, '2']]);
    kill(standby);
    await standby.child.exited;
    expect((await writer.do('consumerAlive')).alive).toBe(false);
    await writer.do('fill', { byteLength: 100 });
    const write = { record: 'x'.repeat(100), options: { requireConsumer: true } };
    expect(await writer.do('writeSync', write)).toMatchObject({ code: 'NO_CONSUMER' });
  });

  test('see one whose whole container is killed as dead', async () => {
    const ring = createRing();
    const writer = await contained('/mnt', ring.name, 'producer');
    await writer.do('write', { records: ['x'] });
    await writer.child.murder();
    await until(() => !ring.owners()[0]?.alive, 'the death of process 1 in the container');
    expect(ring.recover()).toMatchObject({ slotsFreed: 1 });
    expect(drainStrings(ring.consumer())).toEqual(['x']);
  });

  test('see one that is stopped as alive', async () => {
    const ring = createRing();
    const writer = await contained('/mnt', ring.name, 'producer');
    const other = await contained('/media', ring.name);
    kill(writer, 'SIGSTOP');
    expect(await other.do('recover')).toMatchObject({ slotsFreed: 0 });
    expect(await other.do('producer')).toMatchObject({ code: 'BUSY' });
    kill(writer, 'SIGCONT');
    expect(await writer.do('write', { records: ['x'] })).toMatchObject({ written: 1 });
  });

  test('make one ring when both ask for it at once, under whatever path', async () => {
    const name = freshName();
    const options = { kind: 'spsc', capacity: 1 << 16 };
    const actors = ['/mnt', '/media', '/srv'].map((path) => new Actor(name, container(path)));
    const made = await Promise.all(actors.map((actor) => actor.do('openOrCreate', { options })));
    expect(new Set(made.map(({ id }) => id)).size).toBe(1);
    expect(Ring.unlink(name)).toBe(true);
    for (const actor of actors) expect(await actor.do('stale')).toMatchObject({ stale: true });
  });
});

describe('a container without its own /proc', () => {
  beforeEach(needContainers);

  test('is told that /proc is missing, not that the ring is', async () => {
    const ring = createRing();
    const actor = new Actor(ring.name, container('/mnt', { proc: false }));
    const expected = { code: 'UNSUPPORTED', message: expect.stringContaining('/proc is not mounted') };
    expect(await actor.do('open')).toMatchObject(expected);
    const options = { kind: 'spsc', capacity: 4096 };
    expect(await actor.do('openOrCreate', { options })).toMatchObject(expected);
    const name = freshName();
    const maker = new Actor(name, container('/mnt', { proc: false }));
    expect(await maker.do('openOrCreate', { options })).toMatchObject(expected);
    expect(Ring.list().map((info) => info.name)).not.toContain(name);
  });
});

describe('containers that map their root to users of the host', () => {
  beforeEach((context) => {
    needContainers(context);
    needOtherUsers(context);
    chmodSync(directory, 0o1777);
  });

  const [ALICE, BOB, TEAM] = [100_000, 200_000, 300_000];
  const open = { options: {} };
  const grouped = { options: { share: 'group' } };
  const make = (share: string) => ({ options: { kind: 'spsc', capacity: 4096, share } });

  function actorOf(user: number, name: string, path = '/mnt', groups = [TEAM]): Actor {
    return new Actor(name, [...as(user, ...(groups as [number])), ...container(path)]);
  }

  test('share a ring when it is the same user', async () => {
    const name = freshName();
    const [first, second] = [actorOf(ALICE, name), actorOf(ALICE, name, '/media')];
    expect(await first.do('openOrCreate', make('owner'))).not.toHaveProperty('code');
    expect(await second.do('open', open)).not.toHaveProperty('code');
    await first.do('producer');
    await first.do('write', { records: ['x'] });
    await second.do('consumer');
    expect((await second.do('drain')).records).toEqual([[0, 'x']]);
    kill(first);
    await first.child.exited;
    expect(await second.do('recover')).toMatchObject({ slotsFreed: 1 });
  });

  test('are refused with a sentence when it is another, whatever it is called in there', async () => {
    const name = freshName();
    const [first, second] = [actorOf(ALICE, name), actorOf(BOB, name, '/media')];
    expect(await first.do('openOrCreate', make('owner'))).not.toHaveProperty('code');
    const refused = { code: 'PERMISSION', message: expect.stringMatching(/owner|user/) };
    expect(await second.do('open', open)).toMatchObject(refused);
    expect(await second.do('open', grouped)).toMatchObject(refused);
    // Root outside may read the file, but does not trust it.
    expect(codeOf(() => Ring.open(name))).toBe('PERMISSION');
  });

  test.each([
    ['own', 0o1777, [TEAM], [TEAM]],
    ["folder's", 0o2770, [ALICE, TEAM], [BOB, TEAM]],
  ])('share a ring of their %s group when both ask for that', async (_, mode, hers, his) => {
    chownSync(directory, 0, TEAM);
    chmodSync(directory, mode);
    const name = freshName();
    const first = actorOf(ALICE, name, '/mnt', hers);
    const second = actorOf(BOB, name, '/media', his);
    expect(await first.do('openOrCreate', make('group'))).not.toHaveProperty('code');
    expect(await second.do('open', open)).toMatchObject({
      code: 'PERMISSION',
      message: expect.stringContaining("share 'group'"),
    });
    expect(await second.do('open', grouped)).not.toHaveProperty('code');
    await first.do('producer');
    await second.do('consumer', { options: { endWhen: 'no-producers' } });
    await first.do('write', { records: ['x'] });
    expect((await second.do('drain')).records).toEqual([[0, 'x']]);
    kill(first);
    await first.child.exited;
    expect(await second.do('waitSync')).toMatchObject({ ended: 'producer-died' });
  });
});
