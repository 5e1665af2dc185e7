import { randomBytes } from 'node:crypto';
import { openStore } from '../../adapters/open.ts';
import type { Collection } from '../../adapters/port.ts';
import { type Account, accountDeclaration } from '../../server/accounts/account.ts';
import { type Client, clientDeclaration } from '../../server/credentials/client.ts';
import { type Credential, credentialDeclaration } from '../../server/credentials/credential.ts';
import { endsOf, hashOf, newId, newSecret } from '../../server/credentials/format.ts';

/** As many as one account may plausibly have. */
const TOKENS_AN_ACCOUNT = 10;
/** Rows in one transaction: large enough that its sync is nothing beside it. */
const BATCH = 5_000;
/** Tokens whose values are kept, spread evenly over the store, so that calls do not ask for one row again and again. */
const VALUES_MAX = 10_000;
const DAY_SECONDS = 86_400;

export type Filled = {
  /** Values of personal access tokens with the scope `profile`. */
  tokens: string[];
  /** A service with the scope `profile`, and one that is a resource server. */
  service: { id: string; secret: string };
  resourceServer: { id: string; secret: string };
};

/** Puts accounts with personal access tokens and two services straight into an empty store, before a server opens it. */
export async function fillStore(storeUrl: string, credentialCount: number): Promise<Filled> {
  const store = await openStore(storeUrl);
  const accounts = await store.collection(accountDeclaration);
  const credentials = await store.collection(credentialDeclaration);
  const clients = await store.collection(clientDeclaration);
  const now = Math.floor(Date.now() / 1000);
  const everyNth = Math.max(1, Math.floor(credentialCount / VALUES_MAX));
  const tokens: string[] = [];
  let owner = newAccount(0, now);

  for (let done = 0; done < credentialCount; done += BATCH) {
    const owners: Account[] = [];
    const rows: Credential[] = [];
    for (let index = done; index < Math.min(done + BATCH, credentialCount); index += 1) {
      if (index % TOKENS_AN_ACCOUNT === 0) {
        owner = newAccount(index, now);
        owners.push(owner);
      }
      const value = index % everyNth === 0 ? newSecret('lk_pat_') : undefined;
      if (value !== undefined) tokens.push(value);
      rows.push(newToken(value, `Token ${index % TOKENS_AN_ACCOUNT}`, owner.id, now));
    }
    await accounts.insertMany(owners);
    await credentials.insertMany(rows);
  }

  const service = await addService({ clients, credentials }, owner.id, false, now);
  const resourceServer = await addService({ clients, credentials }, owner.id, true, now);
  await store.close();
  return { tokens, service, resourceServer };
}

function newAccount(index: number, now: number): Account {
  const email = `person-${index}@example.com`;
  return { id: newId('acc_'), email, emailKey: email, admin: false, createdAt: now };
}

/** Without a value the row is one that nobody asks for: its hash is random, as a real one's looks. */
function newToken(value: string | undefined, name: string, accountId: string, now: number): Credential {
  return {
    id: newId('tok_'),
    kind: 'personal_access_token',
    hash: value === undefined ? randomBytes(32).toString('base64url') : hashOf(value),
    ...(value === undefined ? { firstFour: 'aaaa', lastFour: 'zzzz' } : endsOf(value)),
    name,
    liveName: `${accountId}\n${name}`,
    accountId,
    scopes: ['profile', 'wf:create_transaction'],
    createdAt: now,
    expiresAt: now + 90 * DAY_SECONDS,
  };
}

async function addService(
  rows: { clients: Collection<Client>; credentials: Collection<Credential> },
  accountId: string,
  resourceServer: boolean,
  now: number,
): Promise<{ id: string; secret: string }> {
  const id = newId('svc_');
  const secret = newSecret('lk_cs_');
  await rows.clients.insert({
    id,
    kind: 'service',
    name: resourceServer ? 'Another back end' : 'A service',
    accountId,
    actsFor: 'account',
    scopes: ['profile'],
    resourceServer,
    redirectUris: [],
    postLogoutRedirectUris: [],
    applicationType: 'web',
    confidential: true,
    createdAt: now,
  });
  await rows.credentials.insert({
    ...newToken(secret, 'Secret 1', accountId, now),
    id: newId('sec_'),
    kind: 'client_secret',
    liveName: `${id}\nSecret 1`,
    clientId: id,
    scopes: [],
  });
  return { id, secret };
}
