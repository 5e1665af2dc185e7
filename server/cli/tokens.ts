import type { Command } from 'commander';
import type { Known } from '../access/leaks.ts';
import { checkFormat } from '../credentials/secret-format.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { accountFrom, endOf, lifeFrom, lineFrom, named, scopesFrom } from './arguments.ts';
import { type Said, tableOf } from './output.ts';
import { answer, OPERATOR, type Terminal } from './terminal.ts';
import { addTokenLifeCommands } from './token-life.ts';
import { addNarrowingOptions, type NarrowingOptions, narrowingIn } from './token-narrowing.ts';
import { mintedToken, TOKEN_HEADS, tokenCells, tokenJson } from './token-output.ts';

type Wanted = {
  account: string;
  name: string;
  scopes: string[];
  expiresIn?: number | 'never';
  note?: string;
  honey?: boolean;
} & NarrowingOptions;

/** `tokens create|list|revoke`, and those of a token's life: personal access tokens. */
export function addTokenCommands(program: Command, terminal: Terminal): void {
  const tokens = program.command('tokens').description('personal access tokens');

  addNarrowingOptions(tokens.command('create'))
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
  const narrowing = narrowingIn(wanted);
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

/**
 * By its id, or by its value, whatever kind of secret that is: who holds a value has it from somewhere, so it ends as one
 * that has leaked, and its owner is told.
 */
async function revoke(domain: Domain, given: string | undefined): Promise<Said> {
  if (given === undefined || given === '') throw nothingGiven();
  if (checkFormat(given) === 'damaged') throw damaged();
  // A report leaves a honey token where it lies; who revokes it wants it away.
  const known = await domain.leaks.identify(given);
  const row = await domain.rows.credentials.get(known?.isHoney ? known.id : given);
  if (row?.kind === 'personal_access_token') {
    const { id, kind, accountId } = row;
    if (await domain.tokens.revoke({ accountId, id }, OPERATOR))
      return { json: { id, kind, revoked: true }, person: `${id} is revoked.` };
  }
  const [ended] = await domain.leaks.revoke([{ value: given }], OPERATOR);
  if (ended !== undefined) return saidOfEnded(ended);
  throw new Problem({
    status: 404,
    code: 'NO_SUCH_TOKEN',
    message: `There is no live token${named(given)}.`,
    hint: 'latchkey tokens list --account E-MAIL shows the ids; it may be revoked already.',
  });
}

/** What was revoked by its value; of what an app or a service was given, its client. */
function saidOfEnded({ kind, id, name }: Known): Said {
  switch (kind) {
    case 'access_token':
      return {
        json: { client_id: id, kind, revoked: true },
        person: `The access token of ${name} is revoked, and its owner is told by mail.`,
      };
    case 'refresh_token':
      return {
        json: { client_id: id, kind, revoked: true },
        person: `The refresh token of ${name} is revoked, and with it what was given beside it. Its owner is told by mail.`,
      };
    default:
      return {
        json: { id, kind, revoked: true },
        person: `${id} is revoked, and its owner is told by mail.`,
      };
  }
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
