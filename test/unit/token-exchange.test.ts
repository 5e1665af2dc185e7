import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { refusedToken, type SubjectToken, type WantedExchange } from '../../server/access/token-exchange.ts';
import { Problem, type ProblemCode } from '../../server/ground/errors.ts';
import { openTestDomain, type TestDomain } from '../support/domain.ts';
import { eachStore } from '../support/stores.ts';

/** As the act has it: ten a second of one service, or from one network. */
const LIMIT = 600;

function problem(code: ProblemCode) {
  return (error: unknown) => error instanceof Problem && error.code === code && error.hint !== '';
}

eachStore(({ engine, url }) => {
  describe(`the act of exchanging a token (${engine})`, () => {
    async function withDomain(
      work: (domain: TestDomain, wanted: WantedExchange, subject: SubjectToken) => Promise<void>,
    ): Promise<void> {
      const domain = await openTestDomain({ storeUrl: await url() });
      try {
        const owner = await domain.account('boss@example.com', true);
        const subject: SubjectToken = {
          id: 'hash of the signed part',
          issuer: 'https://accounts.google.com',
          subject: 'sub-1',
          email: 'ann@example.com',
          emailVerified: true,
          name: undefined,
          expiresAt: 1_900_000_300,
        };
        const wanted: WantedExchange = {
          service: { id: 'svc_1', name: 'Back end', accountId: owner.id, reason: 'Signs people in' },
          read: async () => subject,
          scopes: undefined,
          name: undefined,
          lifeSeconds: undefined,
          replace: true,
          overlapSeconds: 0,
        };
        await work(domain, wanted, subject);
      } finally {
        await domain.stop();
      }
    }

    const from = (address: string) => ({ kind: 'client', from: address }) as const;

    test('is counted by service and by network, also where the ID token is good for nothing', () =>
      withDomain(async (domain, wanted) => {
        let reads = 0;
        const read = async () => {
          reads += 1;
          throw refusedToken('It is bad.', 'Get another one.');
        };
        const attempt = (service: string, address: string) =>
          domain.tokenExchange.exchange(
            { ...wanted, service: { ...wanted.service, id: service }, read },
            from(address),
          );
        for (let n = 0; n < LIMIT; n += 1) {
          await assert.rejects(attempt('svc_1', '192.0.2.1'), problem('INVALID_SUBJECT_TOKEN'));
        }
        await assert.rejects(attempt('svc_1', '192.0.2.2'), problem('TOO_MANY_ATTEMPTS'));
        await assert.rejects(attempt('svc_2', '192.0.2.1'), problem('TOO_MANY_ATTEMPTS'));
        assert.equal(reads, LIMIT);
        await assert.rejects(attempt('svc_2', '192.0.2.2'), problem('INVALID_SUBJECT_TOKEN'));
        domain.pass(60);
        await assert.rejects(attempt('svc_1', '192.0.2.1'), problem('INVALID_SUBJECT_TOKEN'));
      }));

    test('says why the service may, and keeps of the ID token no more than its hash', () =>
      withDomain(async (domain, wanted, subject) => {
        const { credential } = await domain.tokenExchange.exchange(wanted, from('192.0.2.1'));
        const [entry] = await domain.rows.audit.list({ where: [['targetId', '=', credential.id]], limit: 1 });
        assert.deepEqual(
          [entry?.action, entry?.actor.id, entry?.actor.reason],
          ['token.created', 'svc_1', 'Signs people in'],
        );
        assert.deepEqual(await domain.rows.exchangedTokens.list({ limit: 5 }), [
          { id: subject.id, expiresAt: subject.expiresAt },
        ]);
        await assert.rejects(
          domain.tokenExchange.exchange(wanted, from('192.0.2.1')),
          problem('INVALID_SUBJECT_TOKEN'),
        );
      }));

    test('refuses an admin who is suspended, before it looks at any ID token', () =>
      withDomain(async (domain, wanted) => {
        await domain.accounts.suspend(wanted.service.accountId, { kind: 'operator' });
        const read = () => assert.fail('it was read');
        await assert.rejects(
          domain.tokenExchange.exchange({ ...wanted, read }, from('192.0.2.1')),
          problem('ADMINS_ONLY'),
        );
      }));
  });
});
