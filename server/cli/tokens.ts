import type { Command } from 'commander';
import type { Credential } from '../credentials/credential.ts';
import { stateOf } from '../credentials/credential.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import { accountFrom, endOf, lifeFrom, scopesFrom } from './arguments.ts';
import { jsonTimeOf, listOf, type Said, tableOf, timeOf } from './output.ts';
import { answer, OPERATOR, type Options, type Terminal } from './terminal.ts';

type Wanted = Options & {
  account: string;
  name: string;
  scopes: string[];
  expiresIn?: number | 'never';
  note?: string;
};

/** `tokens create|list|revoke`: personal access tokens. */
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
    .option('--json', 'print JSON')
    .action((wanted: Wanted) => answer(terminal, wanted, (domain) => create(domain, wanted)));

  tokens
    .command('list')
    .description('lists the tokens of an account, live ones first')
    .requiredOption('--account <account>', 'e-mail address or id')
    .option('--json', 'print JSON')
    .action((options: Options & { account: string }) =>
      answer(terminal, options, (domain) => list(domain, options.account)),
    );

  tokens
    .command('revoke')
    .description('ends a token for good, from the next call on')
    .argument('<id>', 'id of the token, as tokens list shows it')
    .option('--json', 'print JSON')
    .action((id: string, options: Options) => answer(terminal, options, (domain) => revoke(domain, id)));
}

async function create(domain: Domain, wanted: Wanted): Promise<Said> {
  const account = await accountFrom(domain, wanted.account);
  const life = wanted.expiresIn ?? domain.settings.tokens.defaultDays * DAY_SECONDS;
  const { name, scopes, note } = wanted;
  const expiresAt = endOf(life, domain.clock());
  const { credential, value } = await domain.tokens.mint(
    { account, name, scopes, expiresAt, note },
    OPERATOR,
  );
  const facts = [
    ['token', value],
    ['id', credential.id],
    ['name', credential.name],
    ['scopes', credential.scopes.join(' ')],
    ['expires', timeOf(credential.expiresAt, 'never')],
  ] as const;
  const person = `${listOf(facts)}\n\nCopy the token now: it is kept nowhere and cannot be shown again.`;
  return { json: { ...jsonOf(credential, domain.clock()), token: value }, person };
}

async function list(domain: Domain, owner: string): Promise<Said> {
  const account = await accountFrom(domain, owner);
  const all = await domain.tokens.list(account.id);
  const now = domain.clock();
  return {
    json: all.map((token) => jsonOf(token, now)),
    person: tableOf(
      HEADS,
      all.map((token) => cellsOf(token, now)),
    ),
  };
}

async function revoke(domain: Domain, id: string): Promise<Said> {
  const token = await domain.rows.credentials.get(id);
  if (token?.kind !== 'personal_access_token') throw nothingToRevoke(id);
  if (!(await domain.tokens.revoke({ accountId: token.accountId, id }, OPERATOR))) throw nothingToRevoke(id);
  return { json: { id, revoked: true }, person: `${id} is revoked.` };
}

function nothingToRevoke(id: string): Problem {
  return new Problem({
    status: 404,
    code: 'NO_SUCH_TOKEN',
    message: `There is no live token ${JSON.stringify(id)}.`,
    hint: 'latchkey tokens list --account E-MAIL shows the ids; it may be revoked already.',
  });
}

const HEADS = ['id', 'name', 'token', 'scopes', 'state', 'created', 'expires', 'last used'];

function cellsOf(token: Credential, now: number): string[] {
  return [
    token.id,
    token.name,
    `…${token.lastFour}`,
    token.scopes.join(' '),
    stateOf(token, now),
    timeOf(token.createdAt, ''),
    timeOf(token.expiresAt, 'never'),
    timeOf(token.lastUsedAt, 'never'),
  ];
}

function jsonOf(token: Credential, now: number) {
  return {
    id: token.id,
    name: token.name,
    account_id: token.accountId,
    last_four: token.lastFour,
    scopes: token.scopes,
    note: token.note ?? null,
    state: stateOf(token, now),
    created_at: jsonTimeOf(token.createdAt),
    expires_at: jsonTimeOf(token.expiresAt),
    last_used_at: jsonTimeOf(token.lastUsedAt),
    revoked_at: jsonTimeOf(token.revokedAt),
  };
}
