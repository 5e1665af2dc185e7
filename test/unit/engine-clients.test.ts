import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import Provider from 'oidc-provider';
import type { Client } from '../../server/credentials/client.ts';
import { rememberClients } from '../../server/oauth/engine-clients.ts';

const SERVICE: Client = {
  id: 'svc_1',
  kind: 'service',
  name: 'Spreadsheet',
  accountId: 'usr_1',
  actsFor: 'account',
  scopes: ['profile'],
  resourceServer: false,
  redirectUris: [],
  postLogoutRedirectUris: [],
  applicationType: 'web',
  confidential: true,
  createdAt: 1_900_000_000,
};

describe('the engine’s clients', () => {
  function open(...first: Client[]) {
    const rows = new Map(first.map((row) => [row.id, row]));
    const provider = new Provider('https://id.example.com', {
      features: { clientCredentials: { enabled: true } },
      scopes: ['profile', 'email'],
    });
    rememberClients(provider, async (id) => {
      assert.ok(typeof id === 'string' && id !== '', 'the store is asked for ids only');
      return rows.get(id);
    });
    return { rows, find: (id: unknown) => provider.Client.find(id as string) };
  }

  test('are made once for a row, however many the engine would keep by itself', async () => {
    const others = Array.from({ length: 300 }, (_, number) => ({ ...SERVICE, id: `svc_other_${number}` }));
    const { find } = open(SERVICE, ...others);
    const client = await find('svc_1');
    assert.equal(client?.clientId, 'svc_1');
    for (const { id } of others) assert.equal((await find(id))?.clientId, id);
    assert.equal(await find('svc_1'), client);
  });

  test('are remembered up to a number', async () => {
    const others = Array.from({ length: 1000 }, (_, number) => ({ ...SERVICE, id: `svc_other_${number}` }));
    const { find } = open(SERVICE, ...others);
    const client = await find('svc_1');
    for (const { id } of others) await find(id);
    assert.notEqual(await find('svc_1'), client);
    assert.equal((await find('svc_1'))?.clientId, 'svc_1');
  });

  test('follow their row at once when it is another one', async () => {
    const { rows, find } = open(SERVICE);
    assert.equal((await find('svc_1'))?.scope, 'profile');
    rows.set('svc_1', { ...SERVICE, scopes: ['email'] });
    assert.equal((await find('svc_1'))?.scope, 'email');
    rows.delete('svc_1');
    assert.equal(await find('svc_1'), undefined);
  });

  test('are none for what is no id', async () => {
    const { find } = open(SERVICE);
    for (const bad of [undefined, null, '', 0, {}, { $ne: null }, ['svc_1'], 'svc_2', '__proto__']) {
      assert.equal(await find(bad), undefined, JSON.stringify(bad));
    }
  });
});
