import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { Account } from '../../server/accounts/account.ts';
import { hashOf, newId } from '../../server/ground/opaque.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { sqliteStores } from '../support/stores.ts';

/** More than an account may have, and than a page of them: limits do not hold for rows of before. */
const MANY = 130;
const EACH = Array.from({ length: MANY }, (_, index) => index);
/** Tokens, and sign-ups that wait, are read and removed in larger pages. */
const EACH_OF_MORE = Array.from({ length: 520 }, (_, index) => index);

// Hundreds of rows, walked page by page above the port, which test/contract holds both engines to.
sqliteStores(({ url }) => {
  describe('all of an account', () => {
    let domain: TestDomain;
    let ann: Account;
    /** Of the ids of clients, artifacts and identities. */
    let prefix = '';
    before(async () => {
      domain = await openTestDomain({ storeUrl: await url() });
      ann = await domain.account('ann@example.com');
      await fill();
      await fillSignUps();
    });
    after(() => domain.stop());

    const times = () => ({ createdAt: domain.clock(), expiresAt: domain.clock() + 86_400 });

    const credential = (
      kind: 'personal_access_token' | 'client_secret',
      index: number,
      clientId?: string,
    ) => ({
      id: newId('tok_'),
      kind,
      hash: hashOf(`${prefix}${kind} ${index} ${clientId}`),
      firstFour: 'aaaa',
      lastFour: 'zzzz',
      name: `one ${index}`,
      liveName: `${clientId ?? ann.id}\n${index}`,
      accountId: ann.id,
      clientId,
      scopes: [],
      ...times(),
    });

    const client = (kind: 'app' | 'service', index: number) => ({
      id: `${prefix}${kind}_${index}`,
      kind,
      name: `${kind} ${index}`,
      accountId: ann.id,
      actsFor: 'account' as const,
      scopes: ['profile'],
      resourceServer: false,
      redirectUris: [],
      postLogoutRedirectUris: [],
      applicationType: 'web' as const,
      confidential: true,
      createdAt: domain.clock(),
    });

    const artifact = (model: 'Session' | 'Grant', index: number) => ({
      id: `${model === 'Session' ? 'ses_' : ''}${prefix}${model}${index}`,
      model,
      payload: {},
      accountId: ann.id,
      ...(model === 'Session'
        ? { uid: `${prefix}Session${index}` }
        : { clientId: `${prefix}app_0`, grantClientId: `${prefix}app_0` }),
      ...times(),
    });

    /** Rows as they would stand after many requests at once went past a limit. */
    async function fill(): Promise<void> {
      const { credentials, clients, artifacts, identities } = domain.rows;
      await clients.insertMany(EACH.flatMap((index) => [client('app', index), client('service', index)]));
      await credentials.insertMany(
        [
          ...EACH_OF_MORE.map((index) => credential('personal_access_token', index)),
          ...EACH.map((index) => credential('client_secret', index, `${prefix}app_${index}`)),
          ...EACH.map((index) => credential('client_secret', index, `${prefix}service_${index}`)),
          ...EACH.map((index) => credential('client_secret', index, `${prefix}app_0`)),
        ].map((row, index) => ({
          ...row,
          liveName: `${row.liveName} ${index}`,
          hash: `${row.hash} ${index}`,
        })),
      );
      await artifacts.insertMany(
        EACH.flatMap((index) => [artifact('Session', index), artifact('Grant', index)]),
      );
      const issuer = 'https://accounts.example.com';
      await identities.insertMany(
        EACH.map((index) => ({
          id: `${prefix}identity ${index}`,
          accountId: ann.id,
          issuer,
          subject: `${index}`,
          email: ann.email,
          createdAt: domain.clock(),
        })),
      );
    }

    async function fillSignUps(): Promise<void> {
      const waiting = {
        email: 'new@example.com',
        emailKey: 'new@example.com',
        passwordHash: '',
        returnTo: '/',
      };
      const expiresAt = domain.clock() + 86_400;
      await domain.rows.signUps.insertMany(
        EACH_OF_MORE.map((index) => ({ ...waiting, id: `sign-up ${index}`, expiresAt })),
      );
    }

    /** How much of hers is not ended. */
    async function left() {
      const { credentials, clients, artifacts, identities } = domain.rows;
      const theirs = ['accountId', '=', ann.id] as const;
      const alive = [theirs, ['revokedAt', 'absent'] as const] as const;
      return {
        credentials: await credentials.count(alive),
        services: await clients.count([...alive, ['kind', '=', 'service']]),
        sessions: await artifacts.count([...alive, ['model', '=', 'Session']]),
        grants: await artifacts.count([...alive, ['model', '=', 'Grant']]),
        identities: await identities.count([theirs]),
        apps: await clients.count([...alive, ['kind', '=', 'app']]),
      };
    }

    it('ends with a new password and "revoke", however much there is', async () => {
      await domain.resets.ask({ email: ann.email, returnTo: '/', from: '192.0.2.7' });
      await domain.resets.settled();
      const [mail] = await domain.rows.outbox.list({ where: [['to', '=', ann.email]], limit: 1 });
      const token = /[?&]token=([\w-]+)/.exec(mail?.text ?? '')?.[1] ?? '';
      await domain.resets.complete({ token, password: 'four words that rhyme', revokeToo: true }, actor);
      // The apps themselves stay: other people use them.
      const { apps, ...others } = await left();
      assert.deepEqual(others, { credentials: 0, services: 0, sessions: 0, grants: 0, identities: 0 });
      assert.equal(apps, MANY);
    });

    it('that waits to sign up with an address ends together', async () => {
      await domain.signUps.endAll('new@example.com');
      assert.equal(await domain.rows.signUps.count([['emailKey', '=', 'new@example.com']]), 0);
    });

    it('and all that people allowed an app ends with it', async () => {
      await domain.rows.artifacts.insertMany(
        EACH.map((index) => ({
          ...artifact('Grant', index),
          id: `other ${index}`,
          accountId: `acc_${index}`,
          ...times(),
        })),
      );
      await domain.apps.remove({ accountId: ann.id, id: 'app_0' }, actor);
      const alive = [
        ['grantClientId', '=', 'app_0'],
        ['revokedAt', 'absent'],
      ] as const;
      assert.equal(await domain.rows.artifacts.count(alive), 0);
    });

    it('of two last admins who go at the same moment, each who stays is not told of an end', async () => {
      const admins = [
        await domain.account('one@example.com', true),
        await domain.account('two@example.com', true),
      ];
      const by = (id: string) => ({ kind: 'account', id, from: '192.0.2.7', requestId: 'r' }) as const;
      await Promise.allSettled(admins.map((admin) => domain.removal.remove(admin, by(admin.id))));
      const stayed = [];
      for (const { id, email } of admins) {
        const isThere = (await domain.accounts.get(id)) !== undefined;
        if (isThere) stayed.push(email);
        assert.equal(
          (await domain.mailed(email)).some((subject) => subject.endsWith('was deleted')),
          !isThere,
        );
      }
      assert.ok(stayed.length > 0);
    });

    it('ends with the account itself', async () => {
      ann = await domain.account('another@example.com');
      prefix = 'another ';
      await fill();
      // It is a lot: who asks again waits for the same.
      while ((await domain.removal.remove(ann, actor)) === 'going on');
      const none = { credentials: 0, services: 0, sessions: 0, grants: 0, identities: 0, apps: 0 };
      assert.deepEqual(await left(), none);
      assert.equal(await domain.accounts.get(ann.id), undefined);
      const told = (await domain.audited(ann.id)).filter((entry) => entry.startsWith('account.deleted'));
      assert.equal(told.length, 1);
    });
  });
});
