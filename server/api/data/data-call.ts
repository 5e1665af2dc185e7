import type { Bearer } from '../../access/bearer.ts';
import type { Call } from '../../activity/call.ts';
import type { Verb } from '../../data/access.ts';
import type { StoredRecord } from '../../data/record.ts';
import type { Records } from '../../data/records.ts';
import type { OpenType } from '../../data/rows.ts';
import type { SentBy } from '../../data/timed-check.ts';
import { touchEntries } from '../../data/touched-owners.ts';
import type { Domain } from '../../domain.ts';
import type { EffectsOfChange } from '../../effects/effects.ts';
import { Problem } from '../../ground/errors.ts';
import { msSince } from '../../ground/time.ts';
import { shortName } from '../../ground/without-secrets.ts';
import { addressOf, requestIdOf, startedMsOf } from '../../http/request.ts';
import type { ApiCall } from '../responder.ts';

/** A call about records of a type that the caller's token reaches. */
export type DataCall = ApiCall & {
  opened: OpenType;
  verb: Verb;
  /** The record; '' for the type. */
  id: string;
};

/** A call that reads records. */
export type ReadCall = DataCall & {
  /** Judges the caller again where the call has taken a while. Throws Problem where they may not go on. */
  callerNow: () => Promise<Bearer | undefined>;
};

/** A call that changes records: nobody does without a token. */
export type WriteCall = DataCall & {
  caller: Bearer;
  /** Judges the caller again where the call has taken a while. Throws Problem where they may not go on. */
  callerNow: () => Promise<Bearer>;
};

/** Whose values the schemas of the type check. */
export function sentBy({ ctx, caller }: WriteCall): SentBy {
  return { requestId: requestIdOf(ctx), sender: caller.account.id };
}

/** The entry of a call that went well, with what it passed over. `touched`: the records as the caller met them. */
export function entryOf(
  { ctx, entry }: ApiCall,
  of: { status: number; records: Records; touched: readonly StoredRecord[] },
): Call | undefined {
  if (entry === undefined) return undefined;
  const { status, records, touched } = of;
  const passed = records.passes ? { privacyBypassed: true, hidden: records.hiddenAmong(touched) } : {};
  return { ...entry, ...passed, status, ms: msSince(startedMsOf(ctx)) };
}

/** Records the entry of a call, if it has one. */
export async function recordEntry({ record }: Domain['recorder'], entry: Call | undefined): Promise<void> {
  if (entry !== undefined) await record(entry);
}

/** What a change of a record brings with it: the call's entry, and what its owner reads of a call that passed the rules. */
export async function effectsOf(
  call: WriteCall,
  parts: Pick<Domain, 'accounts' | 'clock'>,
  of: Parameters<typeof entryOf>[1],
): Promise<EffectsOfChange> {
  const { ctx, caller, opened } = call;
  const { records, touched } = of;
  const request = { id: requestIdOf(ctx), from: addressOf(ctx) };
  const owners = records.passes ? touched.map(({ createdBy }) => createdBy) : [];
  const audit = await touchEntries(parts, owners, { by: `data ${opened.type.name}`, caller, request });
  return { call: entryOf(call, of), audit };
}

/** The answer where there is no such record, or none for this caller. */
export function noSuchRecord({ opened, id }: DataCall): Problem {
  const { name } = opened.type;
  return new Problem({
    status: 404,
    code: 'MISSING_DATA',
    message: `Missing object of type ${name}: object with id ${shortName(id)} does not exist`,
    hint: 'Look whether the id is right, and whether this caller may see it.',
  });
}

/** The answer where others were quicker each time. */
export function changedMeanwhile({ opened }: DataCall): Problem {
  return new Problem({
    status: 409,
    code: 'CONFLICT',
    message: `Others changed this ${opened.type.name} again and again.`,
    hint: 'Nothing was stored. Try again in a moment.',
  });
}

/** The answer where the value of a unique field is another record's, or the account has its one record. */
export function valueTaken({ name }: { name: string }, field: string): Problem {
  const isOwn = field === 'createdBy';
  return new Problem({
    status: 409,
    code: 'CONFLICT',
    message: isOwn ? `This account has its ${name} already.` : `Another ${name} has this ${field}.`,
    hint: isOwn
      ? 'Nothing was stored. Change the one that is there.'
      : 'Nothing was stored. Send another value.',
    ...(isOwn ? {} : { parameter: field }),
  });
}
