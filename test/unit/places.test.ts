import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { Unavailable } from '../../adapters/port.ts';
import type { Account } from '../../server/accounts/account.ts';
import { stateOf } from '../../server/credentials/credential.ts';
import { type Domain, openDomain } from '../../server/domain.ts';
import { Problem } from '../../server/ground/errors.ts';
import {
  ISSUED_NAMES_MAX,
  LIVE_APPS_MAX,
  LIVE_SECRETS_MAX,
  LIVE_SERVICES_MAX,
  LIVE_TOKENS_MAX,
} from '../../server/ground/limits.ts';
import { createLog } from '../../server/ground/log.ts';
import { actor, openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

const DAY = 86_400;

type Make = (domain: Domain, account: Account, name: string) => Promise<unknown>;

const expiresIn = (domain: Domain, days: number) => domain.clock() + days * DAY;

const token: Make = (domain, account, name) =>
  domain.tokens.mint({ account, name, scopes: ['profile'], expiresAt: expiresIn(domain, 90) }, actor);
const service: Make = (domain, account, name) =>
  domain.services.create(
    { account, name, scopes: ['profile'], actsFor: 'account', resourceServer: false },
    actor,
  );
const app: Make = (domain, account, name) =>
  domain.apps.create(
    { account, name, scopes: ['profile'], redirectUris: ['https://a.example/cb'], confidential: false },
    actor,
  );
const issued: Make = (domain, account, name) =>
  domain.tokens.issue(
    {
      account,
      name,
      scopes: ['profile'],
      expiresAt: expiresIn(domain, 90),
      service: { id: 'svc_1', name: 'S' },
      replace: true,
      overlapSeconds: 0,
    },
    actor,
  );

/** On a machine that has much to do, some of a crowd wait too long for a connection, and come again. */
async function decided<T>(make: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await make();
    } catch (error) {
      if (!(error instanceof Unavailable)) throw error;
    }
  }
}

const LIMITED: [what: string, make: Make, max: number, code: string][] = [
  ['tokens', token, LIVE_TOKENS_MAX, 'TOO_MANY_TOKENS'],
  ['services', service, LIVE_SERVICES_MAX, 'TOO_MANY_SERVICES'],
  ['apps', app, LIVE_APPS_MAX, 'TOO_MANY_APPS'],
  ['names of one service', issued, ISSUED_NAMES_MAX, 'TOO_MANY_TOKENS'],
];

