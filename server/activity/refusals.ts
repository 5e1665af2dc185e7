import type { Clock } from '../ground/clock.ts';
import type { Call } from './call.ts';
import { createMinuteEntries } from './minute-entries.ts';
import type { Attribution, Called, Recorder } from './recorder.ts';

/** Writes the activity of dead credentials, which may be called with for ever: an entry a minute for each and its result. */
export function createRefusals(parts: { recorder: Pick<Recorder, 'entry' | 'record'>; clock: Clock }) {
  const { recorder, clock } = parts;
  const entries = createMinuteEntries<Call>({ record: (entry) => recorder.record(entry), clock });

  return {
    /** A call with a dead credential was refused. Throws `Unavailable` like the recorder. */
    record: (whose: Attribution, called: Called): Promise<void> =>
      entries.add(`${whose.tokenId} ${called.result}`, recorder.entry(whose, called)),

    /** Writes down all that is counted: before the process ends. */
    stop: entries.stop,
  };
}
