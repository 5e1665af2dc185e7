import { type Command, Option } from 'commander';
import type { Where } from '../../adapters/port.ts';
import { ACTIVE_ONLY, type Account } from '../accounts/account.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import { ADMIN_SCOPE } from '../credentials/scopes.ts';
import type { NewSecret } from '../credentials/secret-rows.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { ADMIN_SECRET_DAYS_MAX } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { accountFrom, endOf, lifeFrom, scopesFrom, secondsFrom } from './arguments.ts';
import { jsonTimeOf, listOf, type Said, tableOf, timeOf } from './output.ts';
import { answer, OPERATOR, type Options, type Terminal } from './terminal.ts';

type Wanted = Options & {
  name: string;
  scopes: string[];
  account?: string;
  actsFor?: 'account' | 'app';
  resourceServer?: boolean;
  admin?: boolean;
  reason?: string;
  expiresIn?: number | 'never';
};

const PAGE_ROWS = 200;

/** `services create|list|rotate|revoke`: client credentials. */
export function addServiceCommands(program: Command, terminal: Terminal): void {
  const services = program
    .command('services')
    .description('client credentials, one for each third-party service');

  services
    .command('create')
    .description('makes a service and shows its secret this once')
    .requiredOption('--name <name>', 'name of the third-party service')
    .option('--scopes <scopes>', 'what it may do, between commas', scopesFrom, [])
    .option('--account <account>', 'whose it is: e-mail address or id (default: the first admin)')
    .addOption(
      new Option('--acts-for <whom>', 'whose data it reaches (default: account; with --admin: app)').choices([
        'account',
        'app',
      ]),
    )
    .option('--resource-server', 'may ask /oauth/introspect about any token')
    .option('--admin', 'gets the admin scope, past all privacy rules; needs --reason')
    .option('--reason <reason>', 'why it gets the admin scope')
    .option(
      '--expires-in <time>',
      'how long its secret lives, like 90d (default: never; with --admin: 90d)',
      lifeFrom,
    )
    .option('--json', 'print JSON')
    .action((wanted: Wanted) => answer(terminal, wanted, (domain) => create(domain, wanted)));

  services
    .command('list')
    .description('lists services, revoked ones too')
    .option('--account <account>', 'only those of this account: e-mail address or id')
    .option('--json', 'print JSON')
    .action((options: Options & { account?: string }) =>
      answer(terminal, options, (domain) => list(domain, options.account)),
    );

  services
    .command('rotate')
    .description('makes a new secret and shows it this once; the others end after the overlap')
    .argument('<id>', 'client_id of the service')
    .option(
      '--overlap <time>',
      'how long the others go on, like 24h; 0 ends them now',
      secondsFrom,
      DAY_SECONDS,
    )
    .option('--json', 'print JSON')
    .action((id: string, options: Options & { overlap: number }) =>
      answer(terminal, options, (domain) => rotate(domain, id, options.overlap)),
    );

  services
    .command('revoke')
    .description('ends a service for good, from the next call on')
    .argument('<id>', 'client_id of the service')
    .option('--json', 'print JSON')
    .action((id: string, options: Options) => answer(terminal, options, (domain) => revoke(domain, id)));
}

async function create(domain: Domain, wanted: Wanted): Promise<Said> {
  const { name, reason, resourceServer = false, admin = false } = wanted;
  const account =
    wanted.account === undefined ? await firstAdmin(domain) : await accountFrom(domain, wanted.account);
  const life = wanted.expiresIn ?? (admin ? ADMIN_SECRET_DAYS_MAX * DAY_SECONDS : 'never');
  const scopes = admin ? [...wanted.scopes, ADMIN_SCOPE] : wanted.scopes;
  const actsFor = wanted.actsFor ?? (admin ? 'app' : 'account');
  const expiresAt = endOf(life, domain.clock());
  const service = { account, name, scopes, actsFor, resourceServer, reason, expiresAt };
  const { client, secret } = await domain.services.create(service, OPERATOR);
  return saidOf(client, secret, [
    ['name', client.name],
    ['account', account.email],
    ['scopes', client.scopes.join(' ')],
    ['acts for', client.actsFor],
  ]);
}

async function list(domain: Domain, owner: string | undefined): Promise<Said> {
  const all = await listAll(domain, owner);
  return { json: all.map(jsonOf), person: tableOf(HEADS, all.map(cellsOf)) };
}

