import { randomBytes } from 'node:crypto';
import { openStore } from '../../adapters/open.ts';
import type { Collection } from '../../adapters/port.ts';
import { type Account, accountDeclaration } from '../../server/accounts/account.ts';
import { type Client, clientDeclaration } from '../../server/credentials/client.ts';
import { type Credential, credentialDeclaration, nextReminder } from '../../server/credentials/credential.ts';
import { endsOf, newSecret } from '../../server/credentials/secret-format.ts';
import { hashOf, newId } from '../../server/ground/opaque.ts';
import { dueDeclaration } from '../../server/ground/schedule.ts';

/** As many as one account may plausibly have. */
const TOKENS_AN_ACCOUNT = 10;
/** Rows in one transaction. Their hashes fall all over an index, so larger ones write each of its pages less often. */
const BATCH = 50_000;
/** Tokens whose values are kept, spread evenly over the store, so that calls do not ask for one row again and again. */
const VALUES_MAX = 10_000;
const DAY_SECONDS = 86_400;
/** Work that is done once, on rows of older versions (see `once` in server/domain.ts): these rows are as new ones are. */
const DONE_ONCE = ['actor keys', 'first reminders'];
/** For each row, 48 bytes are 64 characters: 43 for a hash, 20 for an id. */
const RANDOM_BYTES = 48;
const RANDOM_LENGTH = 64;
const HASH_LENGTH = 43;

export type Filled = {
  /** Values of personal access tokens with the scope `profile`. */
  tokens: string[];
  /** A service with the scope `profile`, and one that is a resource server. */
  service: { id: string; secret: string };
  resourceServer: { id: string; secret: string };
};

/** Puts accounts with personal access tokens and two services straight into an empty store, before a server opens it. */
export async function fillStore(
  storeUrl: string,
  credentialCount: number,
  scopes: readonly string[] = ['profile', 'wf:create_transaction'],
): Promise<Filled> {
  const store = await openStore(storeUrl);
  const accounts = await store.collection(accountDeclaration);
  const credentials = await store.collection(credentialDeclaration);
  const clients = await store.collection(clientDeclaration);
  const now = Math.floor(Date.now() / 1000);
  const everyNth = Math.max(1, Math.floor(credentialCount / VALUES_MAX));
  const tokens: string[] = [];

  for (let done = 0; done < credentialCount; done += BATCH) {
    const batch = newBatch(Math.min(BATCH, credentialCount - done), now, [...scopes]);
    for (let index = 0; index < batch.credentials.length; index += everyNth) {
      const value = newSecret('lk_pat_');
      Object.assign(batch.credentials[index] ?? {}, { hash: hashOf(value), ...endsOf(value) });
      tokens.push(value);
    }
    await accounts.insertMany(batch.accounts);
    await credentials.insertMany(batch.credentials);
  }

  const owner = newAccount(now);
  await accounts.insert(owner);
  const service = await addService({ clients, credentials }, owner, false);
  const resourceServer = await addService({ clients, credentials }, owner, true);
  const due = await store.collection(dueDeclaration);
  await due.insertMany(DONE_ONCE.map((id) => ({ id, dueAt: now })));
  await store.close();
  return { tokens, service, resourceServer };
}

function newBatch(
  size: number,
  now: number,
  scopes: string[],
): { accounts: Account[]; credentials: Credential[] } {
  const accounts = Array.from({ length: Math.ceil(size / TOKENS_AN_ACCOUNT) }, () => newAccount(now));
  // Drawn at once: a million small draws would take longer than the rows themselves.
  const random = randomBytes(size * RANDOM_BYTES).toString('base64url');
  const credentials = Array.from({ length: size }, (_, index) => {
    const owner = accounts[Math.floor(index / TOKENS_AN_ACCOUNT)] as Account;
    const own = random.slice(index * RANDOM_LENGTH, (index + 1) * RANDOM_LENGTH);
    return newToken(own, `Token ${index % TOKENS_AN_ACCOUNT}`, owner, scopes);
  });
  return { accounts, credentials };
}

function newAccount(now: number): Account {
  const id = newId('acc_');
  const email = `${id}@example.com`.toLowerCase();
  return { id, email, emailKey: email, admin: false, createdAt: now };
}

/** A row that nobody has the value of: its hash and id only look like real ones. */
function newToken(random: string, name: string, owner: Account, scopes: string[]): Credential {
  const life = { createdAt: owner.createdAt, expiresAt: owner.createdAt + 90 * DAY_SECONDS };
  return {
    id: `tok_${random.slice(HASH_LENGTH, HASH_LENGTH + 20)}`,
    kind: 'personal_access_token',
    hash: random.slice(0, HASH_LENGTH),
    firstFour: random.slice(0, 4),
    lastFour: random.slice(4, 8),
    name,
    liveName: `${owner.id}\n${name}`,
    accountId: owner.id,
    scopes,
    ...life,
    remindAt: nextReminder(life, owner.createdAt),
  };
}

async function addService(
  rows: { clients: Collection<Client>; credentials: Collection<Credential> },
  owner: Account,
  resourceServer: boolean,
): Promise<{ id: string; secret: string }> {
  const id = newId('svc_');
  const secret = newSecret('lk_cs_');
  await rows.clients.insert({
    id,
    kind: 'service',
    name: resourceServer ? 'Another back end' : 'A service',
    accountId: owner.id,
    actsFor: 'account',
    scopes: ['profile'],
    resourceServer,
    redirectUris: [],
    postLogoutRedirectUris: [],
    applicationType: 'web',
    confidential: true,
    createdAt: owner.createdAt,
  });
  await rows.credentials.insert({
    id: newId('sec_'),
    kind: 'client_secret',
    hash: hashOf(secret),
    ...endsOf(secret),
    name: 'Secret 1',
    liveName: `${id}\nSecret 1`,
    accountId: owner.id,
    clientId: id,
    scopes: [],
    createdAt: owner.createdAt,
  });
  return { id, secret };
}
