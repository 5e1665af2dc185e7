import { characterBudget } from '../../data/character-budget.ts';
import type { StoredRecord } from '../../data/record.ts';
import type { Domain } from '../../domain.ts';
import { RECORDS_PAGE_CHARACTERS_MAX } from '../../ground/limits.ts';
import { whileWaited } from '../../http/waited.ts';
import { type DataCall, entryOf, noSuchRecord, type ReadCall, recordEntry } from './data-call.ts';
import { listQuery } from './list-query.ts';
import { recordJson } from './names.ts';

/** What reads records, under the rules for who calls. */
export function createReads(parts: Pick<Domain, 'dataAccess' | 'recorder'>) {
  const { dataAccess, recorder } = parts;

  return {
    /** A page of a list. */
    async list(call: ReadCall): Promise<object> {
      const { ctx, opened, caller, verb } = call;
      const records = await dataAccess.recordsFor(opened, caller, { verb, signal: whileWaited(ctx) });
      const wanted = listQuery(ctx, records);
      const results: object[] = [];
      const budget = characterBudget(RECORDS_PAGE_CHARACTERS_MAX);
      const takes = (row: StoredRecord): boolean => {
        const shown = recordJson(records.seen(row));
        return budget.takes(shown) && results.push(shown) > 0;
      };
      const rows = await records.list({ ...wanted, takes });
      const isLast = rows.length < wanted.limit && !budget.isUsedUp();
      // Behind the last page nothing need be counted.
      const behind = async () =>
        isLast ? 0 : Math.max(0, (await records.count(wanted.constraints)) - wanted.skip - rows.length);
      const left = wanted.excludesRemaining ? {} : { remaining: await behind() };
      // Who had to wait for it may be cut off by now.
      await call.callerNow();
      await recordEntry(recorder, entryOf(call, { status: 200, records, touched: rows }));
      return { response: { cursor: wanted.skip, results, count: results.length, ...left } };
    },

    /** One record. */
    async one(call: DataCall): Promise<object> {
      const { opened, caller, verb, id } = call;
      const records = await dataAccess.recordsFor(opened, caller, { verb });
      const row = await records.get(id);
      if (row === undefined) throw noSuchRecord(call);
      await recordEntry(recorder, entryOf(call, { status: 200, records, touched: [row] }));
      return { response: recordJson(records.seen(row)) };
    },
  };
}
