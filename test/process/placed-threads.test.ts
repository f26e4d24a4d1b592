import { readFileSync } from 'node:fs';
import { expect, type TestContext, test } from 'vitest';
import { type Message, start } from '../helpers/children.js';
import { as, needOtherUsers } from '../helpers/container.js';
import { skip } from '../helpers/skip.js';

/** How this process runs, and so a child that asks for nothing. */
const allowed = /^Cpus_allowed_list:\s*(.*)$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1] ?? '';
const first = Number.parseInt(allowed, 10);

type Call = { cpus?: number[]; realtime?: number } | null;

async function placed(calls: Call[], how: object = {}, wrapper: string[] = []): Promise<Message> {
  const child = start('placed', { calls, ...how }, [], wrapper);
  const told = await child.message('placed');
  await child.finished();
  return told;
}

/** Skips the test where nobody gets a real-time priority. */
function needRealtime(context: TestContext, { answers }: Message): void {
  const refused = answers.find(({ code }: Message) => code === 'PERMISSION');
  if (refused !== undefined) skip(context, 'realtime', refused.message);
}

const ORDINARY = { policy: 'ordinary', priority: 0 };

test('a thread moves to the CPU it names, and back by what it was told', async () => {
  const told = await placed([null, { cpus: [first] }, null]);
  const [{ before }, moved, asked] = told.answers;
  expect(before).toEqual({ cpus: expect.arrayContaining([first]), realtime: expect.any(Number) });
  expect(moved).toMatchObject({ before, now: { cpus: `${first}` } });
  expect(asked).toMatchObject({ before: { cpus: [first] }, now: { cpus: `${first}` } });
  const back = await placed([{ cpus: [first] }, before]);
  expect(back.answers[1]).toMatchObject({ before: { cpus: [first] }, now: { cpus: allowed } });
});

test('a CPU that this process may not use is refused by name, and the rest of the call with it', async () => {
  const wrong = [[first, 9999], []].map((cpus) => ({ cpus, realtime: 1 }));
  const [asked, ...refused] = (await placed([null, ...wrong])).answers;
  expect(asked.now.cpus).toBe(allowed);
  const sentence = `this process may not run on CPU 9999: it is allowed ${allowed}`;
  expect(refused).toMatchObject([
    { code: 'INVALID_ARGUMENT', now: asked.now, message: sentence },
    { code: 'INVALID_ARGUMENT', now: asked.now, message: expect.stringContaining('no CPU at all') },
  ]);
});

test('a real-time thread runs round robin, and what it starts is ordinary', async (context) => {
  const told = await placed([{ realtime: 0 }, { realtime: 7 }], { child: true });
  needRealtime(context, told);
  expect(told.answers[0].now).toMatchObject(ORDINARY);
  expect(told.answers[1]).toMatchObject({
    before: { realtime: 0 },
    now: { policy: 'round robin', priority: 7, cpus: allowed },
  });
  expect(told.child).toEqual(ORDINARY);
});

test('a real-time thread becomes ordinary again', async (context) => {
  const told = await placed([{ realtime: 7 }, { realtime: 9, cpus: [first] }, { realtime: 0 }]);
  needRealtime(context, told);
  expect(told.answers[1]).toMatchObject({ before: { realtime: 7 }, now: { priority: 9, cpus: `${first}` } });
  expect(told.answers[2]).toMatchObject({ before: { realtime: 9, cpus: [first] }, now: ORDINARY });
});

test('only the Worker that asks is placed', async (context) => {
  const told = await placed([{ realtime: 7, cpus: [first] }], { worker: true });
  needRealtime(context, told);
  expect(told.answers[0].now).toEqual({ policy: 'round robin', priority: 7, cpus: `${first}` });
  expect(told.main.cpus).toBe(allowed);
  expect(told.main.priority).not.toBe(7);
});

test('without the right to it a priority is PERMISSION, and the thread stays where it was', async (context) => {
  needOtherUsers(context);
  const wrapper = ['chrt', '--other', '0', 'prlimit', '--rtprio=0:0', ...as(65_534, 65_534)];
  const told = await placed([{ realtime: 7, cpus: [first] }, { realtime: 0 }], {}, wrapper);
  expect(told.answers[0]).toMatchObject({
    code: 'PERMISSION',
    message: expect.stringMatching(/priority 7 .*CAP_SYS_NICE or RLIMIT_RTPRIO of at least 7 \(here 0\)/),
    now: { ...ORDINARY, cpus: allowed },
  });
  expect(told.answers[1].code).toBeUndefined();
});
