import type { Call } from '../activity/call.ts';
import type { StoredRecord } from '../data/record.ts';
import type { Records } from '../data/records.ts';

export type PassedRules = ReturnType<typeof createPassedRules>;

/**
 * Where a run passed over privacy rules because of who calls it; what the workflow does around them for everybody is its own
 * affair.
 */
export function createPassedRules() {
  const hidden = new Set<string>();
  let isAny = false;

  return {
    /** These were read or changed under the rules for the caller. */
    note(records: Records, rows: readonly StoredRecord[]): void {
      if (!records.passes) return;
      isAny = true;
      for (const row of rows) {
        if (records.hiddenAmong([row]) > 0) hidden.add(`${records.type.name} ${row.id}`);
      }
    },

    /** What the entry of the call says of it. */
    marks: (): Pick<Call, 'privacyBypassed' | 'hidden'> =>
      isAny ? { privacyBypassed: true, hidden: hidden.size } : {},
  };
}
