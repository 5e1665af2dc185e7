import assert from 'node:assert/strict';
import { afterEach, describe, it, test } from 'node:test';
import { Unavailable } from '../../adapters/port.ts';
import type { Account } from '../../server/accounts/account.ts';
import { type Credential, stateOf } from '../../server/credentials/credential.ts';
import { createIdleEnds, endIdle } from '../../server/credentials/idle-ends.ts';
import { boundInText, narrowingInWords, type WantedNarrowing } from '../../server/credentials/narrowing.ts';
import { Problem } from '../../server/ground/errors.ts';
import { ipRangeOf, isInRanges, normalisedRange } from '../../server/ground/ip-ranges.ts';
import { LIVE_TOKENS_MAX } from '../../server/ground/limits.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;

describe('spellings of IP ranges', () => {
  const spellings: [typed: string, kept: string | undefined][] = [
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7/32', '203.0.113.7'],
    ['203.0.113.7/24', '203.0.113.0/24'],
    ['0.0.0.0/0', '0.0.0.0/0'],
    ['2001:DB8:0:0::1', '2001:db8::1'],
    ['2001:db8::1/32', '2001:db8::/32'],
    ['::ffff:203.0.113.7', '203.0.113.7'],
    ['::ffff:cb00:7107/120', '203.0.113.0/24'],
    ['010.0.0.1', undefined],
    ['10.1', undefined],
    ['0x0a.0.0.1', undefined],
    ['167772161', undefined],
    ['256.0.0.1', undefined],
    ['203.0.113.7/33', undefined],
    ['203.0.113.7/024', undefined],
    ['203.0.113.7/-1', undefined],
    ['203.0.113.7/', undefined],
    ['203.0.113.0/255.255.255.0', undefined],
    ['203.0.113.0/24/24', undefined],
    ['203.0.113.*', undefined],
    ['2001:db8::1/129', undefined],
    ['fe80::1%eth0', undefined],
    ['[2001:db8::1]', undefined],
    ['example.com', undefined],
    ['203.0.113.7:80', undefined],
    ['', undefined],
  ];
  for (const [typed, kept] of spellings) {
    it(`${typed || 'nothing'}: ${kept ?? 'refused'}`, () => assert.equal(normalisedRange(typed), kept));
  }

  const places: [range: string, address: string, isIn: boolean][] = [
    ['203.0.113.0/24', '203.0.113.255', true],
    ['203.0.113.0/24', '203.0.114.0', false],
    ['203.0.113.0/24', '::ffff:203.0.113.9', true],
    ['203.0.113.0/24', '::FFFF:CB00:7109', true],
    // Deprecated (RFC 4291 section 2.5.5.1), and routed by nobody.
    ['203.0.113.0/24', '::203.0.113.9', true],
    ['0.0.0.0/0', '2001:db8::1', false],
    ['::/0', '203.0.113.9', false],
    ['2001:db8::/32', '2001:0DB8:ffff::', true],
    ['fe80::/64', 'fe80::1%eth0', true],
    ['203.0.113.0/24', 'unknown', false],
    ['203.0.113.0/24', '', false],
  ];
  for (const [range, address, isIn] of places) {
    test(`${address || 'nothing'} is ${isIn ? '' : 'not '}in ${range}`, () => {
      assert.equal(isInRanges([ipRangeOf(range)], address), isIn);
    });
  }
});

