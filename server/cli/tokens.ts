import type { Command } from 'commander';
import { artifactIdOf } from '../access/artifact.ts';
import { isLiveClient } from '../credentials/client.ts';
import type { Credential } from '../credentials/credential.ts';
import { checkFormat } from '../credentials/secret-format.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { hashOf } from '../ground/opaque.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { accountFrom, endOf, lifeFrom, lineFrom, named, scopesFrom } from './arguments.ts';
import { type Said, tableOf } from './output.ts';
import { answer, OPERATOR, type Terminal } from './terminal.ts';
import { addTokenLifeCommands } from './token-life.ts';
import { mintedToken, TOKEN_HEADS, tokenCells, tokenJson } from './token-output.ts';

type Wanted = {
  account: string;
  name: string;
  scopes: string[];
  expiresIn?: number | 'never';
  note?: string;
  ipRange?: string[];
  idleDays?: string;
  origin?: string;
  bound?: string[];
  honey?: boolean;
};

/** `tokens create|list|revoke`, and those of a token's life: personal access tokens. */
export function addTokenCommands(program: Command, terminal: Terminal): void {
  const tokens = program.command('tokens').description('personal access tokens');

  tokens
    .command('create')
    .description('makes a token and shows it this once')
    .requiredOption('--account <account>', 'whose it is: e-mail address or id')
    .requiredOption('--name <name>', 'what will use it')
    .requiredOption('--scopes <scopes>', 'what it may do, between commas', scopesFrom)
    .option(
      '--expires-in <time>',
      'how long it lives, like 90d; or never, where the settings allow',
      lifeFrom,
    )
    .option('--note <note>', 'a note of your own')
    .option('--ip-range <range...>', 'only from this address or range; one or more')
    .option('--idle-days <days>', 'ends when it is not used for so many days')
    .option('--origin <origin>', 'only from the pages of this web origin')
    .option(
      '--bound <bound...>',
      'like create_transaction.amount<=100 or create_transaction=20/day; one or more',
    )
    .option('--honey', 'one that opens nothing, to leave where nobody should look: its use is mailed')
    .action(answer(terminal, create));

  tokens
    .command('list')
    .description('lists the tokens of an account, live ones first')
    .requiredOption('--account <account>', 'e-mail address or id')
    .action(answer(terminal, list));

  tokens
    .command('revoke')
    .description('ends a token for good, from the next call on')
    .argument(
      '[id]',
      'id of the token, as tokens list shows it, or its whole value; also the value of a client secret, an access or a refresh token',
    )
    .option('--stdin', 'read the value from standard input, where no other user of this machine sees it')
    .action(
      answer(terminal, async (domain, id: string | undefined, { stdin = false }: { stdin?: boolean }) =>
        revoke(domain, stdin || id === '-' ? await lineFrom(terminal) : id),
      ),
    );

  addTokenLifeCommands(tokens, terminal);
}

async function create(domain: Domain, wanted: Wanted): Promise<Said> {
  const account = await accountFrom(domain, wanted.account);
  const life = wanted.expiresIn ?? domain.settings.tokens.defaultDays * DAY_SECONDS;
  const { name, scopes, note, honey } = wanted;
  const { ipRange: ipRanges, idleDays, origin, bound: bounds } = wanted;
  const narrowing = { ipRanges, idleDays, origin, bounds };
  const expiresAt = endOf(life, domain.clock());
  const token = { account, name, scopes, note, honey, narrowing, expiresAt };
  const { credential, value } = await domain.tokens.mint(token, OPERATOR);
  return mintedToken({ credential, value }, domain.clock());
}

async function list(domain: Domain, wanted: { account: string }): Promise<Said> {
  const account = await accountFrom(domain, wanted.account);
  const all = await domain.tokens.list(account.id);
  const now = domain.clock();
  const rows = all.map((token) => tokenCells(token, now));
  return { json: all.map((token) => tokenJson(token, now)), person: tableOf(TOKEN_HEADS, rows) };
}

/** By its id, or by its value, whatever kind of secret that is: a leaked one must be ended, not looked for. */
async function revoke(domain: Domain, given: string | undefined): Promise<Said> {
  if (given === undefined || given === '') throw nothingGiven();
  const format = checkFormat(given);
  if (format === 'damaged') throw damaged();
  const { credentials } = domain.rows;
  const row = await (format === 'ours' ? credentials.find('hash', hashOf(given)) : credentials.get(given));
  if (row !== undefined && (format === 'ours' || row.kind === 'personal_access_token')) {
    if (await end(domain, row))
      return { json: { id: row.id, revoked: true }, person: `${row.id} is revoked.` };
  }
  const ended = format === 'ours' || row !== undefined ? undefined : await endArtifact(domain, given);
  if (ended !== undefined) return ended;
  throw new Problem({
    status: 404,
    code: 'NO_SUCH_TOKEN',
    message: `There is no live token${named(given)}.`,
    hint: 'latchkey tokens list --account E-MAIL shows the ids; it may be revoked already.',
  });
}

/** Answers whether it was not revoked yet. */
async function end(domain: Domain, { id, kind, accountId, clientId }: Credential): Promise<boolean> {
  if (kind === 'personal_access_token') return domain.tokens.revoke({ accountId, id }, OPERATOR);
  const client = clientId === undefined ? undefined : await domain.clients.get(clientId);
  if (!isLiveClient(client)) return false;
  return domain.secrets.revoke({ kind: client.kind, accountId, clientId: client.id, id }, OPERATOR);
}

/** What an app or a service was given, by its value: an access token alone, a refresh token with all of its connection. */
async function endArtifact(domain: Domain, value: string): Promise<Said | undefined> {
  const { artifacts } = domain.rows;
  const row = await artifacts.get(artifactIdOf(value));
  if (row === undefined || row.revokedAt !== undefined) return undefined;
  if (row.model === 'AccessToken' || row.model === 'ClientCredentials') {
    if ((await artifacts.remove(row.id, [['model', '=', row.model]])) === undefined) return undefined;
    return { json: { kind: 'access_token', revoked: true }, person: 'The access token is revoked.' };
  }
  const { grantId } = row;
  if (row.model !== 'RefreshToken' || grantId === undefined) return undefined;
  if (!(await domain.grants.end(grantId, OPERATOR))) return undefined;
  return {
    json: { id: grantId, kind: 'refresh_token', revoked: true },
    person: 'The refresh token is revoked, and with it what its app was given beside it.',
  };
}

function nothingGiven(): Problem {
  return new Problem({
    status: 400,
    code: 'NO_SUCH_TOKEN',
    message: 'No token is named.',
    hint: 'Give its id or its value, or pipe the value in with --stdin.',
  });
}

function damaged(): Problem {
  return new Problem({
    status: 400,
    code: 'NO_SUCH_TOKEN',
    message: 'This looks like a token or a client secret, but it is cut off or mistyped.',
    hint: 'Copy all of it, or revoke by the id that latchkey tokens list shows.',
  });
}
