import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Collection, Where } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import { createLease, LEASE_SECONDS, type Lease, RENEWAL_MS, VOID_BEYOND_SECONDS } from '../ground/lease.ts';
import { HOUR_SECONDS } from '../ground/time.ts';
import type { Message } from './message.ts';
import { MailFault, type Transport } from './transport.ts';

/** How often to look for mail that nobody woke us for: from another process, or due again. */
const LOOK_MS = 5_000;
/** And while mails are being sent, for a link that came meanwhile. */
const LOOK_AGAIN_MS = 500;
/** What need not be looked at for each mail. */
const LOOK_SELDOM_MS = 1_000;
/** One of these places is for links alone, so that none waits for the slow mails of others. */
const AT_ONCE = 5;
const AT_ONCE_OTHERS = AT_ONCE - 1;
/** A whole send; a server may trickle its answers for ever without a single step taking long. */
const SEND_SECONDS_MAX = 60;
/** How long `stop` waits for sends that are under way. */
const STOP_MS_MAX = 3_000;
/** A mail that is out is noted as that for so long, each time a little later. */
const NOTE_ATTEMPTS_MAX = 5;
const NOTE_WAIT_MS = 500;

/** Waits of 30 s, doubled up to 6 h: eighteen attempts take about two days. */
const FIRST_WAIT_SECONDS = 30;
/** To both sides, so that mails which failed together do not come back together. */
const SPREAD = 0.2;
const WAIT_SECONDS_MAX = 6 * HOUR_SECONDS;
const ATTEMPTS_MAX = 18;
/** RFC 5321 section 4.2.1: 5yz is for good. Some servers say it in a bad moment, so it is heard a few times. */
const REFUSALS_MAX = 3;
/** And so is that a mailbox takes none now, where this many mails of one account's workflows wait for such a one. */
const DEFERRED_MAX = 1000;
/** Of mails that a wrong clock put off, so many a look. */
const STRAYS_MAX = 50;

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
  const carrier: Carrier = { ...parts, stopping: stopping.signal, outUnnoted: new Set() };
  let state: 'new' | 'started' | 'stopped' = 'new';
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let wokenMeanwhile = false;
  let isWaiting = false;
  let strayLookMs = Number.NEGATIVE_INFINITY;
  let heldMs = Number.NEGATIVE_INFINITY;

  async function sendDue(): Promise<void> {
    if (isLongAgo(strayLookMs)) {
      strayLookMs = performance.now();
      await callBackStrays(parts);
    }
    if ((await listDue(parts, { links: 1, others: 1 })).length === 0 || !(await holdLease())) return;
    try {
      await sendAll(carrier, async () => state === 'started' && (await isStillHeld()));
    } finally {
      await lease.release();
    }
  }

  /** Says it once when mail waits for the lease of another process: after a crash, that of the one that died. */
  async function holdLease(): Promise<boolean> {
    const isHeld = await lease.hold();
    if (!isHeld && !isWaiting) {
      log.info({ endsIn: await lease.endsIn() }, 'mail waits for the lease of another process');
    }
    isWaiting = !isHeld;
    return isHeld;
  }

  /** Renewed by itself, so the store is not asked for each mail. */
  async function isStillHeld(): Promise<boolean> {
    if (!isLongAgo(heldMs)) return true;
    heldMs = performance.now();
    return lease.hold();
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

function isLongAgo(ms: number): boolean {
  return performance.now() - ms > LOOK_SELDOM_MS;
}

type Carrier = Parts & {
  /** Cuts sends off. */
  stopping: AbortSignal;
  /** Mails that are out, which the store could not be told. They are not sent again from here. */
  outUnnoted: Set<string>;
};

/** What is being sent, by the id of the mail. */
type UnderWay = Map<string, { queue: string | undefined; sending: Promise<void> }>;

/**
 * Sends until nothing is due, or `mayGoOn` says no. A place that falls free is filled at once, so that a slow mail
 * holds up no other.
 */
async function sendAll(carrier: Carrier, mayGoOn: () => Promise<boolean>): Promise<void> {
  const underWay: UnderWay = new Map();
  const failures: unknown[] = [];
  while (failures.length === 0) {
    if (await mayGoOn()) {
      const busy = [...underWay.values()];
      const others = AT_ONCE_OTHERS - busy.filter(({ queue }) => queue !== 'link').length;
      const links = AT_ONCE - busy.length;
      const due = await listDue(carrier, { links, others, without: underWay });
      for (const message of due) {
        const sending = sendOne(carrier, message)
          .catch((error: unknown) => failures.push(error))
          .then(() => void underWay.delete(message.id));
        underWay.set(message.id, { queue: message.queue, sending });
      }
    }
    if (underWay.size === 0) break;
    // A link that came meanwhile is found at the next look, and has its place.
    const look = new AbortController();
    const pause = delay(LOOK_AGAIN_MS, undefined, { signal: look.signal, ref: false }).catch(() => undefined);
    await Promise.race([...[...underWay.values()].map(({ sending }) => sending), pause]);
    look.abort();
  }
  await Promise.all([...underWay.values()].map(({ sending }) => sending));
  if (failures.length > 0) throw failures[0];
}

/**
 * Links that somebody waits for first, then our other mails: accounts can cause many notices, workflows can fill the
 * outbox, and neither a link nor a warning must wait behind them. Of workflows, those go first whose account has none
 * under way: a mailbox that is slow to answer holds up the mails of its own account.
 */
async function listDue(
  { outbox, clock }: Parts,
  { links, others, without = new Map() }: { links: number; others: number; without?: UnderWay },
): Promise<Message[]> {
  const due: Message[] = [];
  const add = async (where: Where<Message>, room: number) => {
    if (room <= 0) return;
    const limit = room + without.size + due.length;
    const rows = await outbox.list({
      where: [...where, ['dueAt', '<=', clock()]],
      order: { by: 'dueAt' },
      limit,
    });
    const fresh = rows.filter(({ id }) => !without.has(id) && !due.some((one) => one.id === id));
    due.push(...fresh.slice(0, room));
  };
  await add([['queue', '=', 'link']], links);
  const room = Math.min(others, links - due.length);
  await add([['queue', '=', 'own']], room);
  const left = () => room - due.filter(({ queue }) => queue !== 'link').length;
  const busy = new Set(['link', ...[...without.values()].flatMap(({ queue = [] }) => queue)]);
  await add(
    [...busy].map((queue) => ['queue', '!=', queue]),
    left(),
  );
  await add([['queue', '!=', 'link']], left());
  return due;
}

/**
 * Makes due what a wrong clock put further off than anything may wait: a mail that was never tried, a claim, and a wait
 * for the next attempt.
 */
async function callBackStrays({ outbox, clock, log }: Parts): Promise<void> {
  const soon = clock() + VOID_BEYOND_SECONDS;
  const late = clock() + WAIT_SECONDS_MAX * (1 + SPREAD) + VOID_BEYOND_SECONDS;
  const kinds: Where<Message>[] = [
    [
      ['attempts', '=', 0],
      ['dueAt', '>', soon],
      // A summary of notices is due some minutes after it was made.
      ['createdAt', '>', soon],
    ],
    [['claimEndsAt', '>', soon]],
    [['dueAt', '>', late]],
  ];
  for (const where of kinds) {
    for (const { id, dueAt } of await outbox.list({ where, limit: STRAYS_MAX })) {
      if (dueAt === undefined) continue;
      const change = { set: { dueAt: clock() }, unset: ['claimEndsAt'] as const };
      if ((await outbox.update(id, change, [['dueAt', '=', dueAt]])) === undefined) continue;
      log.warn({ mailId: id }, 'a mail was put off by a clock that was wrong, and is due now');
    }
  }
}

/** Claims one mail and sends it; notes what came of it. */
async function sendOne(carrier: Carrier, message: Message): Promise<void> {
  const { outbox, transport, stopping, outUnnoted, clock, log } = carrier;
  if (message.dueAt === undefined) return;
  const endsAt = clock() + LEASE_SECONDS;
  const claim = { set: { dueAt: endsAt, claimEndsAt: endsAt }, add: { attempts: 1 } };
  const claimed = await outbox.update(message.id, claim, [['dueAt', '=', message.dueAt]]);
  if (claimed === undefined) return;
  // Each attempt that is not the last was cut short by the death of its process.
  if (claimed.attempts > ATTEMPTS_MAX) return giveUp(carrier, claimed, 'no attempt came to an end');
  const renewal = renewClaim(carrier, claimed.id, endsAt);
  const signal = AbortSignal.any([stopping, AbortSignal.timeout(SEND_SECONDS_MAX * 1000)]);
  try {
    const isOut = outUnnoted.has(claimed.id);
    const { keptAs } = isOut ? {} : await transport.send(claimed, signal);
    outUnnoted.add(claimed.id);
    await noteSent(carrier, claimed);
    outUnnoted.delete(claimed.id);
    log.info({ mailId: claimed.id, keptAs }, keptAs === undefined ? 'mail sent' : 'mail kept');
  } catch (error) {
    if (!(error instanceof MailFault)) throw error;
    await renewal.end();
    await noteFault(carrier, claimed, error);
  } finally {
    await renewal.end();
  }
}

/** Moves a claim on while its mail is being sent, so that it may end seconds after its process died. */
function renewClaim({ outbox, clock }: Parts, id: string, firstEndsAt: number) {
  let endsAt = firstEndsAt;
  let renewing: Promise<unknown> = Promise.resolve();
  const timer = setInterval(() => {
    const next = clock() + LEASE_SECONDS;
    renewing = outbox
      .update(id, { set: { dueAt: next, claimEndsAt: next } }, [['dueAt', '=', endsAt]])
      .then((renewed) => {
        if (renewed === undefined) clearInterval(timer);
        else endsAt = next;
      })
      // The store is away for a moment: the next renewal makes up for it.
      .catch(() => undefined);
  }, RENEWAL_MS);
  timer.unref();
  return {
    /** No renewal comes after this. */
    async end(): Promise<void> {
      clearInterval(timer);
      await renewing;
    },
  };
}

/** Asked again for a while when the store is away: a mail that is out should not go out twice. */
async function noteSent({ outbox, clock }: Parts, message: Message): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const set = { sentAt: clock(), text: '', html: '' };
      await outbox.update(message.id, { set, unset: ['dueAt', 'claimEndsAt', 'error', 'refusedAt'] });
      return;
    } catch (error) {
      if (attempt === NOTE_ATTEMPTS_MAX) throw error;
      await delay(attempt * NOTE_WAIT_MS);
    }
  }
}

