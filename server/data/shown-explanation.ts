import type { Bearer } from '../access/bearer.ts';
import { RECORDS_COUNTED_MAX } from '../ground/limits.ts';
import type { Explanation, Granted } from './explanation.ts';
import type { Held } from './rule-reasons.ts';

/** An explanation as people read it at the command line and in the console, and as programs are given it. */

/** Of one record, or of all there are. */
const WORDS: Record<'one' | 'all', Record<Held, string>> = {
  one: { yes: 'Yes', some: 'Perhaps', no: 'No' },
  all: { yes: 'Every record', some: 'Some records', no: 'No record' },
};

/** Whether something holds, of the record that was asked about or of all. */
export function heldInWords(held: Held, { record }: Pick<Explanation, 'record'>): string {
  return WORDS[record === undefined ? 'all' : 'one'][held];
}

/** The rules that give something; '' where none does. */
export function rulesInWords({ by, more }: Granted): string {
  const others = more === 0 ? '' : `, and ${more.toLocaleString('en')} more`;
  return `${by.join(', ')}${others}`;
}

/** `Some records (Whoever made it)` */
export function grantedInWords(granted: Granted, explanation: Pick<Explanation, 'record'>): string {
  const words = heldInWords(granted.held, explanation);
  return granted.by.length === 0 ? words : `${words} (${rulesInWords(granted)})`;
}

/** `12 of more than 10,000 records` */
export function findsInWords({ finds, passes }: Pick<Explanation, 'finds' | 'passes'>): string {
  const { count, of, byRules } = finds;
  const words = `${countInWords(count)} of ${countInWords(of)} ${of === 1 ? 'record' : 'records'}`;
  return passes.read.held ? `${words}; by the rules alone ${countInWords(byRules)}` : words;
}

/** A number of records, as far as they were counted. */
export function countInWords(count: number): string {
  if (count <= RECORDS_COUNTED_MAX) return count.toLocaleString('en');
  return `more than ${RECORDS_COUNTED_MAX.toLocaleString('en')}`;
}

/** The command by which whoever runs the server sees why rules refused this caller something. */
export function explainCommand(
  { type, id }: { type: string; id?: string },
  caller: Pick<Bearer, 'tokenId' | 'account' | 'client'> | undefined,
): string {
  const record = id === undefined ? '' : ` --id ${id}`;
  return `latchkey explain --type ${type}${record}${caller === undefined ? '' : ` ${namedAs(caller)}`}`;
}

function namedAs({ tokenId, account, client }: Pick<Bearer, 'tokenId' | 'account' | 'client'>): string {
  if (client === undefined) return `--token ${tokenId}`;
  return client.kind === 'app' ? `--client ${client.id} --account ${account.id}` : `--client ${client.id}`;
}

/** The same for programs. */
export function explanationForPrograms(explanation: Explanation) {
  const {
    type,
    caller,
    passes,
    finds,
    record,
    find,
    get,
    create,
    delete: remove,
    fields,
    rules,
  } = explanation;
  const counted = (count: number) => Math.min(count, RECORDS_COUNTED_MAX);
  return {
    type,
    caller: {
      account_id: caller.accountId ?? null,
      client_id: caller.clientId ?? null,
      token_id: caller.tokenId ?? null,
      description: caller.words,
      scopes: caller.scopes,
      obstacles: caller.obstacles,
      places: caller.places,
    },
    passes_rules: passes,
    records: {
      found: counted(finds.count),
      found_is_all: finds.count <= RECORDS_COUNTED_MAX,
      found_by_rules: counted(finds.byRules),
      total: counted(finds.of),
      total_is_all: finds.of <= RECORDS_COUNTED_MAX,
    },
    record: record === undefined ? null : { id: record.id, created_by: record.createdBy ?? null },
    rights: { find, get, create, delete: remove },
    fields,
    rules,
  };
}
