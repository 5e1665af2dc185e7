import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Collection } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import { createLease, type Lease } from '../ground/lease.ts';
import { HOUR_SECONDS } from '../ground/time.ts';
import type { Message } from './message.ts';
import { MailFault, type Transport } from './transport.ts';

/** How often to look for mail that nobody woke us for: from another process, or due again. */
const LOOK_MS = 5_000;
const AT_ONCE = 4;
/** A whole send; a server may trickle its answers for ever without a single step taking long. */
const SEND_SECONDS_MAX = 60;
/** Longer than a send, so that what is claimed is not taken over while it is being sent. */
const CLAIM_SECONDS = 120;
/** How long `stop` waits for sends that are under way. */
const STOP_MS_MAX = 3_000;

/** Waits of 30 s, doubled up to 6 h: eighteen attempts take about two days. */
const FIRST_WAIT_SECONDS = 30;
const WAIT_SECONDS_MAX = 6 * HOUR_SECONDS;
const ATTEMPTS_MAX = 18;

type Parts = {
  outbox: Collection<Message>;
  leases: Collection<Lease>;
  transport: Transport;
  clock: Clock;
  log: Pick<Logger, 'info' | 'warn' | 'error'>;
};

/**
 * Sends what is in the outbox. One process at a time does it, under a lease. Each message is also claimed on
 * its own by moving its `dueAt`, so that it goes out once even where leases overlap. Only a process that dies
 * between the server's yes and our note of it makes a mail go twice, under one Message-ID.
 */
export function createSender(parts: Parts) {
  const { transport, log } = parts;
  const lease = createLease('mail', parts);
  const stopping = new AbortController();
  let state: 'new' | 'started' | 'stopped' = 'new';
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let wokenMeanwhile = false;

  async function sendDue(): Promise<void> {
    let due = await listDue(parts);
    if (due.length === 0 || !(await lease.hold())) return;
    try {
      while (due.length > 0 && state === 'started') {
        const ends = await Promise.allSettled(due.map((message) => sendOne(parts, message, stopping.signal)));
        for (const end of ends) if (end.status === 'rejected') throw end.reason;
        if (!(await lease.hold())) return;
        due = await listDue(parts);
      }
    } finally {
      await lease.release();
    }
  }

  async function run(): Promise<void> {
    try {
      do {
        wokenMeanwhile = false;
        await sendDue();
      } while (wokenMeanwhile && state === 'started');
    } catch (error) {
      log.error({ err: error }, 'outbox: the look was cut short, the next one goes on');
    }
  }

  function wake(): void {
    wokenMeanwhile = true;
    if (state !== 'started' || running !== undefined) return;
    running = run().finally(() => {
      running = undefined;
    });
  }

  return {
    /** Look now: mail was put in the outbox. Does nothing before `start` and after `stop`. */
    wake,

    start(): void {
      state = 'started';
      timer = setInterval(wake, LOOK_MS);
      timer.unref();
      wake();
    },

    /** Lets running sends finish, within bounds, and closes the transport. What was cut off is sent later. */
    async stop(): Promise<void> {
      state = 'stopped';
      clearInterval(timer);
      await Promise.race([running, delay(STOP_MS_MAX, undefined, { ref: false })]);
      stopping.abort();
      await running;
      transport.close();
    },
  };
}

/**
 * Links that somebody waits for first, then our other mails: accounts can cause many notices, workflows can fill the
 * outbox, and neither a link nor a warning must wait behind them.
 */
async function listDue({ outbox, clock }: Parts): Promise<Message[]> {
  const isDue = ['dueAt', '<=', clock()] as const;
  const page = { order: { by: 'dueAt' as const }, limit: AT_ONCE };
  for (const queue of ['link', 'own']) {
    const ours = await outbox.list({ where: [['queue', '=', queue], isDue], ...page });
    if (ours.length > 0) return ours;
  }
  return outbox.list({ where: [isDue], ...page });
}

/** Claims one mail and sends it; notes what came of it. `stopping` cuts it off. */
async function sendOne(parts: Parts, message: Message, stopping: AbortSignal): Promise<void> {
  const { outbox, transport, clock, log } = parts;
  if (message.dueAt === undefined) return;
  const claim = { set: { dueAt: clock() + CLAIM_SECONDS }, add: { attempts: 1 } };
  const claimed = await outbox.update(message.id, claim, [['dueAt', '=', message.dueAt]]);
  if (claimed === undefined) return;
  // Each attempt that is not the last was cut short by the death of its process.
  if (claimed.attempts > ATTEMPTS_MAX) return giveUp(parts, claimed, 'no attempt came to an end');
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(SEND_SECONDS_MAX * 1000)]);
  try {
    const { keptAs } = await transport.send(claimed, signal);
    await noteSent(parts, claimed);
    log.info({ mailId: claimed.id, keptAs }, keptAs === undefined ? 'mail sent' : 'mail kept');
  } catch (error) {
    if (!(error instanceof MailFault)) throw error;
    if (error.permanent || claimed.attempts >= ATTEMPTS_MAX) return giveUp(parts, claimed, error.message);
    await tryLater(parts, claimed, error.message);
  }
}

/** Asked again for a while when the store is away: a mail that is out should not go out twice. */
async function noteSent({ outbox, clock }: Parts, message: Message): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const set = { sentAt: clock(), text: '', html: '' };
      await outbox.update(message.id, { set, unset: ['dueAt', 'error'] });
      return;
    } catch (error) {
      if (attempt === 5) throw error;
      await delay(attempt * 500);
    }
  }
}

async function tryLater({ outbox, clock, log }: Parts, message: Message, error: string): Promise<void> {
  const wait = waitSeconds(message.attempts);
  await outbox.update(message.id, { set: { dueAt: clock() + wait, error } });
  const { id: mailId, attempts } = message;
  log.warn({ mailId, attempts, error, wait }, 'mail not sent, trying again later');
}

async function giveUp({ outbox, clock, log }: Parts, message: Message, error: string): Promise<void> {
  const set = { failedAt: clock(), error, text: '', html: '' };
  await outbox.update(message.id, { set, unset: ['dueAt'] });
  log.error({ mailId: message.id, attempts: message.attempts, error }, 'mail given up');
}

/** Spread by a fifth to both sides, so that mails which failed together do not come back together. */
function waitSeconds(attempts: number): number {
  const wait = Math.min(FIRST_WAIT_SECONDS * 2 ** (attempts - 1), WAIT_SECONDS_MAX);
  return Math.round(wait * (0.8 + Math.random() * 0.4));
}