eachStore(({ url, isFirst }) => {
  /** Enough to go past a limit. FerretDB takes its time over each request, and is spared the highest limit. */
  const atOnceFor = (max: number) => max + 20;
  const limited = LIMITED.filter(([, , max]) => isFirst || max < LIVE_TOKENS_MAX);

  describe('a limit is a part of the write', () => {
    let domain: TestDomain;
    /** Another process on the same store. */
    let other: Domain;
    let ann: Account;
    beforeEach(async () => {
      const storeUrl = await url();
      domain = await openTestDomain({ storeUrl });
      const log = createLog({ write: () => undefined });
      const settings = { ...domain.settings, store: storeUrl };
      other = await openDomain(settings, { clock: domain.clock, log });
      ann = await domain.account('ann@example.com');
    });
    afterEach(async () => {
      await other.close();
      await domain.stop();
    });

    async function manyAtOnce(atOnce: number, make: (domain: Domain, name: string) => Promise<unknown>) {
      const domains = [domain, other];
      const results = await Promise.allSettled(
        Array.from({ length: atOnce }, (_, number) =>
          decided(() => make(domains[number % 2] ?? domain, `N ${number}`)),
        ),
      );
      const codes = results.flatMap((one) => {
        if (one.status === 'fulfilled') return [];
        assert.ok(one.reason instanceof Problem, String(one.reason));
        return [one.reason.code];
      });
      return { made: atOnce - codes.length, codes: [...new Set(codes)] };
    }

    for (const [what, make, max, code] of limited) {
      const atOnce = atOnceFor(max);
      it(`${atOnce} requests at once get ${max} ${what}`, async () => {
        const { made, codes } = await manyAtOnce(atOnce, (one, name) => make(one, ann, name));
        assert.deepEqual([made, codes], [max, [code]]);
      });
    }

    const secretsAtOnce = atOnceFor(LIVE_SECRETS_MAX);
    it(`${secretsAtOnce} requests at once leave a client with ${LIVE_SECRETS_MAX} secrets, also rotations among them`, async () => {
      const { client } = await domain.services.create(
        { account: ann, name: 'S', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        actor,
      );
      const which = { kind: 'service' as const, accountId: ann.id, clientId: client.id };
      const { made, codes } = await manyAtOnce(secretsAtOnce, (one, name) =>
        one.secrets.add({ ...which, name }, actor),
      );
      assert.deepEqual([made, codes], [LIVE_SECRETS_MAX - 1, ['TOO_MANY_SECRETS']]);
      await Promise.allSettled(
        [0, 0, 3600, 3600].map((overlapSeconds) =>
          domain.secrets.rotate({ ...which, overlapSeconds }, actor),
        ),
      );
      const live = (await domain.secrets.list(which)).filter(
        (row) => stateOf(row, domain.clock()) === 'live',
      );
      assert.ok(live.length >= 1 && live.length <= LIVE_SECRETS_MAX, String(live.length));
    });

    it('rotations at once without an overlap leave a client with the secret of one', async () => {
      const { client } = await domain.services.create(
        { account: ann, name: 'S', scopes: ['profile'], actsFor: 'account', resourceServer: false },
        actor,
      );
      const which = { kind: 'service' as const, accountId: ann.id, clientId: client.id };
      const rotated = await Promise.allSettled(
        [domain, other, domain, other].map((one) =>
          one.secrets.rotate({ ...which, overlapSeconds: 0 }, actor),
        ),
      );
      assert.ok(rotated.some(({ status }) => status === 'fulfilled'));
      const live = (await domain.secrets.list(which)).filter(
        (row) => stateOf(row, domain.clock()) === 'live',
      );
      assert.equal(live.length, 1);
    });

    it('gives the place of what is revoked, deleted or expired to the next one', async () => {
      const issueMany = () => manyAtOnce(atOnceFor(ISSUED_NAMES_MAX), (one, name) => issued(one, ann, name));
      await issueMany();
      await assert.rejects(issued(domain, ann, 'more'), { code: 'TOO_MANY_TOKENS' });
      const [first] = await domain.tokens.list(ann.id);
      await domain.tokens.revoke({ accountId: ann.id, id: first?.id ?? '' }, actor);
      await issued(domain, ann, 'more');
      await assert.rejects(issued(domain, ann, 'still more'), { code: 'TOO_MANY_TOKENS' });
      domain.pass(90 * DAY);
      const { made } = await issueMany();
      assert.equal(made, ISSUED_NAMES_MAX);
      if (!isFirst) return;

      await manyAtOnce(atOnceFor(LIVE_SERVICES_MAX), (one, name) => service(one, ann, name));
      await assert.rejects(service(domain, ann, 'more'), { code: 'TOO_MANY_SERVICES' });
      const [gone] = await domain.services.list(ann.id);
      await domain.services.revoke({ accountId: ann.id, id: gone?.id ?? '' }, actor);
      await service(domain, ann, 'more');
      await assert.rejects(service(domain, ann, 'still more'), { code: 'TOO_MANY_SERVICES' });
    });

    it('counts what was made before there were places', async () => {
      await token(domain, ann, 'One');
      const [one] = await domain.tokens.list(ann.id);
      assert.ok(one);
      await domain.tokens.revoke({ accountId: ann.id, id: one.id }, actor);
      const { place: _, liveName: __, ...bare } = one;
      await domain.rows.credentials.insertMany(
        Array.from({ length: LIVE_TOKENS_MAX - 10 }, (_, number) => ({
          ...bare,
          id: `tok_old${number}`,
          hash: `old${number}`,
        })),
      );
      const { made } = await manyAtOnce(atOnceFor(10), (one, name) => token(one, ann, name));
      assert.equal(made, 10);
    });

    it('revokes the secrets of all apps, however many there are', async () => {
      const confidential = (number: number) =>
        domain.apps.create(
          {
            account: ann,
            name: `A ${number}`,
            scopes: ['profile'],
            redirectUris: ['https://a.example/cb'],
            confidential: true,
          },
          actor,
        );
      const { client } = await confidential(0);
      // As many as requests at once could once make.
      const { place: _, ...bare } = client;
      const many = isFirst ? LIVE_APPS_MAX * 2 + 10 : 12;
      const ids = Array.from({ length: many }, (_, number) => `app_old${number}`);
      await domain.rows.clients.insertMany(ids.map((id) => ({ ...bare, id })));
      const [secret] = await domain.secrets.list({ accountId: ann.id, clientId: client.id });
      assert.ok(secret);
      const { place: __, liveName: ___, ...row } = secret;
      await domain.rows.credentials.insertMany(
        ids.map((id) => ({ ...row, id: `sec_${id}`, hash: id, clientId: id })),
      );
      await domain.apps.revokeSecrets(ann.id, actor);
      const left = await domain.rows.credentials.count([
        ['accountId', '=', ann.id],
        ['revokedAt', 'absent'],
      ]);
      assert.equal(left, 0);
    });
  });
});
