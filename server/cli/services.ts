import { type Command, Option } from 'commander';
import type { Listing } from '../../adapters/port.ts';
import { adminUseInWords } from '../../views/services.ts';
import { countAdminUse } from '../activity/admin-use.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import { ADMIN_SCOPE, isAdmin } from '../credentials/scopes.ts';
import type { NewSecret } from '../credentials/secret-rows.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { ADMIN_SECRET_DAYS_MAX } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { accountFrom, endOf, lifeFrom, named, scopesFrom, secondsFrom } from './arguments.ts';
import { COPY_NOW, newSecret, ownerFrom, secretsOf } from './clients.ts';
import { listAll } from './list-all.ts';
import { both, type Fact, jsonTimeOf, listOf, type Said, tableOf, timeOf } from './output.ts';
import { answer, OPERATOR, type Terminal } from './terminal.ts';

type Wanted = {
  name: string;
  scopes: string[];
  account?: string;
  actsFor?: 'account' | 'app';
  resourceServer?: boolean;
  admin?: boolean;
  reason?: string;
  expiresIn?: number | 'never';
};

const ALL_SERVICES: Omit<Listing<Client>, 'limit'> = {
  where: [['kind', '=', 'service']],
  order: { by: 'createdAt', descending: true },
};

/** `services create|list|show|edit|rotate|pause|resume|revoke`: client credentials. */
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
      new Option(
        '--acts-for <whom>',
        'whose data it reaches (default: account; with an admin scope: app)',
      ).choices(['account', 'app']),
    )
    .option('--resource-server', 'may ask /oauth/introspect about any token')
    .option('--admin', 'gets the scope admin, past all privacy rules; needs --reason')
    .option('--reason <reason>', 'why it gets an admin scope')
    .option(
      '--expires-in <time>',
      'how long its secret lives, like 90d (default: never; with an admin scope: 90d)',
      lifeFrom,
    )
    .action(answer(terminal, create));

  services
    .command('list')
    .description('lists services, revoked ones too')
    .option('--account <account>', 'only those of this account: e-mail address or id')
    .action(answer(terminal, list));

  services
    .command('show')
    .description('shows a service and its secrets, but not their values')
    .argument('<id>', 'client_id of the service')
    .action(answer(terminal, show));

  services
    .command('edit')
    .description('changes name or scopes of a service; scopes that go are refused from the next call on')
    .argument('<id>', 'client_id of the service')
    .option('--name <name>', 'its new name')
    .option('--scopes <scopes>', 'all that it may do from now on, between commas', scopesFrom)
    .action(answer(terminal, edit));

  services
    .command('rotate')
    .description('makes a new secret and shows it this once; the others end after the overlap')
    .argument('<id>', 'client_id of the service')
    .addOption(
      new Option('--overlap <time>', 'how long the others go on, like 24h; 0 ends them now')
        .argParser(secondsFrom)
        .default(DAY_SECONDS, '24h'),
    )
    .action(answer(terminal, rotate));

  services
    .command('revoke')
    .description('ends a service for good, from the next call on')
    .argument('<id>', 'client_id of the service')
    .action(answer(terminal, revoke));

  addPauseCommands(services, terminal);
}

function addPauseCommands(services: Command, terminal: Terminal): void {
  const commands = [
    ['pause', 'has a service open nothing until it is resumed, from the next call on'],
    ['resume', 'has a paused service work again'],
  ] as const;
  for (const [name, description] of commands) {
    services
      .command(name)
      .description(description)
      .argument('<id>', 'client_id of the service')
      .action(answer(terminal, (domain: Domain, id: string) => setPaused(domain, id, name)));
  }
}

