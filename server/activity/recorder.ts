import { randomBytes } from 'node:crypto';
import { setImmediate as endOfTurn } from 'node:timers/promises';
import type { Collection } from '../../adapters/port.ts';
import type { Clock } from '../clock.ts';
import { withoutSecrets } from '../without-secrets.ts';
import type { Call, CallBatch } from './call.ts';

/** Whose call it is: account and credential, as far as an activity entry names them. */
export type Attribution = Pick<
  Call,
  'accountId' | 'clientId' | 'tokenId' | 'tokenKind' | 'tokenName' | 'privacyBypassed'
>;

/** What was called, and what came of it. */
export type Called = Pick<Call, 'method' | 'path' | 'status' | 'result' | 'from' | 'requestId'>;

export type Recorder = ReturnType<typeof createRecorder>;

/** Longer paths are nobody's route; enough of one is kept to recognise it. */
const PATH_LENGTH_MAX = 120;
/** Bounds what is one row; more callers than this at one moment make a second one. */
const BATCH_MAX = 500;
/** Entries wait this long to be spread together. Whoever reads the activity does not wait: see `spread`. */
const SPREAD_AFTER_MS = 1000;
/** So many at once that accounts share writes, and so few that nobody waits noticeably behind them. */
const SPREAD_BATCHES = 100;

/**
 * Keeps the activity: one entry for each API call whose credential is known, refused ones too. A caller gets its
 * answer only when the entry is kept, together with those of the same moment in one row. Entries stand beside
 * other entries of their account in the end, and to put each there by itself would cost more than all the rest
 * of a call: so they are spread later, many at once. Their ids are fixed by then, so nothing is lost or doubled.
 */
export function createRecorder(parts: {
  calls: Collection<Call>;
  callBatches: Collection<CallBatch>;
  clock: Clock;
}) {
  const { calls, callBatches, clock } = parts;
  // Ids of one process ascend, so that the index grows at its end and calls of one second list in their order.
  const process = randomBytes(9).toString('base64url');
  let count = 0;
  let gathering: { entries: Call[]; kept: Promise<void> } | undefined;
  let isSpreadDue = false;

  function gather(first: Call): Promise<void> {
    const entries = [first];
    const kept = endOfTurn().then(() => {
      if (gathering?.entries === entries) gathering = undefined;
      return callBatches.insert({ id: first.id, entries });
    });
    gathering = { entries, kept };
    if (!isSpreadDue) {
      isSpreadDue = true;
      setTimeout(spreadInTime, SPREAD_AFTER_MS).unref();
    }
    return kept;
  }

  /** What fails here is tried again the next time, and reported by the periodic work, which spreads too. */
  function spreadInTime(): void {
    isSpreadDue = false;
    spread().catch(() => undefined);
  }

  /** Puts what is kept, by whichever process, where it is listed. Safe to repeat and to race. */
  async function spread(): Promise<void> {
    for (;;) {
      const batches = await callBatches.list({ limit: SPREAD_BATCHES });
      if (batches.length === 0) return;
      await calls.insertMany(batches.flatMap(({ entries }) => entries));
      await callBatches.removeMany([['id', 'in', batches.map(({ id }) => id)]], batches.length);
      if (batches.length < SPREAD_BATCHES) return;
      // Others have their turn in between.
      await endOfTurn();
    }
  }

  return {
    /** The entry of a call, not kept yet. */
    entry(whose: Attribution, called: Called): Call {
      const at = clock();
      count += 1;
      const place = `${at.toString(36).padStart(7, '0')}${count.toString(36).padStart(8, '0')}`;
      return { id: `call_${place}${process}`, at, ...whose, ...called, path: fitted(called.path) };
    },

    /** Keeps an entry. Throws `Unavailable` if the store is away: then the caller gets 503 and not its answer. */
    keep(entry: Call): Promise<void> {
      if (gathering === undefined || gathering.entries.length >= BATCH_MAX) return gather(entry);
      gathering.entries.push(entry);
      return gathering.kept;
    },

    /** Keeps an entry that may have been kept before; it is there once all the same. */
    async keepAgain(entry: Call): Promise<void> {
      await calls.insertMany([entry]);
    },

    spread,
  };
}

/** The path as an entry has it. */
function fitted(path: string): string {
  return withoutSecrets(path).slice(0, PATH_LENGTH_MAX);
}
