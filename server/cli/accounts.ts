import type { Command } from 'commander';
import { type Account, isActive } from '../accounts/account.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { accountFrom, passwordFrom } from './arguments.ts';
import { listAll } from './list-all.ts';
import { jsonTimeOf, listOf, type Said, tableOf, timeOf } from './output.ts';
import { answer, OPERATOR, type Terminal } from './terminal.ts';

type Wanted = { email: string; admin?: boolean };

/** `accounts create|list|suspend|restore`. */
export function addAccountCommands(program: Command, terminal: Terminal): void {
  const accounts = program.command('accounts').description('people who sign in');

  accounts
    .command('create')
    .description('makes an account whose e-mail address counts as verified')
    .requiredOption('--email <email>', 'its e-mail address')
    .option('--admin', 'may use /admin and make admin services')
    .requiredOption('--password-stdin', 'read its password from standard input')
    .action(answer(terminal, (domain, wanted: Wanted) => create(domain, wanted, terminal)));

  accounts.command('list').description('lists all accounts, oldest first').action(answer(terminal, list));

  accounts
    .command('suspend')
    .description('stops everything of an account: sign-in, tokens, services, apps')
    .argument('<account>', 'e-mail address or id')
    .action(answer(terminal, suspend));

  accounts
    .command('restore')
    .description('takes a suspension back')
    .argument('<account>', 'e-mail address or id')
    .action(answer(terminal, restore));
}

async function create(domain: Domain, wanted: Wanted, terminal: Terminal): Promise<Said> {
  const password = await passwordFrom(terminal);
  domain.passwords.requireGood(password, wanted);
  const passwordHash = await domain.passwords.hash(password);
  const { email, admin = false } = wanted;
  return saidOf(await domain.accounts.create({ email, passwordHash, admin }, OPERATOR));
}

async function list(domain: Domain): Promise<Said> {
  const all = await listAll(domain.rows.accounts, { order: { by: 'createdAt' } });
  return { json: all.map(jsonOf), person: tableOf(HEADS, all.map(cellsOf)) };
}

async function suspend(domain: Domain, which: string): Promise<Said> {
  const account = await accountFrom(domain, which);
  const changed = await domain.accounts.suspend(account.id, OPERATOR);
  return saidOf(changed ?? refuse(account, 'is suspended already'));
}

async function restore(domain: Domain, which: string): Promise<Said> {
  const account = await accountFrom(domain, which);
  const changed = await domain.accounts.restore(account.id, OPERATOR);
  return saidOf(changed ?? refuse(account, 'is not suspended'));
}

function refuse(account: Account, because: string): never {
  throw new Problem({
    status: 409,
    code: 'NOTHING_TO_DO',
    message: `${account.email} ${because}.`,
    hint: 'There was nothing to do.',
  });
}

const HEADS = ['id', 'e-mail', 'admin', 'state', 'created'];

function cellsOf(account: Account): string[] {
  const { id, email, admin, createdAt } = account;
  return [id, email, admin ? 'admin' : '', stateOf(account), timeOf(createdAt, '')];
}

function jsonOf(account: Account) {
  const { id, email, admin, createdAt, suspendedAt } = account;
  const times = { created_at: jsonTimeOf(createdAt), suspended_at: jsonTimeOf(suspendedAt) };
  return { id, email, admin, state: stateOf(account), ...times };
}

function saidOf(account: Account): Said {
  const cells = cellsOf(account);
  return { json: jsonOf(account), person: listOf(HEADS.map((head, index) => [head, cells[index] ?? ''])) };
}

function stateOf(account: Account): 'active' | 'suspended' {
  return isActive(account) ? 'active' : 'suspended';
}