describe('what narrows a token', () => {
  let domain: TestDomain;
  afterEach(() => domain.stop());

  async function typed(narrowing: WantedNarrowing, scopes = ['wf:create_transaction']) {
    domain = await openTestDomain();
    const account = await domain.account('ann@example.com');
    const wanted = { account, name: 'Till', scopes, expiresAt: domain.clock() + 90 * DAY, narrowing };
    return (await domain.tokens.mint(wanted, actor)).credential.narrowing;
  }

  const kept: [what: string, typed: WantedNarrowing, lines: string[] | undefined][] = [
    ['nothing', {}, []],
    ['blanks', { ipRanges: ['', ' '], idleDays: ' ', origin: ' ', bounds: [' '] }, []],
    ['ranges', { ipRanges: [' 203.0.113.7/24 ', '203.0.113.0/24'] }, ['Only from 203.0.113.0/24']],
    ['days', { idleDays: ' 30 ' }, ['Ends when it is not used for 30 days']],
    ['an origin', { origin: 'HTTPS://App.Example.com:443/' }, ['Only from pages of https://app.example.com']],
    ['a local origin', { origin: 'http://localhost:5173' }, ['Only from pages of http://localhost:5173']],
    [
      'bounds',
      {
        bounds: [
          'create_transaction.amount<=100.01',
          'create_transaction.amount <= 100.01',
          'wf:create_transaction.amount >= 1',
          'create_transaction=20/day',
        ],
      },
      [
        'create_transaction: amount at most 100.01',
        'create_transaction: amount at least 1',
        'create_transaction: at most 20 calls a day',
      ],
    ],
  ];
  for (const [what, narrowing, lines] of kept) {
    it(`keeps ${what}`, async () => assert.deepEqual(narrowingInWords(await typed(narrowing)), lines));
  }

  type Refused = readonly [what: string, typed: WantedNarrowing, parameter: string, found: RegExp];
  const refused: Refused[] = [
    ['no address', { ipRanges: ['10.0.0.1', 'office'] }, 'ipRanges', /"office" is no IP address/],
    [
      '21 ranges',
      { ipRanges: Array.from({ length: 21 }, (_, n) => `10.0.0.${n}`) },
      'ipRanges',
      /These are 21/,
    ],
    // Before any of it is read: a pattern over blanks takes the square of their number.
    ['a long bound', { bounds: [`a${' '.repeat(50_000)}x`] }, 'bounds', /and so on is too long/],
    ['a long range', { ipRanges: ['1:'.repeat(5000)] }, 'ipRanges', /and so on is too long/],
    ...['0', '-1', '1.5', '401', 'NaN', '1e2', '٣'].map(
      (idleDays): Refused => [`${idleDays} days`, { idleDays }, 'idleDays', /no number of days/],
    ),
    ...[
      'https://a.example/path',
      'https://a.example?x',
      'https://*.example.com',
      'https://u:p@a.example',
      'null',
      '*',
      'a.example',
      'ftp://a.example',
      'https://a.example, https://b.example',
      'https://a.example https://b.example',
      'javascript://a.example',
    ].map((origin): Refused => [`the origin ${origin}`, { origin }, 'origin', /is no web origin/]),
    ['an origin with http', { origin: 'http://a.example' }, 'origin', /taken over/],
    ...[
      'create_transaction.amount <= NaN',
      'create_transaction.amount <= Infinity',
      'create_transaction.amount <= "100"',
      'create_transaction.amount <= 0x64',
      'create_transaction.amount <= 1,000',
      'create_transaction.amount < 100',
      'create_transaction.amount <=',
      'create_transaction <= 100',
      'create_transaction = 0/day',
      'create_transaction = 20/hour',
      'create_transaction = 1.5/day',
      'create_transaction = 9999999/day',
      '__proto__',
    ].map((bound): Refused => [`the bound ${bound}`, { bounds: [bound] }, 'bounds', /is no bound/]),
    [
      'a number that a double cannot hold',
      { bounds: ['create_transaction.amount <= 9007199254740993'] },
      'bounds',
      /cannot be kept exactly/,
    ],
    ['a text', { bounds: ['create_transaction.phone <= 1'] }, 'bounds', /has no number "phone"/],
    ['a stranger', { bounds: ['create_transaction.constructor <= 1'] }, 'bounds', /has no number/],
    ['a workflow that is not there', { bounds: ['no_such = 1/day'] }, 'bounds', /may not call/],
    ['another kind of workflow', { bounds: ['issue_token = 1/day'] }, 'bounds', /may not call/],
    ['a prototype', { bounds: ['__proto__ = 1/day'] }, 'bounds', /may not call/],
  ];
  for (const [what, narrowing, parameter, found] of refused) {
    it(`refuses ${what}`, async () => {
      await assert.rejects(typed(narrowing), (error: Problem) => {
        assert.ok(error instanceof Problem, String(error));
        assert.deepEqual([error.status, error.parameter], [400, parameter]);
        assert.match(error.message, found);
        return true;
      });
    });
  }

  it('refuses the bound of a workflow that the token may not call, and says all that is wrong at once', async () => {
    await assert.rejects(
      typed({ bounds: ['create_transaction = 1/day'], origin: 'x', ipRanges: ['y'] }, ['profile']),
      (error: Problem) => {
        const all = [error, ...error.others].map(({ parameter }) => parameter);
        assert.deepEqual(all, ['ipRanges', 'origin', 'bounds']);
        return true;
      },
    );
  });
});

