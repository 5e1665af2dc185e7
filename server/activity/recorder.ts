import { randomBytes } from 'node:crypto';
import type { Journal } from '../../adapters/port.ts';
import type { Clock } from '../ground/clock.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';
import type { Call } from './call.ts';
import { CALL_PREFIX, momentOf } from './entry-ids.ts';

/** Whose call it is: account and credential, as far as an activity entry names them. */
export type Attribution = Pick<
  Call,
  'accountId' | 'clientId' | 'tokenId' | 'tokenKind' | 'tokenName' | 'privacyBypassed'
>;

/** What was called, and what came of it. */
export type Called = Pick<Call, 'method' | 'path' | 'status' | 'result' | 'from' | 'requestId' | 'ms'>;

export type Recorder = ReturnType<typeof createRecorder>;

/** Longer paths are nobody's route; enough of one is kept to recognise it. */
const PATH_LENGTH_MAX = 120;

/**
 * Writes the activity: one entry for each API call whose credential is known, refused ones too. A caller gets its
 * answer only when the entry is in the journal.
 */
export function createRecorder(parts: {
  callJournal: Journal<Call>;
  /** What counts the calls that are recorded. */
  counts?: readonly { add(call: Call): void }[];
  clock: Clock;
}) {
  const { callJournal, counts = [], clock } = parts;
  // Ids of one process ascend, so that the index grows at its end and calls of one second list in their order.
  const process = randomBytes(9).toString('base64url');
  let count = 0;

  function countIn(entry: Call): void {
    for (const one of counts) one.add(entry);
  }

  return {
    /** The entry of a call, not recorded yet. */
    entry(whose: Attribution, called: Called): Call {
      const at = clock();
      count += 1;
      const place = `${momentOf(at)}${count.toString(36).padStart(8, '0')}`;
      const { accountId, clientId, tokenId, tokenKind, tokenName, privacyBypassed } = whose;
      const { method, status, result, from, requestId, ms } = called;
      return {
        id: `${CALL_PREFIX}${place}${process}`,
        at,
        accountId,
        clientId,
        tokenId,
        tokenKind,
        tokenName,
        method,
        path: fitted(called.path),
        status,
        result,
        from,
        requestId,
        ms,
        refused: status >= 400 ? true : undefined,
        privacyBypassed,
      };
    },

    /**
     * Records an entry; recorded again, it is there once all the same. Throws `Unavailable` if the store is away:
     * then the caller gets 503 and not its answer. `disk`: a power cut does not take it either, for a change that is
     * about to be forgotten elsewhere.
     */
    record(entry: Call, durability?: 'disk'): Promise<void> {
      const recorded = callJournal.append(entry, durability);
      // Nobody waits for it, and what is not recorded is not counted.
      if (counts.length > 0) recorded.then(() => countIn(entry), ignore);
      return recorded;
    },
  };
}

/** The path as an entry has it. */
function fitted(path: string): string {
  return withoutSecrets(path).slice(0, PATH_LENGTH_MAX);
}

function ignore(): void {}
