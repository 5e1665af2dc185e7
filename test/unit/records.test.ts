import assert from 'node:assert/strict';
import { after, before, it } from 'node:test';
import fc from 'fast-check';
import { z } from 'zod';
import { openStore } from '../../adapters/open.ts';
import type { Store } from '../../adapters/port.ts';
import { always, is, or } from '../../server/data/expressions.ts';
import { FIT } from '../../server/data/field-tests.ts';
import { createPrivacy } from '../../server/data/privacy.ts';
import type { StoredRecord } from '../../server/data/record.ts';
import type { Constraint, Wanted } from '../../server/data/record-lists.ts';
import { createRecords, type Records } from '../../server/data/records.ts';
import type { CallerValues } from '../../server/data/resolve.ts';
import { type OpenType, openDataRows } from '../../server/data/rows.ts';
import { defineType, kindsOf, type Rule } from '../../server/data/type.ts';
import { Problem } from '../../server/ground/errors.ts';
import {
  callers,
  expressions,
  fieldValues,
  isNothingIn,
  numbers,
  oldRecords,
  orderOf,
  paper,
  plainly,
  saysOf,
  texts,
} from '../support/papers.ts';
import { eachStore } from '../support/stores.ts';

/**
 * Records under rules, on both engines, held to the words of the rights in the plainest way, and to this: what a caller may
 * neither see nor ask for changes nothing in any answer.
 */

const NOW = 1000;
const DECLARED = Object.keys(paper.fields);
const FIELDS = ['id', 'createdAt', 'createdBy', 'modifiedAt', ...DECLARED];
const kinds = kindsOf(paper);

const fieldRights = fc.oneof(
  fc.constant(undefined),
  fc.constant(true as const),
  fc.subarray(FIELDS.filter((field) => field !== 'id')),
) as fc.Arbitrary<Rule['view']>;
const flags = fc.constantFrom(true, true, false, undefined);
const rules: fc.Arbitrary<Rule> = fc.record({
  name: fc.constant('R'),
  when: expressions,
  find: flags,
  view: fieldRights,
  constrain: fieldRights,
  change: fieldRights,
  create: flags,
  delete: flags,
}) as fc.Arbitrary<Rule>;

const comparands: Record<string, fc.Arbitrary<unknown>> = {
  number: fc.oneof(numbers, fc.constantFrom(1, 2, 3)),
  boolean: fc.boolean(),
};
const constraints = fc.constantFrom(...FIELDS).chain((field) => {
  const kind = kinds.get(field) ?? 'other';
  const value = comparands[kind] ?? texts;
  return fc.constantFrom(...FIT[kind]).chain((test): fc.Arbitrary<Constraint> => {
    if (test === 'empty' || test === 'filled') return fc.constant({ field, test });
    const compared = test === 'in' || test === 'not in' ? fc.array(value, { maxLength: 3 }) : value;
    return compared.map((one) => ({ field, test, value: one }));
  });
});

/** Where numbers and texts are mixed, numbers come first; what else a field once held is not sorted by here. */
const SORTED = ['id', 'createdAt', 'createdBy', 'modifiedAt', 'title', 'pages'];
const questions: fc.Arbitrary<Wanted> = fc.record({
  constraints: fc.array(constraints, { maxLength: 2 }),
  order: fc.array(fc.record({ by: fc.constantFrom(...SORTED), descending: fc.boolean() }), { maxLength: 2 }),
  skip: fc.constantFrom(0, 0, 1, 2, 5),
  limit: fc.constantFrom(1, 2, 3, 20),
});

const stores = fc
  .array(oldRecords, { maxLength: 7 })
  .map((some) => some.map((record, at) => ({ ...stored(record), id: `obj_${at}` })));

/** As JSON leaves it. */
function stored(record: StoredRecord): StoredRecord {
  return JSON.parse(JSON.stringify(record)) as StoredRecord;
}

