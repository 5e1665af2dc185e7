import { join } from 'node:path';
import type { Command } from 'commander';
import type { Explanation } from '../data/explanation.ts';
import {
  explanationForPrograms,
  findsInWords,
  grantedInWords,
  heldInWords,
} from '../data/shown-explanation.ts';
import type { Domain } from '../domain.ts';
import { shownPath } from '../ground/config-folder.ts';
import { Problem } from '../ground/errors.ts';
import { lineFrom } from './arguments.ts';
import { both, type Fact, listOf, type Said, type Shown, tableOf } from './output.ts';
import { answer, OPERATOR, type Terminal } from './terminal.ts';

type Wanted = {
  token?: string;
  tokenStdin?: boolean;
  account?: string;
  client?: string;
  type: string;
  id?: string;
};

/** `explain`: which rule of a data type grants or refuses what to a caller. */
export function addExplainCommand(program: Command, terminal: Terminal): void {
  program
    .command('explain')
    .description(
      'says which rule of a data type gives which right to a caller, and what they see; without any, to who has no token',
    )
    .requiredOption('--type <type>', 'name of the data type')
    .option('--id <id>', 'one record: its owner reads in their activity that it was looked at')
    .option('--account <account>', 'what an account may do: e-mail address or id')
    .option(
      '--client <id>',
      'what a service may do, or an app for that account with all scopes that it may ask for',
    )
    .option(
      '--token <token>',
      'what a token may do: its id, or its value, which stays in the history of the shell',
    )
    .option('--token-stdin', 'read the value of the token from standard input, where nobody else sees it')
    .action(answer(terminal, (domain: Domain, wanted: Wanted) => explain(terminal, domain, wanted)));
}

async function explain(terminal: Terminal, domain: Domain, wanted: Wanted): Promise<Said> {
  const { token, tokenStdin = false, account, client, id } = wanted;
  const opened = domain.types.get(wanted.type);
  if (opened === undefined) throw noSuchType(domain);
  if (
    [token !== undefined, tokenStdin, account !== undefined || client !== undefined].filter(Boolean).length >
    1
  )
    throw twoCallers();
  // A key of foreign form may look like an id.
  const isId = token !== undefined && (await domain.rows.credentials.get(token)) !== undefined;
  const value = tokenStdin ? await lineFrom(terminal) : token;
  const whom = isId ? { credential: token } : { value, account, client };
  const explanation = await domain.explain(opened, whom, { id, by: OPERATOR });
  return { json: explanationForPrograms(explanation), person: personal(explanation) };
}

function personal(explanation: Explanation): Shown {
  const { caller, passes, record } = explanation;
  const facts: Fact[] = [
    ['caller', caller.words],
    ...(caller.scopes.length === 0 ? [] : [['scopes', caller.scopes.join(' ')] as const]),
    ...caller.obstacles.map((line): Fact => ['but', line]),
    ...caller.places.map((line): Fact => ['works', line]),
    ['past the rules', passes.read.why],
    ...(passes.write.why === passes.read.why ? [] : [['for writes', passes.write.why] as const]),
    ['finds', findsInWords(explanation)],
    ...(record === undefined ? [] : [['record', record.id] as const]),
    ['in lists', grantedInWords(explanation.find, explanation)],
    ['by its id', grantedInWords(explanation.get, explanation)],
    ['create', grantedInWords(explanation.create, explanation)],
    ['delete', grantedInWords(explanation.delete, explanation)],
  ];
  const fields = explanation.fields.map(({ name, view, constrain, change }) => [
    name,
    ...[view, constrain, change].map((granted) => grantedInWords(granted, explanation)),
  ]);
  const rules = explanation.rules.map(({ name, held, gives, when, because }) => [
    name,
    heldInWords(held, explanation),
    gives,
    when,
    because.join('; '),
  ]);
  const tables = both(
    tableOf(['field', 'sees', 'searches and sorts', 'changes'], fields),
    rules.length === 0
      ? 'The type has no rules.'
      : tableOf(['rule', 'holds', 'gives', 'where', 'because'], rules),
  );
  return both(listOf(facts), tables);
}

function noSuchType({ types, settings }: Domain): Problem {
  const names = [...types.keys()];
  const folder = shownPath(join(settings.config, 'types'));
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: 'There is no data type of that name.',
    hint: names.length === 0 ? `None is declared in ${folder}.` : `There are: ${names.join(', ')}.`,
  });
}

function twoCallers(): Problem {
  return new Problem({
    status: 400,
    code: 'INVALID_DATA',
    message: 'More than one caller is named.',
    hint: 'Name a token, or an account with the app that acts for it, or a service.',
  });
}
