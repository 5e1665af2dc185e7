import { type Bearer, metadataOf } from '../access/bearer.ts';
import { coversAsAdmin, dataScope } from '../credentials/scopes.ts';
import type { Clock } from '../ground/clock.ts';
import { createPrivacy, ownTypesIn } from './privacy.ts';
import type { SeenRecord, StoredRecord } from './record.ts';
import { createRecords, type Records } from './records.ts';
import { type CallerValues, NOBODY } from './resolve.ts';
import type { OpenType } from './rows.ts';

export type Verb = 'read' | 'write';

/** As much of a caller as rules ask about. */
export type DataCaller = Pick<Bearer, 'account' | 'client' | 'actsFor' | 'scopes' | 'metadata'>;

export type DataAccess = ReturnType<typeof createDataAccess>;

/** Finds out what the rules of a type mean for a caller. */
export function createDataAccess(parts: { types: ReadonlyMap<string, OpenType>; clock: Clock }) {
  const { types, clock } = parts;

  async function valuesFor({ type }: OpenType, caller: DataCaller | undefined): Promise<CallerValues> {
    if (caller === undefined) return NOBODY;
    const { account, client, scopes } = caller;
    const own = new Map<string, Record<string, unknown> | undefined>();
    for (const name of ownTypesIn(type))
      own.set(name, await types.get(name)?.rows.find('createdBy', account.id));
    return {
      account: account.id,
      email: account.email,
      client: client?.id,
      scopes,
      metadata: metadataOf(caller),
      own,
    };
  }

  return {
    /**
     * What the rules of a type compare with, of this caller, with their own records of the types that the rules name; of
     * nobody where it is undefined.
     */
    valuesFor,

    /**
     * The records of a type as this caller sees them; of nobody where `caller` is undefined. `passes`: past the rules,
     * because a workflow says so or is called as an admin. `signal`: aborted when nobody waits for lists and counts.
     */
    async recordsFor(
      opened: OpenType,
      caller: DataCaller | undefined,
      { verb, passes = false, signal }: { verb: Verb; passes?: boolean; signal?: AbortSignal | undefined },
    ): Promise<Records> {
      const { type } = opened;
      const rules = createPrivacy(type, await valuesFor(opened, caller));
      const privacy =
        passes || passesRules(caller, type.name, verb) ? createPrivacy(type, NOBODY, true) : rules;
      const asker = { whose: caller?.account.id ?? 'nobody', signal };
      return createRecords(opened, privacy, { clock, rules, asker });
    },
  };
}

/** Whether this caller passes the rules of a type: an admin's token of that scope, or a service that acts for the app. */
export function passesRules(caller: DataCaller | undefined, type: string, verb: Verb): boolean {
  // Who is no admin any more gives nobody a way past privacy rules either.
  if (caller === undefined || !caller.account.admin) return false;
  return caller.actsFor === 'app' || coversAsAdmin(caller.scopes, dataScope(type, verb));
}

/** The fields of a record that an account sees on pages, as its owner who is signed in; undefined where it sees none of it. */
export async function shownToAccount(
  { recordsFor }: DataAccess,
  opened: OpenType,
  account: DataCaller['account'],
): Promise<(row: StoredRecord) => SeenRecord | undefined> {
  const caller = { account, actsFor: 'account', scopes: [] } as const;
  const records = await recordsFor(opened, caller, { verb: 'read' });
  return (row) => (records.isThere(row) ? records.seen(row) : undefined);
}