async function rotate(domain: Domain, id: string, overlapSeconds: number): Promise<Said> {
  const client = await serviceFrom(domain, id);
  const which = { kind: 'service' as const, accountId: client.accountId, clientId: id };
  const secret = await domain.secrets.rotate({ ...which, overlapSeconds }, OPERATOR);
  const othersEnd = overlapSeconds === 0 ? 'now' : timeOf(domain.clock() + overlapSeconds, '');
  return saidOf(client, secret, [['others end', othersEnd]]);
}

async function revoke(domain: Domain, id: string): Promise<Said> {
  const { accountId } = await serviceFrom(domain, id);
  if (!(await domain.services.revoke({ accountId, id }, OPERATOR))) throw noSuchService(id);
  return { json: { client_id: id, revoked: true }, person: `${id} is revoked.` };
}

function saidOf(client: Client, secret: NewSecret, about: readonly (readonly [string, string])[]): Said {
  const facts = [
    ['client_id', client.id] as const,
    ['client_secret', secret.value] as const,
    ...about,
    ['secret expires', timeOf(secret.credential.expiresAt, 'never')] as const,
  ];
  const person = `${listOf(facts)}\n\nCopy the secret now: it is kept nowhere and cannot be shown again.`;
  return {
    json: { ...jsonOf(client), ...jsonOfSecret(secret.credential), client_secret: secret.value },
    person,
  };
}

/** The account that the app's own services hang on when none is named. */
async function firstAdmin(domain: Domain): Promise<Account> {
  const where: Where<Account> = [['admin', '=', true], ...ACTIVE_ONLY];
  const [admin] = await domain.rows.accounts.list({ where, order: { by: 'createdAt' }, limit: 1 });
  if (admin !== undefined) return admin;
  throw new Problem({
    status: 404,
    code: 'NO_SUCH_ACCOUNT',
    message: 'There is no admin account that the service could belong to.',
    hint: 'Name an account with --account, or make an admin with: latchkey accounts create --admin …',
  });
}

async function serviceFrom(domain: Domain, id: string): Promise<Client> {
  const client = await domain.clients.get(id);
  if (isLiveClient(client) && client.kind === 'service') return client;
  throw noSuchService(id);
}

/** Of one account, or of all: the newest first. */
async function listAll(domain: Domain, owner: string | undefined): Promise<Client[]> {
  if (owner !== undefined) return domain.services.list((await accountFrom(domain, owner)).id);
  const order = { by: 'createdAt', descending: true } as const;
  const all: Client[] = [];
  for (;;) {
    const after = all.at(-1);
    const paging = after === undefined ? {} : { after };
    const page = await domain.rows.clients.list({
      where: [['kind', '=', 'service']],
      order,
      limit: PAGE_ROWS,
      ...paging,
    });
    all.push(...page);
    if (page.length < PAGE_ROWS) return all;
  }
}

function noSuchService(id: string): Problem {
  return new Problem({
    status: 404,
    code: 'NO_SUCH_SERVICE',
    message: `There is no live service ${JSON.stringify(id)}.`,
    hint: 'latchkey services list shows the ids; it may be revoked already.',
  });
}

const HEADS = ['client_id', 'name', 'scopes', 'acts for', 'resource server', 'state', 'created', 'account'];

function cellsOf(client: Client): string[] {
  return [
    client.id,
    client.name,
    client.scopes.join(' '),
    client.actsFor,
    client.resourceServer ? 'yes' : '',
    stateOf(client),
    timeOf(client.createdAt, ''),
    client.accountId,
  ];
}

function jsonOf(client: Client) {
  return {
    client_id: client.id,
    name: client.name,
    account_id: client.accountId,
    acts_for: client.actsFor,
    scopes: client.scopes,
    resource_server: client.resourceServer,
    reason: client.reason ?? null,
    state: stateOf(client),
    created_at: jsonTimeOf(client.createdAt),
    revoked_at: jsonTimeOf(client.revokedAt),
  };
}

function jsonOfSecret(secret: Credential) {
  return { secret_id: secret.id, secret_name: secret.name, secret_expires_at: jsonTimeOf(secret.expiresAt) };
}

function stateOf(client: Client): 'live' | 'revoked' {
  return isLiveClient(client) ? 'live' : 'revoked';
}