async function noteFault(parts: Parts, message: Message, fault: MailFault): Promise<void> {
  const isLast = fault.permanent || message.attempts >= (await attemptsMaxOf(parts, message, fault));
  await (isLast ? giveUp(parts, message, fault.message) : tryLater(parts, message, fault));
}

async function attemptsMaxOf({ outbox }: Parts, { queue }: Message, fault: MailFault): Promise<number> {
  if (fault.refused) return REFUSALS_MAX;
  if (!fault.deferred || queue === undefined || queue === 'own' || queue === 'link') return ATTEMPTS_MAX;
  const deferred = await outbox.count([
    ['queue', '=', queue],
    ['dueAt', 'present'],
    ['refusedAt', 'present'],
  ]);
  return deferred < DEFERRED_MAX ? ATTEMPTS_MAX : REFUSALS_MAX;
}

async function tryLater({ outbox, clock, log }: Parts, message: Message, fault: MailFault): Promise<void> {
  const wait = waitSeconds(message.attempts);
  const { message: error } = fault;
  const refusedAt = fault.refused || fault.deferred ? clock() : undefined;
  const set = { dueAt: clock() + wait, error, refusedAt };
  await outbox.update(message.id, { set, unset: ['claimEndsAt'] });
  const { id: mailId, attempts } = message;
  log.warn({ mailId, attempts, error, wait }, 'mail not sent, trying again later');
}

/** It keeps its text for as long as its row, so that the operator may have it sent once more. */
async function giveUp({ outbox, clock, log }: Parts, message: Message, error: string): Promise<void> {
  const set = { failedAt: clock(), error };
  await outbox.update(message.id, { set, unset: ['dueAt', 'claimEndsAt'] });
  const { id: mailId, attempts } = message;
  log.error(
    { mailId, attempts, error },
    `mail given up; to send it once more: latchkey mail retry ${mailId}`,
  );
}

function waitSeconds(attempts: number): number {
  const wait = Math.min(FIRST_WAIT_SECONDS * 2 ** (attempts - 1), WAIT_SECONDS_MAX);
  return Math.round(wait * (1 - SPREAD + Math.random() * 2 * SPREAD));
}
