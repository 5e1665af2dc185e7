import { type Command, Option } from 'commander';
import type { Listing } from '../../adapters/port.ts';
import type { WantedApp } from '../credentials/apps.ts';
import { type Client, isLiveClient } from '../credentials/client.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { accountFrom, named, scopesFrom } from './arguments.ts';
import { COPY_NOW, newSecret, ownerFrom, secretsOf } from './clients.ts';
import { listAll } from './list-all.ts';
import { both, type Fact, jsonTimeOf, listOf, type Said, tableOf, timeOf } from './output.ts';
import { answer, OPERATOR, type Terminal } from './terminal.ts';

/** As they are on the command line: all that an app has of one, or nothing where it stays as it is. */
type Given = {
  name?: string;
  redirectUri?: string[];
  postLogoutUri?: string[];
  scopes?: string[];
  pkce?: 'required' | 'excepted';
};

const ALL_APPS: Omit<Listing<Client>, 'limit'> = {
  where: [['kind', '=', 'app']],
  order: { by: 'createdAt', descending: true },
};

/** `apps create|list|show|edit|delete`: apps that send people here to sign in. */
export function addAppCommands(program: Command, terminal: Terminal): void {
  const apps = program.command('apps').description('apps that send people here to sign in');
  const redirectUri = () =>
    new Option('--redirect-uri <uri...>', 'where it takes people back; one or more').argParser(each);
  const postLogoutUri = (more = '') =>
    new Option(
      '--post-logout-uri <uri...>',
      `where it may send people after signing out; one or more${more}`,
    ).argParser(each);
  const pkce = () =>
    new Option('--pkce <rule>', 'excepted, if it keeps a secret and its library cannot do PKCE').choices([
      'required',
      'excepted',
    ]);

  apps
    .command('create')
    .description('registers an app and shows its secret this once')
    .requiredOption('--name <name>', 'what people read on the consent page')
    .addOption(redirectUri().makeOptionMandatory())
    .addOption(postLogoutUri())
    .requiredOption('--scopes <scopes>', 'all that it may ask people for, between commas', scopesFrom)
    .option('--account <account>', 'its developer: e-mail address or id (default: the first admin)')
    .option('--public', 'keeps no secret: it runs on the machines of people')
    .addOption(pkce())
    .action(answer(terminal, create));

  apps
    .command('list')
    .description('lists apps, deleted ones too')
    .option('--account <account>', 'only the live ones of this developer: e-mail address or id')
    .action(answer(terminal, list));

  apps
    .command('show')
    .description('shows an app and its secrets, but not their values')
    .argument('<id>', 'client_id of the app')
    .action(answer(terminal, show));

  apps
    .command('edit')
    .description('changes what is named; scopes that go leave its tokens too')
    .argument('<id>', 'client_id of the app')
    .option('--name <name>', 'its new name')
    .addOption(redirectUri())
    .addOption(postLogoutUri(', or one that is empty for none'))
    .option('--scopes <scopes>', 'all that it may ask for from now on, between commas', scopesFrom)
    .addOption(pkce())
    .action(answer(terminal, edit));

  apps
    .command('delete')
    .description('ends an app for good, with all that people allowed it')
    .argument('<id>', 'client_id of the app')
    .action(answer(terminal, remove));
}

function each(value: string, before: readonly string[] | undefined): string[] {
  return [...(before ?? []), value];
}

async function create(
  domain: Domain,
  given: Required<Pick<Given, 'name' | 'scopes' | 'redirectUri'>> &
    Given & { account?: string; public?: boolean },
): Promise<Said> {
  const account = await ownerFrom(domain, given.account);
  const { name, scopes, redirectUri } = given;
  const wanted = { name, scopes, redirectUris: redirectUri, ...changesOf(given) };
  const confidential = given.public !== true;
  const { client, secret } = await domain.apps.create({ ...wanted, account, confidential }, OPERATOR);
  if (secret === undefined) return { json: jsonOf(client), person: factsOf(client) };
  const { facts, json } = newSecret(secret);
  return {
    json: { ...jsonOf(client), ...json },
    person: both(factsOf(client, [facts.secret, facts.end]), COPY_NOW),
  };
}