eachStore(({ url, isFirst }) => {
  describe('a token that ends when nothing uses it', () => {
    let domain: TestDomain;
    let ann: Account;
    afterEach(() => domain.stop());

    async function mint(idleDays: string | undefined, wanted: object = {}) {
      const narrowing = { idleDays };
      const expiresAt = domain.clock() + 90 * DAY;
      const what = { account: ann, name: 'Till', scopes: ['profile'], expiresAt, narrowing, ...wanted };
      return domain.tokens.mint(what, actor);
    }

    async function open(): Promise<void> {
      domain = await openTestDomain({ storeUrl: await url() });
      ann = await domain.account('ann@example.com');
    }

    const work = (changed: object = {}) =>
      createIdleEnds({ ...domain, credentials: domain.rows.credentials, ...changed }).run(domain.clock());
    const rowOf = async ({ id }: Credential) => domain.tokens.get({ accountId: ann.id, id });
    async function use(value: string) {
      const found = await domain.bearers.find(value);
      assert.ok(!('refused' in found), JSON.stringify(found));
      domain.bearers.noteUse(found, '192.0.2.1');
      await domain.lastUsed.flush();
    }
    const idleMails = async () =>
      (await domain.mailed('ann@example.com')).filter((subject) => subject.includes('nothing used it'));

    it('ends at the second, counted from its last use, or from when it was made', async () => {
      await open();
      const never = await mint('7');
      const used = await mint('7', { name: 'Used' });
      domain.pass(6 * DAY);
      await use(used.value);
      domain.pass(DAY - 1);
      assert.ok(!('refused' in (await domain.bearers.find(never.value))));
      domain.pass(1);
      const refused = await domain.bearers.find(never.value);
      assert.ok('refused' in refused);
      assert.deepEqual([refused.refused, refused.at], ['expired', domain.clock()]);
      assert.ok(!('refused' in (await domain.bearers.find(used.value))));
      const list = await domain.tokens.list(ann.id);
      assert.deepEqual(
        list.map((row) => [row.name, stateOf(row, domain.clock())]),
        [
          ['Used', 'live'],
          ['Till', 'expired'],
        ],
      );
    });

    it('frees its name and its place at once', async () => {
      await open();
      const first = await mint('7', { name: 'T0' });
      const { place: taken = '' } = await rowOf(first.credential);
      const others = Array.from({ length: LIVE_TOKENS_MAX }, (_, number) => ({
        ...first.credential,
        ...{ id: `tok_${number}`, hash: `hash ${number}`, liveName: undefined },
        place: taken.replace(/\d+$/, String(number + 1)),
      })).filter(({ place }) => place !== taken);
      await domain.rows.credentials.insertMany(others);
      await assert.rejects(mint('7', { name: 'One more' }), { code: 'TOO_MANY_TOKENS' });
      domain.pass(7 * DAY);
      await mint('7', { name: 'T0' });
      await mint('7', { name: 'One more' });
      await assert.rejects(mint('7', { name: 'One more' }), { code: 'NAME_TAKEN' });
    });

    it('is written down by work that looks at few rows, with one mail, and puts off what is used', async () => {
      await open();
      const { credential } = await mint('7');
      const used = await mint('7', { name: 'Used' });
      await mint(undefined, { name: 'Plain' });
      domain.pass(6 * DAY);
      await use(used.value);
      domain.pass(DAY + 61);
      assert.equal(await work(), false);
      await work();
      const row = await rowOf(credential);
      assert.deepEqual(
        [row.expiresAt, row.liveName, row.place, row.idleAt],
        [domain.clock() - 61, undefined, undefined, undefined],
      );
      assert.deepEqual(await idleMails(), ['Your token Till ended: nothing used it']);
      assert.equal((await rowOf(used.credential)).idleAt, domain.clock() - DAY - 61 + 5.6 * DAY);
      assert.ok((await domain.audited(ann.id)).includes('token.idle Till'));
      domain.pass(90 * DAY);
      await work();
      await work();
      assert.equal((await idleMails()).length, 2);
      assert.equal(await domain.rows.credentials.count([['idleAt', 'present']]), 0);
    });

    // Weeks of looks once an hour: what they find is the same on both stores.
    if (isFirst)
      it('is told of some days before, once for each time that it lies unused, all of an owner in one mail', async () => {
        await open();
        const warnings = async () =>
          (await domain.mailed('ann@example.com')).filter((subject) => subject.includes('unless'));
        const till = await mint('30');
        const day = await mint('1', { name: 'Day' });
        const half = await mint('180', { name: 'Half a year', expiresAt: domain.clock() + 300 * DAY });
        // What ends anyway is reminded of by that end, and of an old value and of bait there is no news.
        await mint('30', { name: 'Ends', expiresAt: domain.clock() + 29 * DAY });
        const old = await mint('30', { name: 'Old' });
        const which = { accountId: ann.id, id: old.credential.id };
        await domain.tokens.rotate(which, { account: ann, overlapSeconds: 30 * DAY }, actor);
        const root = await domain.account('root@example.com', true);
        await mint('30', { name: 'Bait', account: root, honey: true });
        const hourly = async (hours: number) => {
          for (let hour = 0; hour < hours; hour += 1) {
            domain.pass(3600);
            while (await work());
          }
        };
        await hourly(30);
        assert.deepEqual(await warnings(), ['Your token Day ends in 4 hours, unless it is used']);
        assert.ok('refused' in (await domain.bearers.find(day.value)));
        await hourly(22 * 24);
        assert.equal((await warnings()).length, 1);
        // From day 24 on; its successor lies as long as Till.
        await hourly(24);
        assert.equal((await warnings()).at(-1), '2 of your tokens end soon, unless they are used');
        await hourly(2 * 24);
        await use(till.value);
        await hourly(24 * 24 + 2);
        assert.deepEqual(await warnings(), [
          'Your token Day ends in 4 hours, unless it is used',
          '2 of your tokens end soon, unless they are used',
          'Your token Till ends in 6 days, unless it is used',
        ]);
        assert.ok((await domain.mailed('root@example.com')).every((subject) => !subject.includes('unless')));
        domain.pass(173 * DAY - 60 - (domain.clock() - half.credential.createdAt));
        await work();
        assert.equal((await warnings()).length, 3);
        domain.pass(3600);
        await work();
        assert.equal((await warnings()).at(-1), 'Your token Half a year ends in 7 days, unless it is used');
      });

    it('is told of once wherever a process dies, and not where it is used in that moment', async () => {
      await open();
      for (const name of ['A', 'B', 'C']) await mint('10', { name });
      domain.pass(8 * DAY + 60);
      for (let writes = 0; writes <= 3; writes += 1) {
        let left = writes;
        const update = (...given: Parameters<typeof domain.effects.update>) => {
          left -= 1;
          if (left < 0) throw new Unavailable('the process died');
          return domain.effects.update(...given);
        };
        await work({ effects: { ...domain.effects, update } }).catch(() => undefined);
      }
      const told = async () =>
        (await domain.mailed('ann@example.com')).filter((subject) => subject.includes('unless'));
      assert.deepEqual(await told(), ['3 of your tokens end soon, unless they are used']);
      const used = await mint('10', { name: 'Used' });
      domain.pass(8 * DAY + 60);
      const get: typeof domain.accounts.get = async (id) => {
        await use(used.value);
        return domain.accounts.get(id);
      };
      await work({ accounts: { ...domain.accounts, get } });
      assert.equal((await told()).length, 1);
    });

    it('is not ended by the work where it is used or revoked in that moment', async () => {
      await open();
      const { credential, value } = await mint('7');
      const gone = await mint('7', { name: 'Gone' });
      domain.pass(7 * DAY - 1);
      await domain.tokens.revoke({ accountId: ann.id, id: gone.credential.id }, actor);
      const found = await domain.bearers.find(value);
      assert.ok(!('refused' in found));
      domain.bearers.noteUse(found, '192.0.2.1');
      domain.pass(2);
      await work();
      await domain.lastUsed.flush();
      assert.ok(!('refused' in (await domain.bearers.find(value))));
      domain.pass(60);
      await work();
      const row = await rowOf(credential);
      assert.equal(stateOf(row, domain.clock()), 'live');
      assert.equal((await rowOf(gone.credential)).idleAt, undefined);
      // Read before the use, the change or the revocation, and written after it.
      const parts = { ...domain, credentials: domain.rows.credentials };
      const other = await mint('7', { name: 'Changed' });
      domain.pass(7 * DAY);
      for (const stale of [credential, gone.credential, other.credential]) {
        await domain.rows.credentials.update(other.credential.id, { add: { edits: 1 } });
        assert.equal(await endIdle(parts, stale, domain.clock()), undefined, stale.name);
      }
    });

    it('carries all that narrows it over a rotation: its idle life begins anew, and not its day of calls', async () => {
      await open();
      const narrowing = {
        ...{ idleDays: '7', ipRanges: ['10.0.0.0/8'], origin: 'https://a.example' },
        bounds: ['create_transaction=2/day'],
      };
      const old = await mint(undefined, { scopes: ['wf:create_transaction'], narrowing });
      domain.pass(6 * DAY);
      const which = { accountId: ann.id, id: old.credential.id };
      const next = await domain.tokens.rotate(which, { account: ann, overlapSeconds: DAY }, actor);
      const row = await rowOf(next.credential);
      assert.deepEqual(row.narrowing, { ...old.credential.narrowing, countedAs: old.credential.id });
      assert.equal(row.idleAt, domain.clock() + 5.6 * DAY);
      const third = await domain.tokens.rotate(
        { ...which, id: row.id },
        { account: ann, overlapSeconds: 0 },
        actor,
      );
      assert.equal((await rowOf(third.credential)).narrowing?.countedAs, old.credential.id);
      // Nor does a change of what narrows it begin a new day.
      for (const bounds of [['create_transaction=5/day'], [], ['create_transaction=5/day']]) {
        const changed = await domain.tokens.narrow({ ...which, id: third.credential.id }, { bounds }, actor);
        assert.equal(changed.narrowing?.countedAs, old.credential.id);
      }
    });

    it('is narrowed later from then on, whatever an edit does, and freed by blanks', async () => {
      await open();
      const scopes = ['wf:create_transaction'];
      const { credential } = await mint(undefined, { scopes, narrowing: undefined });
      const which = { accountId: ann.id, id: credential.id };
      domain.pass(30 * DAY);
      const wanted = { idleDays: '7', bounds: ['create_transaction.amount<=5'] };
      const narrowed = await domain.tokens.narrow(which, wanted, actor);
      assert.equal(stateOf(narrowed, domain.clock()), 'live');
      assert.equal(narrowed.idleAt, domain.clock() + 5.6 * DAY);
      const renamed = await domain.tokens.edit(which, { name: 'Till 2', scopes, note: '' }, actor);
      assert.deepEqual(renamed.narrowing?.bounds?.map(boundInText), ['create_transaction.amount <= 5']);
      domain.pass(DAY);
      const same = await domain.tokens.narrow(which, { ...wanted, origin: 'https://a.example' }, actor);
      assert.equal(same.idleAt, domain.clock() + 4.6 * DAY);
      const freed = await domain.tokens.narrow(which, {}, actor);
      assert.deepEqual([freed.narrowing, freed.idleAt], [undefined, undefined]);
      const foreign = { ...which, accountId: 'acc_other' };
      await assert.rejects(domain.tokens.narrow(foreign, {}, actor), { status: 404 });
      await assert.rejects(domain.tokens.narrow(which, { bounds: ['issue_token=1/day'] }, actor), {
        code: 'INVALID_BOUND',
      });
      await domain.tokens.rotate(which, { account: ann, overlapSeconds: DAY }, actor);
      await assert.rejects(domain.tokens.narrow(which, {}, actor), { code: 'NOT_LIVE' });
      assert.equal(
        (await domain.audited(ann.id)).filter((entry) => entry.startsWith('token.narrowed')).length,
        3,
      );
    });

    it('is never narrowed by two at once: one is told', async () => {
      await open();
      const { credential } = await mint(undefined);
      const which = { accountId: ann.id, id: credential.id };
      const both = await Promise.allSettled(
        ['1', '2'].map((idleDays) => domain.tokens.narrow(which, { idleDays }, actor)),
      );
      assert.deepEqual(both.map(({ status }) => status).sort(), ['fulfilled', 'rejected']);
    });
  });
});