/** The words of /docs on rights, for one caller. */
function modelOf(given: readonly Rule[], values: CallerValues) {
  const holding = (record: StoredRecord) => given.filter(({ when }) => plainly(when, record, values));
  const extends_ = (right: Rule['view'], field: string) => right === true || right?.includes(field) === true;
  const isThere = (record: StoredRecord) =>
    holding(record).some(({ find, view }) => find === true || view === true || (view ?? []).length > 0);
  const isFound = (record: StoredRecord) => holding(record).some(({ find }) => find === true);
  const maySee = (record: StoredRecord, field: string) =>
    field === 'id' || holding(record).some(({ view }) => extends_(view, field));
  const mayConstrain = (record: StoredRecord, field: string) =>
    field === 'id' || holding(record).some(({ constrain }) => extends_(constrain, field));
  /** Whether this caller may constrain it in some, or in all, records that there could be. */
  const verdicts = (field: string) =>
    given
      .filter(({ constrain }) => extends_(constrain, field))
      .map(({ when }) => plainly(when, undefined, values));
  const mayEver = (field: string) => field === 'id' || verdicts(field).some((one) => one !== false);
  const finding = given.filter(
    (rule) => rule.find === true && plainly(rule.when, undefined, values) !== false,
  );
  /** In all records that are found, at least. */
  const mayAlways = (field: string) =>
    field === 'id' ||
    verdicts(field).includes(true) ||
    (finding.length > 0 && finding.every(({ constrain }) => extends_(constrain, field)));

  function meetsAll(record: StoredRecord, some: readonly Constraint[]): boolean {
    return some.every(
      ({ field, test, value }) =>
        mayConstrain(record, field) &&
        (test === 'empty' || test === 'filled'
          ? isNothingIn(field, record[field]) === (test === 'empty')
          : saysOf(record[field], test, value)),
    );
  }

  /** A later field of an order may be refused where it may not be constrained in all records that there could be. */
  function refusalOf(
    { constraints, order }: Pick<Wanted, 'constraints' | 'order'>,
    maybe: 'refused' | 'let',
  ): string | undefined {
    const isRefused = (by: string, at: number) =>
      !mayEver(by) || (maybe === 'refused' && at > 0 && !mayAlways(by));
    return (
      constraints.find(({ field }) => !mayEver(field))?.field ??
      order.find(({ by }, at) => isRefused(by, at))?.by
    );
  }

  return {
    holding,
    isThere,
    maySee,
    mayConstrain,
    refusalOf,
    seen: (record: StoredRecord): StoredRecord =>
      Object.fromEntries(Object.entries(record).filter(([field]) => maySee(record, field))) as StoredRecord,
    found: (all: readonly StoredRecord[], some: readonly Constraint[]) =>
      all.filter((record) => isFound(record) && meetsAll(record, some)),
    inOrder(all: readonly StoredRecord[], order: Wanted['order']): StoredRecord[] {
      const steps = [...order, { by: 'id', descending: order.at(-1)?.descending ?? false }];
      const valueIn = (record: StoredRecord, by: string) =>
        mayConstrain(record, by) ? record[by] : undefined;
      return all.toSorted((one, other) => {
        for (const { by, descending } of steps) {
          const difference = placeOf(valueIn(one, by), valueIn(other, by));
          if (difference !== 0) return descending ? -difference : difference;
        }
        return 0;
      });
    },
    mayChange: (record: StoredRecord, field: string) =>
      holding(record).some(({ change }) => extends_(change, field)),
    mayMake: (record: StoredRecord) => holding(record).some(({ create }) => create === true),
    mayDelete: (record: StoredRecord) => holding(record).some((rule) => rule.delete === true),
  };
}

/** Absent, then numbers, then texts. */
function placeOf(one: unknown, other: unknown): number {
  const rank = (value: unknown) => ['undefined', 'number', 'string'].indexOf(typeof value);
  return rank(one) - rank(other) || (orderOf(one, other) ?? 0);
}

/** What is answered, or which field is refused and how. */
async function answerOf<T>(ask: () => T | Promise<T>): Promise<T | { refused: string }> {
  try {
    return await ask();
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return { refused: [error.status, error.code, error.parameter, error.message].join(' ') };
  }
}

const refusedFor = (answer: unknown, field: string) =>
  String((answer as { refused?: string }).refused).startsWith(`403 FORBIDDEN ${field}`);