/** Of one account, or of all: the newest first. */
async function list(domain: Domain, { account }: { account?: string }): Promise<Said> {
  const all =
    account === undefined
      ? await listAll(domain.rows.clients, ALL_APPS)
      : await domain.apps.list((await accountFrom(domain, account)).id);
  const cells = all.map((app) => [
    app.id,
    app.name,
    app.scopes.join(' '),
    app.redirectUris.join(' '),
    stateOf(app),
    app.accountId,
  ]);
  const person = tableOf(['client_id', 'name', 'scopes', 'redirect URIs', 'state', 'developer'], cells);
  return { json: all.map(jsonOf), person };
}

async function show(domain: Domain, id: string): Promise<Said> {
  const client = await appFrom(domain, id, { deletedToo: true });
  const secrets = await secretsOf(domain, client);
  return {
    json: { ...jsonOf(client), secrets: secrets.json },
    person: both(factsOf(client), secrets.table),
  };
}

async function edit(domain: Domain, id: string, given: Given): Promise<Said> {
  const { name, redirectUris, scopes, accountId } = await appFrom(domain, id);
  const changes = changesOf(given);
  if (Object.keys(changes).length === 0) throw nothingToChange();
  const before = { name, redirectUris, scopes: domain.scopes.declared(scopes) };
  const changed = await domain.apps.update({ accountId, id, ...before, ...changes }, OPERATOR);
  return { json: jsonOf(changed), person: factsOf(changed) };
}

async function remove(domain: Domain, id: string): Promise<Said> {
  const { accountId } = await appFrom(domain, id);
  if (!(await domain.apps.remove({ accountId, id }, OPERATOR))) throw noSuchApp(id);
  return { json: { client_id: id, deleted: true }, person: `${id} is deleted.` };
}

function changesOf({ name, redirectUri, postLogoutUri, scopes, pkce }: Given): Partial<WantedApp> {
  return {
    ...(name === undefined ? {} : { name }),
    ...(redirectUri === undefined ? {} : { redirectUris: redirectUri }),
    ...(postLogoutUri === undefined ? {} : { postLogoutRedirectUris: postLogoutUri }),
    ...(scopes === undefined ? {} : { scopes }),
    ...(pkce === undefined ? {} : { withoutPkce: pkce === 'excepted' }),
  };
}

function nothingToChange(): Problem {
  return new Problem({
    status: 400,
    code: 'NOTHING_TO_DO',
    message: 'Nothing is given that the app should have.',
    hint: 'Say what is to change: --name, --redirect-uri, --post-logout-uri, --scopes or --pkce.',
  });
}

async function appFrom(domain: Domain, id: string, { deletedToo = false } = {}): Promise<Client> {
  const client = await domain.clients.get(id);
  if (client?.kind === 'app' && (deletedToo || isLiveClient(client))) return client;
  throw noSuchApp(id);
}

function noSuchApp(id: string): Problem {
  return new Problem({
    status: 404,
    code: 'NO_SUCH_APP',
    message: `There is no live app${named(id)}.`,
    hint: 'latchkey apps list shows the ids; it may be deleted already.',
  });
}

function factsOf(client: Client, [secret, end]: readonly Fact[] = []) {
  return listOf([
    ['client_id', client.id],
    ...(secret === undefined ? [] : [secret]),
    ['name', client.name],
    ['redirect URIs', client.redirectUris.join(' ')],
    ['post-logout redirect URIs', client.postLogoutRedirectUris.join(' ')],
    ['scopes', client.scopes.join(' ')],
    ['keeps a secret', client.confidential ? 'yes' : ''],
    ['PKCE', client.withoutPkce === true ? 'excepted' : 'required'],
    ['state', stateOf(client)],
    ['created', timeOf(client.createdAt, '')],
    ['developer', client.accountId],
    ...(end === undefined ? [] : [end]),
  ]);
}

function jsonOf(client: Client) {
  return {
    client_id: client.id,
    name: client.name,
    account_id: client.accountId,
    redirect_uris: client.redirectUris,
    post_logout_redirect_uris: client.postLogoutRedirectUris,
    scopes: client.scopes,
    confidential: client.confidential,
    pkce: client.withoutPkce === true ? 'excepted' : 'required',
    state: stateOf(client),
    created_at: jsonTimeOf(client.createdAt),
    deleted_at: jsonTimeOf(client.revokedAt),
  };
}

function stateOf(client: Client): 'live' | 'deleted' {
  return isLiveClient(client) ? 'live' : 'deleted';
}
