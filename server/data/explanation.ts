import type { Asker, Collection } from '../../adapters/port.ts';
import { NO_ACCOUNT } from '../activity/audit.ts';
import { minuteId } from '../activity/entry-ids.ts';
import { dataScope, isAdmin, missingScopes, narrowAdminScope } from '../credentials/scopes.ts';
import type { Effects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { noSuch } from '../ground/errors.ts';
import { RECORDS_COUNTED_MAX } from '../ground/limits.ts';
import { type DataAccess, type DataCaller, passesRules, type Verb } from './access.ts';
import {
  type CallerNamed,
  type CallerParts,
  type ExplainedCaller,
  findExplainedCaller,
} from './explained-caller.ts';
import { createPrivacy, EVERYTHING, extendsTo, fieldsOf, givesRecord, type Privacy } from './privacy.ts';
import type { StoredRecord } from './record.ts';
import type { Resolved } from './resolve.ts';
import type { OpenType } from './rows.ts';
import { type Held, heldOf, reasonsFor } from './rule-reasons.ts';
import { type RuleInWords, ruleInWords } from './rule-words.ts';
import { type DataType, kindsOf, type Rule } from './type.ts';

/** What may be done, and the names of the rules that give it, the first of them. */
export type Granted = { held: Held; by: string[]; more: number };

/** A rule for one caller: the comparisons that decided it, each with what stood on both sides. */
type ExplainedRule = RuleInWords & { held: Held; because: string[] };

/** What one caller may do with the records of a type, or with one of them, and which rule says so. */
export type Explanation = {
  type: string;
  caller: Omit<ExplainedCaller, 'caller'> & {
    scopes: readonly string[];
    accountId?: string | undefined;
    clientId?: string | undefined;
  };
  /** Whether it passes the rules, and why. */
  passes: Record<Verb, { held: boolean; why: string }>;
  /**
   * How many records stand in its lists, of how many, and how many by the rules alone; none of it is counted further than
   * RECORDS_COUNTED_MAX + 1.
   */
  finds: { count: number; of: number; byRules: number };
  /** The record that was asked about. */
  record?: { id: string; createdBy: string | undefined } | undefined;
  find: Granted;
  /** Is answered by its id. */
  get: Granted;
  create: Granted;
  delete: Granted;
  fields: { name: string; view: Granted; constrain: Granted; change: Granted }[];
  rules: ExplainedRule[];
};

const VERBS = ['read', 'write'] as const;
/** Each field would have as many. */
const NAMES_SHOWN_MAX = 5;

type Parts = CallerParts & {
  dataAccess: Pick<DataAccess, 'valuesFor'>;
  effects: Pick<Effects, 'commit'>;
  clock: Clock;
};

/**
 * Explains the rules of a type to an admin. Values of a record are in it, so that asking about one is on record, for its
 * owner to read; a look at the counts is not. `signal`: aborted when nobody waits for them.
 */
export function createExplain(parts: Parts) {
  return async function explain(
    opened: OpenType,
    whom: CallerNamed,
    { id, by, signal }: { id?: string | undefined; by: Actor; signal?: AbortSignal },
  ): Promise<Explanation> {
    const { type } = opened;
    const { caller, ...asked } = await findExplainedCaller(parts, whom, type.name);
    const { rows } = opened;
    const asker = { whose: by.id ?? '', signal };
    const record = id === undefined ? undefined : await rows.get(id);
    if (id !== undefined && record === undefined) throw noSuch(`record of ${type.name}`);
    if (record !== undefined) await tellOwner(parts, record, { type, by });
    const values = await parts.dataAccess.valuesFor(opened, caller);
    const privacy = createPrivacy(type, values);
    const passes = { read: passing(caller, type, 'read'), write: passing(caller, type, 'write') };
    return {
      type: type.name,
      caller: {
        ...asked,
        scopes: caller?.scopes ?? [],
        obstacles: [...asked.obstacles, ...missingInWords(caller, type, privacy)],
        accountId: caller?.account.id,
        clientId: caller?.client?.id,
      },
      passes,
      finds: await counted(rows, privacy.found, { passes: passes.read.held, asker }),
      record: record && { id: record.id, createdBy: record.createdBy },
      ...rightsOf(type, grantedBy(privacy, passes, record)),
      rules: privacy.resolved.map(({ rule, when }) => ({
        ...ruleInWords(rule),
        held: heldOf(when, record),
        because: reasonsFor(rule.when, { values, kinds: kindsOf(type), record }),
      })),
    };
  };
}

/** One entry of a minute for a record and who looks at it, so that a page that is loaded again and again is one line. */
async function tellOwner(
  { effects, clock }: Parts,
  { id, createdBy }: StoredRecord,
  { type, by }: { type: DataType; by: Actor },
): Promise<void> {
  const accountId: string = createdBy ?? NO_ACCOUNT;
  if (by.id === accountId) return;
  const entry = {
    id: minuteId(clock(), [id, by.kind, by.id]),
    accountId,
    actor: by,
    action: 'data.looked_at',
    targetId: id,
    targetName: type.name,
    count: 1,
  };
  await effects.commit([], { audit: [entry] });
}

function passing(
  caller: DataCaller | undefined,
  { name }: DataType,
  verb: Verb,
): { held: boolean; why: string } {
  const held = passesRules(caller, name, verb);
  if (held && caller?.actsFor === 'app')
    return { held, why: 'It acts for the whole app, and its owner is an admin.' };
  if (held) return { held, why: 'It has an admin scope for this, and its owner is an admin.' };
  const isAsAdmin = caller !== undefined && (caller.actsFor === 'app' || isAdmin(caller.scopes));
  if (isAsAdmin && !caller.account.admin) return { held, why: 'Its owner is no admin any more.' };
  return { held, why: 'It neither acts for the whole app nor has an admin scope for this.' };
}

/** What the Data API refuses before any rule is asked; workflows have scopes of their own. */
function missingInWords(
  caller: DataCaller | undefined,
  { name, rules }: DataType,
  privacy: Privacy,
): string[] {
  if (caller === undefined) {
    const reads =
      privacy.there === false ? 'the Data API answers nothing' : 'the Data API lets nothing be written';
    return [`Without a token ${reads}; a workflow that anyone may call goes by these rules.`];
  }
  const passesAny = VERBS.some((verb) => passesRules(caller, name, verb));
  if (rules.length === 0 && !passesAny)
    return [
      'The type has no rules: only services of admins get at its records, and workflows around the rules.',
    ];
  const needed = VERBS.map((verb) => dataScope(name, verb));
  const missing = missingScopes(caller.scopes, rules.length === 0 ? needed.map(narrowAdminScope) : needed);
  return missing.map((scope) => `It lacks the scope ${scope}: by itself the Data API refuses that.`);
}

async function counted(
  rows: Collection<StoredRecord>,
  found: Resolved,
  { passes, asker }: { passes: boolean; asker: Asker },
): Promise<Explanation['finds']> {
  const bounds = { ...asker, most: RECORDS_COUNTED_MAX + 1 };
  const of = await rows.count([], bounds);
  const whole = found === true ? of : 0;
  const byRules = typeof found === 'boolean' ? whole : await rows.count(found, bounds);
  return { count: passes ? of : byRules, of, byRules };
}

type Gives = (rule: Rule) => boolean;

const NEVER: Granted = { held: 'no', by: [], more: 0 };

function rightsOf(type: DataType, granted: (verb: Verb, gives: Gives) => Granted) {
  return {
    find: granted('read', (rule) => rule.find === true),
    get: granted('read', givesRecord),
    create: granted('write', (rule) => rule.create === true),
    delete: granted('write', (rule) => rule.delete === true),
    // The id is given with each record anyway.
    fields: fieldsOf(type)
      .filter((name) => name !== 'id')
      .map((name) => ({
        name,
        view: granted('read', (rule) => extendsTo(rule.view, name)),
        constrain: granted('read', (rule) => extendsTo(rule.constrain, name)),
        // What a record has by itself nobody changes, past the rules neither.
        change: Object.hasOwn(type.fields, name)
          ? granted('write', (rule) => extendsTo(rule.change, name))
          : NEVER,
      })),
  };
}

function grantedBy(privacy: Privacy, passes: Explanation['passes'], record: StoredRecord | undefined) {
  const rules = privacy.resolved.map(({ rule, when }) => ({ rule, held: heldOf(when, record) }));
  return (verb: Verb, gives: Gives): Granted => {
    if (passes[verb].held) return { held: 'yes', by: [EVERYTHING.name], more: 0 };
    const giving = rules.filter(({ rule, held }) => held !== 'no' && gives(rule));
    const names = giving.map(({ rule }) => rule.name);
    const whole: Held = giving.some(({ held }) => held === 'yes') ? 'yes' : 'some';
    return {
      held: giving.length === 0 ? 'no' : whole,
      by: names.slice(0, NAMES_SHOWN_MAX),
      more: Math.max(0, names.length - NAMES_SHOWN_MAX),
    };
  };
}