eachStore(({ engine, url }) => {
  let store: Store;
  let opened: OpenType;
  const runs = engine === 'sqlite' ? 200 : 12;

  before(async () => {
    store = await openStore(await url());
    const types = await openDataRows(store, new Map([['paper', paper]]), () => NOW);
    opened = types.opened.get('paper') as OpenType;
  });
  after(() => store.close());

  const recordsFor = (some: readonly Rule[], values: CallerValues): Records => {
    const type = { ...paper, rules: some };
    const privacy = createPrivacy(type, values);
    return createRecords({ ...opened, type }, privacy, { clock: () => NOW, rules: privacy, asker: {} });
  };
  const fill = async (some: readonly StoredRecord[]) => {
    await opened.rows.removeMany([], 100);
    await opened.rows.insertMany(some as never);
  };

  it('gives what the rules give and nothing else, whatever they are', async () => {
    const property = fc.asyncProperty(
      fc.array(rules, { maxLength: 3 }),
      callers,
      stores,
      fc.array(questions, { minLength: 1, maxLength: 6 }),
      async (given, values, all, asked) => {
        await fill(all);
        const [records, model] = [recordsFor(given, values), modelOf(given, values)];
        for (const wanted of asked) {
          const { skip, limit } = wanted;
          const [page, count] = [
            await answerOf(() => records.list(wanted)),
            await answerOf(() => records.count(wanted.constraints)),
          ];
          const uncounted = model.refusalOf({ ...wanted, order: [] }, 'let');
          const refused = model.refusalOf(wanted, 'refused' in page ? 'refused' : 'let');
          if (uncounted !== undefined) assert.ok(refusedFor(count, uncounted), uncounted);
          else assert.equal(count, model.found(all, wanted.constraints).length, fc.stringify(wanted));
          if (refused !== undefined) assert.ok(refusedFor(page, refused), refused);
          else {
            const found = model.inOrder(model.found(all, wanted.constraints), wanted.order);
            assert.deepEqual(
              (page as StoredRecord[]).map(records.seen),
              found.slice(skip, skip + limit).map(model.seen),
              fc.stringify(wanted),
            );
          }
        }
        for (const record of all) {
          const found = await records.get(record.id);
          assert.deepEqual(
            found && records.seen(found),
            model.isThere(record) ? model.seen(record) : undefined,
          );
        }
        assert.equal(await records.get('obj_99'), undefined);
      },
    );
    await fc.assert(property, { numRuns: runs });
  });

  it('lets through those changes that a rule allows before and after, and writes what it said', async () => {
    const changes = fc.dictionary(fc.constantFrom(...DECLARED), fc.constant(true), {
      maxKeys: 2,
      noNullPrototype: true,
    });
    const changed = changes.chain((names) =>
      fc.record(
        Object.fromEntries(
          Object.keys(names).map((name) => [name, fc.option(fieldValues[name] ?? texts, { nil: undefined })]),
        ),
      ),
    );
    const property = fc.asyncProperty(
      fc.array(rules, { maxLength: 3 }),
      callers,
      stores,
      changed as fc.Arbitrary<Record<string, unknown>>,
      async (given, values, all, fields) => {
        await fill(all);
        const [records, model] = [recordsFor(given, values), modelOf(given, values)];
        const made = { ...fields, id: 'obj_new', createdAt: 1, createdBy: values.account } as StoredRecord;
        const isMade = !(
          'refused' in ((await answerOf(() => records.made(fields, { ...made } as never))) as object)
        );
        assert.equal(isMade, model.mayMake(made));
        for (const record of all) {
          const removal = await answerOf(() => records.removed(record));
          assert.equal(!('refused' in removal), model.mayDelete(record));
          const change = await answerOf(() => records.changed(record, fields));
          const next = { ...record, ...fields, modifiedAt: NOW } as StoredRecord;
          const names = Object.keys(fields);
          const refused = names.find(
            (field) => !model.mayChange(record, field) || !model.mayChange(next, field),
          );
          const mayNothing = DECLARED.every((field) => !model.mayChange(record, field));
          if (refused !== undefined) assert.ok(refusedFor(change, refused));
          else if (mayNothing) assert.ok('refused' in change);
          else if ('refused' in change) assert.fail(change.refused);
          else {
            const written = await opened.rows.update(record.id, change.change, change.guard);
            const { version, ...rest } = (written ?? {}) as StoredRecord;
            assert.deepEqual([rest, version], [stored(next), 1]);
            assert.equal(await opened.rows.update(record.id, change.change, change.guard), undefined);
          }
        }
      },
    );
    await fc.assert(property, { numRuns: Math.ceil(runs / 2) });
  });

  it('answers the same whatever stands in what the caller may neither see nor ask for', async () => {
    const others = fc.record(fieldValues as Record<string, fc.Arbitrary<unknown>>, {
      requiredKeys: ['createdAt'],
    });
    const property = fc.asyncProperty(
      fc.array(rules, { minLength: 1, maxLength: 3 }),
      callers,
      stores,
      fc.array(others, { minLength: 9, maxLength: 9 }),
      fc.array(questions, { minLength: 1, maxLength: 6 }),
      async (given, values, all, other, asked) => {
        const [records, model] = [recordsFor(given, values), modelOf(given, values)];
        /** The same to this caller: what is hidden is another's, as long as the same rules hold. */
        const double = (record: StoredRecord, replacement: Record<string, unknown>): StoredRecord => {
          let result = record;
          for (const field of FIELDS.filter((one) => one !== 'id')) {
            if (model.maySee(result, field) || model.mayConstrain(result, field)) continue;
            const next = stored({ ...result, [field]: replacement[field] });
            const isSame = given.every(
              ({ when }) => plainly(when, next, values) === plainly(when, record, values),
            );
            if (isSame) result = next;
          }
          return result;
        };
        const visible = all.filter(model.isThere);
        const hidden = other
          .slice(-2)
          .map((one, at) => stored({ ...one, id: `obj_${at * 5}x` } as StoredRecord))
          .filter((one) => !model.isThere(one));
        const twin = [...visible.map((record, at) => double(record, other[at] ?? {})), ...hidden];
        const answers = async (some: readonly StoredRecord[]) => {
          await fill(some);
          const given_: unknown[] = [];
          for (const wanted of asked) {
            const page = await answerOf(async () => (await records.list(wanted)).map(records.seen));
            given_.push(page, await answerOf(() => records.count(wanted.constraints)));
          }
          for (const { id } of [...all, ...hidden]) {
            const found = await records.get(id);
            given_.push(found && [records.seen(found), await answerOf(() => records.removed(found))]);
          }
          return given_;
        };
        assert.deepEqual(await answers(twin), await answers(all));
      },
    );
    await fc.assert(property, { numRuns: runs });
  });

  it('refuses constraints that bring more conditions than a question may hold', async () => {
    const letters = [...'abcdefghij'];
    const type = defineType({
      name: 'wide',
      description: 'Many fields',
      fields: Object.fromEntries(letters.map((letter) => [letter, z.string()])),
      // Each field is constrained by all rules but one, so that no two have the same conditions.
      rules: (record) => [
        { name: 'Everybody', when: always, find: true },
        ...letters.map((left) => ({
          name: `All but ${left}`,
          when: or(...letters.slice(1).map((letter) => is(record.createdBy, `${left}${letter}`))),
          view: true as const,
          constrain: letters.filter((letter) => letter !== left),
        })),
      ],
    });
    const { opened: wide } = await openDataRows(store, new Map([['wide', type]]), () => NOW);
    const privacy = createPrivacy(type, { scopes: [], metadata: {}, own: new Map() });
    const parts = { clock: () => NOW, rules: privacy, asker: {} };
    const all = createRecords(wide.get('wide') as OpenType, privacy, parts);
    const on = (count: number): Constraint[] =>
      letters.slice(0, count).map((field) => ({ field, test: '=', value: 'x' }));
    assert.equal(await all.count(on(2)), 0);
    const tooMany = { status: 400, code: 'INVALID_DATA' };
    await assert.rejects(async () => all.count(on(10)), tooMany);
    const wanted = { constraints: on(10), order: [], skip: 0, limit: 1 };
    await assert.rejects(async () => all.list(wanted), tooMany);
    // However near to the bound: never as a fault of ours.
    const more: Constraint[] = [];
    const counted = async () => {
      try {
        return await all.count([...on(3), ...more]);
      } catch (error) {
        return error;
      }
    };
    while (typeof (await counted()) === 'number') more.push({ field: 'id', test: '!=', value: 'x' });
    assert.ok((await counted()) instanceof Problem);
  });
});
