import { z } from 'zod';
import { type CallerValue, type Expression, type RecordField, withAllMade } from './expressions.ts';
import type { Fields, OwnFields } from './record.ts';

/** What an app owner declares in types/: fields, what is found fast, and who may do what with a record. */

type RuleRecord<F extends Fields> = {
  readonly [K in keyof F]: RecordField<NonNullable<z.output<F[K]>>>;
} & { readonly [K in keyof OwnFields]-?: RecordField<NonNullable<OwnFields[K]>> };

/** What the caller's own record of a type holds. */
type OwnRecord<F extends Fields> = { readonly [K in keyof F]: CallerValue<NonNullable<z.output<F[K]>>> };

/** Who calls, as a rule of the type with the fields `F` sees it. */
export type RuleCaller<F extends Fields = Fields> = {
  /** The id of the account; absent where nobody is signed in. */
  readonly account: CallerValue<string>;
  readonly email: CallerValue<string>;
  /** The id of the service or app; absent for a personal access token. */
  readonly client: CallerValue<string>;
  readonly scopes: CallerValue<readonly string[]>;
  /** What was noted of the account or token by the management API, such as a plan. */
  metadata(key: string): CallerValue<string>;
  /**
   * The caller's own record of a type with `onePerAccount`, of the type that the rule is about where none is named; all of
   * it is absent where they have none.
   */
  own<G extends Fields = F>(type?: DataType<G>): OwnRecord<G>;
};

/** The fields that a right extends to: `true` is all, those that a record has by itself too. */
export type FieldsRight<F extends Fields> = true | readonly ((keyof F & string) | keyof OwnFields)[];

/** What whoever a rule holds for may do with a record. What no rule gives, nobody may. */
export type Rule<F extends Fields = Fields> = {
  /** In plain words, for `latchkey explain`. */
  name: string;
  /** For which records and callers it holds. */
  when: Expression;
  /** The record stands in lists and is counted. */
  find?: boolean;
  /** The fields that are seen. */
  view?: FieldsRight<F>;
  /** The fields that lists may be narrowed down and sorted by. */
  constrain?: FieldsRight<F>;
  create?: boolean;
  /** The fields that may be changed; the rule must hold for the record before and after. */
  change?: FieldsRight<F>;
  delete?: boolean;
};

/** What is written in a file of types/. */
export type WrittenType<F extends Fields> = {
  /** Lower case with underscores. */
  name: string;
  description: string;
  fields: F;
  /** Each a list of fields that records are found by, or sorted by, fast. */
  indexes?: readonly (readonly ((keyof F & string) | keyof OwnFields)[])[];
  /** Fields of which no two records have the same value. */
  unique?: readonly (keyof F & string)[];
  /** No account has more than one record; rules find it by `caller.own(TYPE)`, those of this type by `caller.own()`. */
  onePerAccount?: boolean;
  /** The records that an account made, or that were made for it, go when the account is deleted. Otherwise they stay. */
  deletedWithAccount?: boolean;
  /** Who may do what. Without rules only admin tokens and workflows get at the records. */
  rules?: (record: RuleRecord<F>, caller: RuleCaller<F>) => readonly Rule<F>[];
};

/** A declared data type. */
export type DataType<F extends Fields = Fields> = Required<Omit<WrittenType<F>, 'rules'>> & {
  rules: readonly Rule[];
};

/** What the rules were made of: all of their expressions, used or not, and the text that made them. */
type RulesMade = { all: readonly Expression[]; text: string };

const declared = new WeakMap<object, RulesMade>();

/** Declares a data type. One file in types/ exports one. */
export function defineType<F extends Fields>(written: WrittenType<F>): DataType<F> {
  const { rules = () => [], ...rest } = written;
  // What is no function is told by type-mistakes.ts.
  const made = withAllMade(() =>
    typeof rules === 'function' ? rules(recordOf<F>(), callerOf(written)) : undefined,
  );
  const type = {
    indexes: [],
    unique: [],
    onePerAccount: false,
    deletedWithAccount: false,
    ...rest,
    rules: made.value as readonly Rule[],
  };
  declared.set(type, { all: made.all, text: String(rules) });
  return type;
}

/** Whether this value came through `defineType`. */
export function isDataType(value: unknown): value is DataType {
  return typeof value === 'object' && value !== null && declared.has(value);
}

/** What the rules of a type were made of. */
export function rulesMade(type: DataType): RulesMade {
  return declared.get(type) ?? { all: [], text: '' };
}

/** What stands for a name, also for one that is misspelt: type-mistakes.ts says which names there are. */
function named<T>(standsFor: (name: string) => unknown): T {
  const get = (_: object, name: string | symbol) => (typeof name === 'symbol' ? undefined : standsFor(name));
  return new Proxy({}, { get }) as T;
}

function recordOf<F extends Fields>(): RuleRecord<F> {
  return named((record) => ({ record }));
}

function callerOf<F extends Fields>({ name: ruled }: WrittenType<F>): RuleCaller<F> {
  const metadata: RuleCaller['metadata'] = (key) => ({ caller: 'metadata', key });
  const own = (...of: readonly DataType[]) => {
    const type = of.length === 0 ? ruled : String(of[0]?.name);
    return named((key) => ({ caller: 'own', type, key }));
  };
  const methods = new Map<string, unknown>([
    ['metadata', metadata],
    ['own', own],
  ]);
  return named((caller) => methods.get(caller) ?? { caller });
}

/** What a field holds, as conditions see it: a list or an object is not compared as a whole. */
export type FieldKind = 'text' | 'number' | 'boolean' | 'list' | 'other';

const KINDS: Record<string, FieldKind> = {
  string: 'text',
  number: 'number',
  integer: 'number',
  boolean: 'boolean',
};

/** What the fields of a type hold, those that a record has by itself too. */
export function kindsOf({ fields }: Pick<DataType, 'fields'>): ReadonlyMap<string, FieldKind> {
  const kinds = knownKinds.get(fields) ?? kindsOfFields(fields);
  knownKinds.set(fields, kinds);
  return kinds;
}

/** They are asked for with each call, and take long to find out. */
const knownKinds = new WeakMap<Fields, ReadonlyMap<string, FieldKind>>();

function kindsOfFields(fields: Fields): ReadonlyMap<string, FieldKind> {
  const own = [
    ['id', 'text'],
    ['createdBy', 'text'],
    ['createdAt', 'number'],
    ['modifiedAt', 'number'],
  ] as const;
  return new Map([
    ...own,
    ...Object.entries(fields).map(([name, schema]) => [name, kindOfSchema(schema)] as const),
  ]);
}

/** Of JSON Schema (draft 2020-12). */
type Written = { type?: string; items?: Written; enum?: readonly unknown[]; const?: unknown };

function kindOfSchema(schema: z.ZodType): FieldKind {
  const written = z.toJSONSchema(schema, { io: 'output', unrepresentable: 'any' }) as Written;
  if (written.type === 'array') return scalarKindOf(written.items ?? {}) === undefined ? 'other' : 'list';
  return scalarKindOf(written) ?? 'other';
}

function scalarKindOf({ type, ...written }: Written): FieldKind | undefined {
  if (type !== undefined) return KINDS[type];
  const kinds = new Set((written.enum ?? [written.const]).map((one) => KINDS[typeof one]));
  return kinds.size === 1 ? [...kinds][0] : undefined;
}