async function create(domain: Domain, wanted: Wanted): Promise<Said> {
  const { name, reason, resourceServer = false, admin = false } = wanted;
  const account = await ownerFrom(domain, wanted.account);
  const scopes = admin ? [...wanted.scopes, ADMIN_SCOPE] : wanted.scopes;
  const life = wanted.expiresIn ?? (isAdmin(scopes) ? ADMIN_SECRET_DAYS_MAX * DAY_SECONDS : 'never');
  const actsFor = wanted.actsFor ?? (isAdmin(scopes) ? 'app' : 'account');
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

/** Of one account, or of all: the newest first. */
async function list(domain: Domain, { account }: { account?: string }): Promise<Said> {
  const all =
    account === undefined
      ? await listAll(domain.rows.clients, ALL_SERVICES)
      : await domain.services.list((await accountFrom(domain, account)).id);
  return { json: all.map(jsonOf), person: tableOf(HEADS, all.map(cellsOf)) };
}

async function show(domain: Domain, id: string): Promise<Said> {
  const client = await serviceFrom(domain, id, { revokedToo: true });
  const secrets = await secretsOf(domain, client);
  const use = await countAdminUse({ ...domain, calls: domain.rows.calls }, client, domain.clock());
  const adminCalls = { admin_calls: use.count, admin_calls_are_all: use.isAll };
  return {
    json: { ...jsonOf(client), ...adminCalls, secrets: secrets.json },
    person: both(factsOf(client, [['used as an admin', adminUseInWords(use)]]), secrets.table),
  };
}

async function edit(domain: Domain, id: string, wanted: { name?: string; scopes?: string[] }): Promise<Said> {
  const client = await serviceFrom(domain, id);
  if (wanted.name === undefined && wanted.scopes === undefined) throw nothingToChange();
  const account = await accountFrom(domain, client.accountId);
  const { name, scopes } = { name: client.name, scopes: domain.scopes.declared(client.scopes), ...wanted };
  const changed = await domain.services.update({ account, id, name, scopes }, OPERATOR);
  return { json: jsonOf(changed), person: factsOf(changed) };
}

function nothingToChange(): Problem {
  return new Problem({
    status: 400,
    code: 'NOTHING_TO_DO',
    message: 'Neither a name nor scopes are given.',
    hint: 'Say what is to change, with --name or --scopes.',
  });
}

async function rotate(domain: Domain, id: string, { overlap }: { overlap: number }): Promise<Said> {
  const client = await serviceFrom(domain, id);
  const which = { kind: 'service', accountId: client.accountId, clientId: id } as const;
  const secret = await domain.secrets.rotate({ ...which, overlapSeconds: overlap }, OPERATOR);
  const othersEnd = overlap === 0 ? 'now' : timeOf(domain.clock() + overlap, '');
  return saidOf(client, secret, [['others end', othersEnd]]);
}

/** A service that is so already is left as it is. */
async function setPaused(domain: Domain, id: string, act: 'pause' | 'resume'): Promise<Said> {
  const { accountId } = await serviceFrom(domain, id);
  await domain.services[act]({ accountId, id }, OPERATOR);
  const changed = await serviceFrom(domain, id);
  return { json: jsonOf(changed), person: `${id} is ${stateOf(changed)}.` };
}

async function revoke(domain: Domain, id: string): Promise<Said> {
  const { accountId } = await serviceFrom(domain, id);
  if (!(await domain.services.revoke({ accountId, id }, OPERATOR))) throw noSuchService(id);
  return { json: { client_id: id, revoked: true }, person: `${id} is revoked.` };
}

function saidOf(client: Client, secret: NewSecret, about: readonly Fact[]): Said {
  const { facts, json } = newSecret(secret);
  const person = listOf([['client_id', client.id], facts.secret, ...about, facts.end]);
  return { json: { ...jsonOf(client), ...json }, person: both(person, COPY_NOW) };
}

async function serviceFrom(domain: Domain, id: string, { revokedToo = false } = {}): Promise<Client> {
  const client = await domain.clients.get(id);
  if (client?.kind === 'service' && (revokedToo || isLiveClient(client))) return client;
  throw noSuchService(id);
}

function noSuchService(id: string): Problem {
  return new Problem({
    status: 404,
    code: 'NO_SUCH_SERVICE',
    message: `There is no live service${named(id)}.`,
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

function factsOf(client: Client, more: readonly Fact[] = []) {
  const cells = cellsOf(client);
  const reason: readonly Fact[] = client.reason === undefined ? [] : [['reason', client.reason]];
  return listOf([...HEADS.map((head, at) => [head, cells[at] ?? ''] as const), ...reason, ...more]);
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
    paused_at: jsonTimeOf(client.pausedAt),
    revoked_at: jsonTimeOf(client.revokedAt),
  };
}

function stateOf(client: Client): 'live' | 'paused' | 'revoked' {
  if (!isLiveClient(client)) return 'revoked';
  return client.pausedAt === undefined ? 'live' : 'paused';
}
