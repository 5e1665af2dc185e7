import type { Collection, Where } from '../../adapters/port.ts';
import { type Call, type CallsAbout, callsAbout } from './call.ts';

/** Enough to see what a credential is for; a busy one is not read whole for a question. */
const CALLS_MAX = 1000;

/** What a credential was used for: the latest calls of a period, counted. */
export type Usage = {
  calls: number;
  /** Whether the period has more calls than were looked at. */
  isCut: boolean;
  /** By what was called, such as `GET /api/1.1/me`, most often first. */
  routes: readonly Used[];
  /** By where the calls came from. */
  addresses: readonly Used[];
};

/** How often, and when last, epoch seconds. */
export type Used = { what: string; count: number; lastAt: number };

/** Says what a credential is used for, from the activity. */
export function createUsage({ calls }: { calls: Collection<Call> }) {
  return {
    /** The calls of one token or client since then, those not counted with which it was refused. */
    async of(wanted: { accountId: string; about: CallsAbout; since: number }): Promise<Usage> {
      const { accountId, about, since } = wanted;
      const where: Where<Call> = [['accountId', '=', accountId], ...callsAbout(about), ['at', '>=', since]];
      const rows = await calls.list({ where, order: { by: 'at', descending: true }, limit: CALLS_MAX });
      const used = rows.filter(({ status }) => status !== 401);
      return {
        calls: used.length,
        isCut: rows.length === CALLS_MAX,
        routes: counted(used, ({ method, path }) => `${method} ${path}`),
        addresses: counted(used, ({ from }) => from),
      };
    },
  };
}

/** Calls are newest first, so the first of each is its last. */
function counted(calls: readonly Call[], whatOf: (call: Call) => string): Used[] {
  const found = new Map<string, { what: string; count: number; lastAt: number }>();
  for (const call of calls) {
    const what = whatOf(call);
    const known = found.get(what);
    if (known === undefined) found.set(what, { what, count: 1, lastAt: call.at });
    else known.count += 1;
  }
  return [...found.values()].sort((one, other) => other.count - one.count);
}
