import { type Command, Option } from 'commander';
import { type Credential, stateOf } from '../credentials/credential.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { accountFrom, named, scopesFrom, secondsFrom } from './arguments.ts';
import { jsonTimeOf, listOf, type Said, timeOf } from './output.ts';
import { answer, OPERATOR, type Terminal } from './terminal.ts';
import { addNarrowingOptions, type NarrowingOptions, narrowingIn } from './token-narrowing.ts';
import { mintedToken, tokenFacts, tokenJson } from './token-output.ts';

/** `tokens rotate|pause|resume|edit`: what is done to a token while it lives. */
export function addTokenLifeCommands(tokens: Command, terminal: Terminal): void {
  const ofToken = (name: string, description: string) =>
    tokens
      .command(name)
      .description(description)
      .argument('<id>', 'id of the token, as tokens list shows it');

  ofToken('rotate', 'gives a token a new value and shows it this once; the old one ends after the overlap')
    .addOption(
      new Option(
        '--overlap <time>',
        'how long the old value works on, like 24h; 0 ends it now (default: 24h, or until it expires)',
      ).argParser(secondsFrom),
    )
    .action(answer(terminal, rotate));

  ofToken('pause', 'has a token open nothing until it is resumed, from the next call on').action(
    answer(terminal, (domain: Domain, id: string) => setPaused(domain, id, 'pause')),
  );

  ofToken('resume', 'has a paused token work again').action(
    answer(terminal, (domain: Domain, id: string) => setPaused(domain, id, 'resume')),
  );

  addNarrowingOptions(
    ofToken(
      'edit',
      'changes name, scopes and note of a token, or what narrows it, from the next call on; "" takes away',
    )
      .option('--name <name>', 'its new name')
      .option('--scopes <scopes>', 'all that it may do from now on, between commas', scopesFrom)
      .option('--note <note>', 'its new note'),
  ).action(answer(terminal, edit));
}

async function rotate(domain: Domain, id: string, { overlap }: { overlap?: number }): Promise<Said> {
  const { accountId } = await tokenFrom(domain, id);
  const account = await accountFrom(domain, accountId);
  const wanted = { account, overlapSeconds: overlap };
  const minted = await domain.tokens.rotate({ accountId, id }, wanted, OPERATOR);
  const old = await tokenFrom(domain, id);
  const oldEndsAt = old.revokedAt ?? old.expiresAt;
  const said = mintedToken(minted, domain.clock(), [['old value ends', timeOf(oldEndsAt, 'never')]]);
  return { ...said, json: { ...(said.json as object), replaces: id, old_ends_at: jsonTimeOf(oldEndsAt) } };
}

/** One that is so already is left as it is. */
async function setPaused(domain: Domain, id: string, act: 'pause' | 'resume'): Promise<Said> {
  const { accountId } = await tokenFrom(domain, id);
  await domain.tokens[act]({ accountId, id }, OPERATOR);
  const token = await tokenFrom(domain, id);
  const now = domain.clock();
  return { json: tokenJson(token, now), person: `${id} is ${stateOf(token, now)}.` };
}

type Edit = { name?: string; scopes?: string[]; note?: string } & NarrowingOptions;

/** One of two changes, so that no half of a command is done. */
async function edit(domain: Domain, id: string, wanted: Edit): Promise<Said> {
  const token = await tokenFrom(domain, id);
  const narrowing = narrowingIn(wanted, token.narrowing);
  const isNamed = [wanted.name, wanted.scopes, wanted.note].some((option) => option !== undefined);
  if (isNamed === (narrowing !== undefined)) throw isNamed ? twoChanges() : nothingToChange();
  const which = { accountId: token.accountId, id };
  const whole = {
    name: wanted.name ?? token.name,
    scopes: wanted.scopes ?? domain.scopes.declared(token.scopes),
    note: wanted.note ?? token.note ?? '',
  };
  const changed = await (narrowing === undefined
    ? domain.tokens.edit(which, whole, OPERATOR)
    : domain.tokens.narrow(which, narrowing, OPERATOR));
  return { json: tokenJson(changed, domain.clock()), person: listOf(tokenFacts(changed)) };
}

async function tokenFrom(domain: Domain, id: string): Promise<Credential> {
  const row = await domain.rows.credentials.get(id);
  if (row?.kind === 'personal_access_token') return row;
  throw new Problem({
    status: 404,
    code: 'NO_SUCH_TOKEN',
    message: `There is no token${named(id)}.`,
    hint: 'latchkey tokens list --account E-MAIL shows the ids.',
  });
}

function nothingToChange(): Problem {
  return new Problem({
    status: 400,
    code: 'NOTHING_TO_DO',
    message: 'Neither a name, nor scopes, nor a note are given, nor anything that narrows it.',
    hint: 'Say what is to change, with --name, --scopes, --note, --ip-range, --idle-days, --origin or --bound.',
  });
}

function twoChanges(): Problem {
  return new Problem({
    status: 400,
    code: 'NOTHING_TO_DO',
    message: 'What narrows a token is changed by itself; nothing was done.',
    hint: 'Run it once with --name, --scopes or --note, and once with the others.',
  });
}
