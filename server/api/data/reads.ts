import type { Domain } from '../../domain.ts';
import { type DataCall, entryOf, noSuchRecord, recordEntry } from './data-call.ts';
import { type ListQuery, listQuery } from './list-query.ts';
import { recordJson } from './names.ts';

/** What reads records, under the rules for who calls. */
export function createReads(parts: Pick<Domain, 'dataAccess' | 'recorder'>) {
  const { dataAccess, recorder } = parts;

  return {
    /** A page of a list. */
    async list(call: DataCall): Promise<object> {
      const { ctx, opened, caller, verb } = call;
      const records = await dataAccess.recordsFor(opened, caller, { verb });
      const wanted = listQuery(ctx, records);
      const rows = await records.list(wanted);
      const behind = () => remaining(wanted, rows.length, () => records.count(wanted.constraints));
      const left = wanted.excludesRemaining ? {} : { remaining: await behind() };
      await recordEntry(recorder, entryOf(call, { status: 200, records, touched: rows }));
      const results = rows.map((row) => recordJson(records.seen(row)));
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

/** How many there are behind the page. One that is not full is the last, and nothing need be counted. */
async function remaining(
  { skip, limit }: ListQuery,
  count: number,
  countAll: () => Promise<number>,
): Promise<number> {
  return count < limit ? 0 : Math.max(0, (await countAll()) - skip - count);
}
