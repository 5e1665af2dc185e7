import { ACTIVE_ADMINS, type Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';
import { type Credential, stateOf as stateOfSecret } from '../credentials/credential.ts';
import type { NewSecret } from '../credentials/secret-rows.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { accountFrom } from './arguments.ts';
import { type Fact, jsonTimeOf, LIFE_HEADS, lifeCells, lifeJson, tableOf, timeOf } from './output.ts';

/** Whose a client is to be; the first admin's, on whom those of the owner hang, when nobody is named. */
export async function ownerFrom(domain: Domain, given: string | undefined): Promise<Account> {
  if (given !== undefined) return accountFrom(domain, given);
  const oldest = { where: ACTIVE_ADMINS, order: { by: 'createdAt' }, limit: 1 } as const;
  const [admin] = await domain.rows.accounts.list(oldest);
  if (admin !== undefined) return admin;
  throw new Problem({
    status: 404,
    code: 'NO_SUCH_ACCOUNT',
    message: 'There is no admin account that it could belong to.',
    hint: 'Name an account with --account, or make an admin with: latchkey accounts create --admin …',
  });
}

/** The secrets of a client without their values, as a table and as `--json` prints them. */
export async function secretsOf(domain: Domain, { id, accountId }: Client) {
  const secrets = await domain.secrets.list({ accountId, clientId: id });
  const now = domain.clock();
  return {
    table: tableOf(
      SECRET_HEADS,
      secrets.map((secret) => secretCells(secret, now)),
    ),
    json: secrets.map((secret) => secretJson(secret, now)),
  };
}

/** A secret that is shown this once, as facts and as `--json` prints it. */
export function newSecret({ credential, value }: NewSecret) {
  const facts: Record<'secret' | 'end', Fact> = {
    secret: ['client_secret', value],
    end: ['secret expires', timeOf(credential.expiresAt, 'never')],
  };
  const json = {
    secret_id: credential.id,
    secret_name: credential.name,
    secret_expires_at: jsonTimeOf(credential.expiresAt),
    client_secret: value,
  };
  return { facts, json };
}

/** What stands below a secret that was just made. */
export const COPY_NOW = 'Copy the secret now: it is kept nowhere and cannot be shown again.';

const SECRET_HEADS = ['secret id', 'name', 'secret', 'state', ...LIFE_HEADS];

function secretCells(secret: Credential, now: number): string[] {
  return [secret.id, secret.name, `…${secret.lastFour}`, stateOfSecret(secret, now), ...lifeCells(secret)];
}

function secretJson(secret: Credential, now: number) {
  return {
    secret_id: secret.id,
    name: secret.name,
    last_four: secret.lastFour,
    state: stateOfSecret(secret, now),
    ...lifeJson(secret),
  };
}
