import { holds } from '../../adapters/holds.ts';
import { always } from './expressions.ts';
import { OWN_FIELDS, type StoredRecord } from './record.ts';
import { anyOf, type CallerValues, type Resolved, resolve } from './resolve.ts';
import { type DataType, type FieldsRight, kindsOf, type Rule } from './type.ts';

/** What one caller may do with the records of one type: the union of the rules that hold for a record. */
export type Privacy = ReturnType<typeof createPrivacy>;

/** What an admin token, or a service that acts for the app, may do. */
export const EVERYTHING: Rule = {
  name: 'Past the rules',
  when: always,
  find: true,
  view: true,
  constrain: true,
  create: true,
  change: true,
  delete: true,
};

/** The rules of a type for one caller. `passes`: as if one rule gave everything. */
export function createPrivacy(type: DataType, values: CallerValues, passes = false) {
  const kinds = kindsOf(type);
  const rules = (passes ? [EVERYTHING] : type.rules).map((rule) => ({
    rule,
    when: resolve(rule.when, values, kinds),
  }));

  const unionOf = (gives: (rule: Rule) => boolean): Resolved =>
    anyOf(rules.filter(({ rule }) => gives(rule)).map(({ when }) => when));
  const someHolds = (record: StoredRecord, gives: (rule: Rule) => boolean): boolean =>
    rules.some(({ rule, when }) => gives(rule) && meets(record, when));
  /** Unions are asked for again and again while a list is made. */
  const known = new Map<string, Resolved>();
  /** The same for all fields that the same rules give: it stands in a query once. */
  const remembered = (gives: (rule: Rule) => boolean): Resolved => {
    const key = rules.map(({ rule }) => (gives(rule) ? '1' : '0')).join('');
    const resolved = known.get(key) ?? unionOf(gives);
    known.set(key, resolved);
    return resolved;
  };

  function constrainable(field: string): Resolved {
    const finding = rules.filter(({ rule, when }) => rule.find === true && when !== false);
    const isEach = finding.length > 0 && finding.every(({ rule }) => extendsTo(rule.constrain, field));
    return isEach || remembered((rule) => extendsTo(rule.constrain, field));
  }

  return {
    /** The records that stand in lists and are counted. */
    found: unionOf((rule) => rule.find === true),

    /** The records that are there for who knows their id. */
    there: unionOf(givesRecord),

    /**
     * Where among the records that are found a constraint on this field, or a sort by it, counts: in all of them where each
     * rule that finds some gives it. An id is given with each record anyway.
     */
    constrainable: (field: string): Resolved => field === 'id' || constrainable(field),

    /** Which fields of this record this caller may see. */
    maySeeIn(record: StoredRecord): (field: string) => boolean {
      const holding = rules.filter(({ rule, when }) => isSome(rule.view) && meets(record, when));
      return (field) => field === 'id' || holding.some(({ rule }) => extendsTo(rule.view, field));
    },

    mayCreate: (record: StoredRecord): boolean => someHolds(record, (rule) => rule.create === true),

    /** Whether this caller may change the field, as far as this state of the record goes. */
    mayChange: (record: StoredRecord, field: string): boolean =>
      someHolds(record, (rule) => extendsTo(rule.change, field)),

    mayRemove: (record: StoredRecord): boolean => someHolds(record, (rule) => rule.delete === true),

    /** Whether there is any record at all that this caller may make. */
    mayEverCreate: unionOf((rule) => rule.create === true) !== false,

    /** Each rule with the conditions that are left of it for this caller. */
    resolved: rules as readonly { rule: Rule; when: Resolved }[],
  };
}

/** Whether this record meets these conditions. */
export function meets(record: StoredRecord, resolved: Resolved): boolean {
  return typeof resolved === 'boolean' ? resolved : holds(resolved, record);
}

/** Whether the rule makes a record be there for who knows its id: it is found, or something of it is seen. */
export function givesRecord({ find, view }: Rule): boolean {
  return find === true || isSome(view);
}

/** Whether a right extends to this field. */
export function extendsTo(right: FieldsRight<DataType['fields']> | undefined, field: string): boolean {
  return right === true || (right ?? []).includes(field);
}

/** The names of the types whose own record of the caller the rules of this one ask for. */
export function ownTypesIn(type: DataType): ReadonlySet<string> {
  const found = new Set<string>();
  const look = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    if ('caller' in value && value.caller === 'own' && 'type' in value) found.add(value.type as string);
    for (const part of Object.values(value)) look(part);
  };
  for (const { when } of type.rules) look(when);
  return found;
}

/** The fields of a type, those that each record has by itself too. */
export function fieldsOf(type: DataType): readonly string[] {
  return [...OWN_FIELDS, ...Object.keys(type.fields)];
}

function isSome(right: boolean | readonly string[] | undefined): boolean {
  return right === true || (Array.isArray(right) && right.length > 0);
}
