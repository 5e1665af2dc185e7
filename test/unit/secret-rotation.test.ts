import assert from 'node:assert/strict';
import { it } from 'node:test';
import { actor, openTestDomain } from '../support/domain.ts';

const DAY = 86_400;

it('a rotated secret lives as long as the newest did, also where several were made in the same second', async (t) => {
  const domain = await openTestDomain();
  t.after(() => domain.stop());
  const account = await domain.account('ann@example.com');
  const { client } = await domain.services.create(
    {
      ...{ account, name: 'S', scopes: ['profile'], actsFor: 'account', resourceServer: false },
      expiresAt: domain.clock() + 100 * DAY,
    },
    actor,
  );
  const which = { kind: 'service', accountId: account.id, clientId: client.id } as const;
  const daysLeft = ({ expiresAt = 0 }: { expiresAt?: number | undefined }) =>
    (expiresAt - domain.clock()) / DAY;
  const rotated = async () =>
    daysLeft((await domain.secrets.rotate({ ...which, overlapSeconds: DAY }, actor)).credential);
  domain.pass(10);
  for (let round = 0; round < 3; round += 1) assert.equal(await rotated(), 100);
  for (const { id } of (await domain.secrets.list(which)).slice(1))
    await domain.secrets.revoke({ ...which, id }, actor);
  domain.pass(10);
  await domain.secrets.add({ ...which, name: 'Short', expiresAt: domain.clock() + 5 * DAY }, actor);
  domain.pass(10);
  assert.equal(await rotated(), 5);
});
