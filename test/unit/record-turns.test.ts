import assert from 'node:assert/strict';
import { it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { createRecordTurns, type Turn, type WorkedRecords } from '../../server/workflows/record-turns.ts';

/** Who comes after whom among runs that met others at the same records. */

type Begun = { turn: Turn | undefined };

function lines(turnMsMax = 500) {
  const turns = createRecordTurns({ turnMsMax });
  const begun = new Map<string, Begun>();
  return {
    turns,
    order: () => [...begun.keys()].join(' '),
    /** `a` is written, `-a` must stay as it is. */
    wait(name: string, records: string, { whose = name, waitMsMax = 500 } = {}): Promise<unknown> {
      const keys = records.split(' ').filter((key) => key !== '');
      const worked: WorkedRecords = new Map(
        keys.map((key) => [key.replace('-', ''), key.startsWith('-') ? 'read' : 'written']),
      );
      return turns.begin(worked, { whose, waitMsMax }).then((turn) => begun.set(name, { turn }));
    },
    async end(name: string): Promise<void> {
      const { turn } = begun.get(name) ?? assert.fail(`${name} has no turn`);
      turns.end(turn ?? assert.fail(`${name} came too late`));
      await delay(0);
    },
    hasTurn: (name: string) => begun.get(name)?.turn !== undefined,
  };
}

it('gives a turn to whoever meets nobody before them at any of their records, and all of it at once', async () => {
  const { wait, end, order } = lines();
  for (const [name, records] of [
    ['1', 'a b'],
    ['2', 'b c'],
    ['3', 'c d'],
    ['4', 'e'],
    ['5', ''],
  ] as const)
    void wait(name, records);
  await delay(0);
  // The third waits for the second, who has nothing yet.
  assert.equal(order(), '1 4 5');
  await end('1');
  assert.equal(order(), '1 4 5 2');
  await end('2');
  assert.equal(order(), '1 4 5 2 3');
});

it('lets those go together that only want a record unchanged', async () => {
  const { wait, end, order } = lines();
  for (const [name, records] of [
    ['1', '-a b'],
    ['2', '-a c'],
    ['3', 'a'],
    ['4', '-a'],
  ] as const)
    void wait(name, records);
  await delay(0);
  assert.equal(order(), '1 2');
  await end('1');
  assert.equal(order(), '1 2');
  await end('2');
  assert.equal(order(), '1 2 3');
  await end('3');
  assert.equal(order(), '1 2 3 4');
});

it('has nobody wait for all the turns of one caller', async () => {
  const { wait, end, order } = lines();
  for (let at = 1; at <= 4; at += 1) void wait(`x${at}`, 'a', { whose: 'x' });
  void wait('y1', 'a', { whose: 'y' });
  void wait('y2', 'a', { whose: 'y' });
  await delay(0);
  for (const name of ['x1', 'y1', 'x2', 'y2', 'x3']) await end(name);
  assert.equal(order(), 'x1 y1 x2 y2 x3 x4');
});

it('ends a turn that takes too long, and gives up who waits too long, wherever it stands', async () => {
  const { wait, order, hasTurn, turns } = lines(50);
  void wait('1', 'a');
  const late = wait('late', 'a b', { waitMsMax: 5 });
  const behind = wait('2', 'b');
  const next = wait('3', 'a');
  await late;
  assert.equal(hasTurn('late'), false);
  await behind;
  assert.equal(order(), '1 late 2');
  await next;
  assert.ok(hasTurn('3'));
  turns.end((await turns.begin(new Map(), { whose: 'x', waitMsMax: 1 })) ?? assert.fail());
});

it('says what is held, to all but who holds it, and takes in no more than so many', async () => {
  const { turns } = lines();
  const by = { whose: 'x', waitMsMax: 500 };
  const a: WorkedRecords = new Map([['a', 'written']]);
  const onlyRead: WorkedRecords = new Map([['a', 'read']]);
  const turn = (await turns.begin(onlyRead, by)) ?? assert.fail();
  assert.equal(turns.areHeld(a, undefined), false);
  turn.holds = true;
  assert.deepEqual(
    [turns.areHeld(a, undefined), turns.areHeld(a, turn), turns.areHeld(onlyRead, undefined)],
    [true, false, false],
  );
  const waiting = Array.from({ length: 199 }, () => turns.begin(a, by));
  assert.equal(await turns.begin(a, by), undefined);
  turns.end(turn);
  assert.equal(turns.areHeld(a, undefined), false);
  for (const one of waiting) turns.end((await one) ?? assert.fail());
});
