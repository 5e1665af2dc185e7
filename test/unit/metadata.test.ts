import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { type Bearer, ownersClaims } from '../../server/access/bearer.ts';
import type { Account } from '../../server/accounts/account.ts';
import { newSecret } from '../../server/credentials/secret-format.ts';
import { Problem } from '../../server/ground/errors.ts';
import { metadataFrom } from '../../server/ground/metadata.ts';
import { createMetadata } from '../../server/management/metadata.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';

/** What whoever runs the app may note of accounts and tokens, and of which. */

const refused = (code: string) => (error: unknown) => error instanceof Problem && error.code === code;

it('takes no token for a note, nor what cannot be read for what it is', () => {
  for (const sent of [
    { plan: newSecret('lk_pat_') },
    { plan: `it is ${newSecret('lk_pat_')}` },
    { plan: 'a\nb' },
    { constructor: 'x' },
    JSON.parse('{"__proto__":"x"}'),
    { plan: 'x'.repeat(201) },
    { plan: 5 },
    ['x'],
  ])
    assert.throws(() => metadataFrom(sent), refused('INVALID_DATA'), JSON.stringify(sent));
  assert.deepEqual(metadataFrom({ plan: 'x'.repeat(200) }), { plan: 'x'.repeat(200) });
  assert.equal(metadataFrom({}), undefined);
});

describe('what is noted of a token', () => {
  let domain: TestDomain;
  let ann: Account;
  before(async () => {
    domain = await openTestDomain();
    ann = await domain.account('ann@example.com');
  });
  after(() => domain.stop());

  let count = 0;
  const mint = async (days = 90) => {
    count += 1;
    const wanted = { account: ann, name: `T${count}`, scopes: ['profile'] };
    const expiresAt = domain.clock() + days * 86_400;
    return (await domain.tokens.mint({ ...wanted, expiresAt }, actor)).credential;
  };
  const rowOf = async (id: string) => (await domain.rows.credentials.get(id)) ?? assert.fail();
  const note = (id: string, by = domain.metadata) => by.setOfToken(id, { plan: 'pro' }, actor);

  it('stands on its row, which a rotation under way finds changed', async () => {
    const { id } = await mint();
    const { edits = 0 } = await rowOf(id);
    assert.deepEqual(await note(id), { plan: 'pro' });
    const { edits: after_, metadata } = await rowOf(id);
    assert.deepEqual([after_, metadata], [edits + 1, { plan: 'pro' }]);
  });

  it('is noted of none that has ended or was rotated, also just now', async () => {
    const [old, rotated] = [await mint(1), await mint()];
    const which = { accountId: ann.id, id: rotated.id };
    const made = await domain.tokens.rotate(which, { account: ann, overlapSeconds: 60 }, actor);
    await assert.rejects(
      note(rotated.id),
      (error) => error instanceof Problem && error.hint.includes(made.credential.id),
    );
    domain.pass(2 * 86_400);
    await assert.rejects(note(old.id), { status: 409 });
    // Between the look at it and the write.
    const row = await mint();
    const { rows } = domain;
    const clock = () => {
      void rows.credentials.update(row.id, { set: { revokedAt: domain.clock() } });
      return domain.clock();
    };
    await assert.rejects(note(row.id, createMetadata({ ...domain, ...rows, clock })), { status: 409 });
    assert.equal((await rowOf(row.id)).metadata, undefined);
  });
});

it('is of who a token acts for: none of the account, nor its external id, where it acts for the whole app', () => {
  const account = { externalId: 'shop:1', metadata: { plan: 'pro', team: 'red' } } as unknown as Account;
  const claims = (bearer: object) => ownersClaims({ account, ...bearer } as Bearer);
  assert.deepEqual(claims({ actsFor: 'account', metadata: { plan: 'free' } }), {
    metadata: { plan: 'free', team: 'red' },
    external_id: 'shop:1',
  });
  assert.deepEqual(claims({ actsFor: 'app' }), {});
  assert.deepEqual(claims({ actsFor: 'app', metadata: { plan: 'free' } }), { metadata: { plan: 'free' } });
});
