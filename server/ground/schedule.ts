import { Cron } from 'croner';
import { z } from 'zod';
import { type Collection, declare } from '../../adapters/port.ts';
import type { Clock } from './clock.ts';
import type { Work } from './jobs.ts';

/** When a piece of work is due next, or when it was done, of what is done once. One row for each. */
const dueSchema = z.strictObject({
  /** The name of the work. */
  id: z.string(),
  dueAt: z.number(),
});

export type Due = z.infer<typeof dueSchema>;

export const dueDeclaration = declare<Due>({ name: 'due', schema: dueSchema });

/** Work at set times. */
export type ScheduledWork = {
  /** Its row goes by it, so it stays. */
  name: string;
  /** When, in UTC: five fields of a crontab. */
  cron: string;
  /**
   * One batch of the run that was due then; answers whether there is more of it. A run that a crash cut short begins
   * again, so what it does to a row it does under a guard that holds once.
   */
  run: (dueAt: number) => Promise<boolean>;
};

/**
 * Has each piece of work run once for each time that it is due, by one process at a time (see jobs.ts). Where nothing ran
 * for a while, the times that were missed are one run. A first start waits for the next time.
 */
export function scheduled(
  works: readonly ScheduledWork[],
  parts: { due: Collection<Due>; clock: Clock },
): Work[] {
  const { due, clock } = parts;

  return works.map(({ name, cron, run }) => async () => {
    const now = clock();
    const next = nextTime(cron, now);
    const row = await due.get(name);
    if (row === undefined) return void (await due.insertMany([{ id: name, dueAt: next }]));
    // Further ahead than the next time can be: it was written by a clock that was wrong, or for other times.
    if (row.dueAt > next) return void (await due.update(name, { set: { dueAt: next } }, at(row)));
    if (row.dueAt > now) return false;
    if (await run(row.dueAt)) return true;
    return void (await due.update(name, { set: { dueAt: next } }, at(row)));
  });
}

/**
 * Work that a store needs once, as for rows that are older than what stands in them now. A crash before it is done has it
 * begin again, so what it does to a row it does under a guard that holds once.
 */
export function once(
  { name, run }: Pick<ScheduledWork, 'name'> & { run: Work },
  parts: { due: Collection<Due>; clock: Clock },
): Work {
  let isDone = false;

  return async () => {
    isDone ||= (await parts.due.get(name)) !== undefined;
    if (isDone) return false;
    if ((await run()) === true) return true;
    return void (await parts.due.insertMany([{ id: name, dueAt: parts.clock() }]));
  };
}

function at({ dueAt }: Due) {
  return [['dueAt', '=', dueAt]] as const;
}

/** The first time behind `after`, epoch seconds. Throws for times that never come. */
export function nextTime(cron: string, after: number): number {
  const next = new Cron(cron, { timezone: 'UTC', mode: '5-part' }).nextRun(new Date(after * 1000));
  if (next === null) throw new RangeError(`no time is ${cron}`);
  return next.getTime() / 1000;
}
