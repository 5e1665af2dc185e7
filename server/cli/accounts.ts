import type { Command } from 'commander';
import { type Account, isActive } from '../accounts/account.ts';
import type { Domain } from '../domain.ts';
import { Problem } from '../ground/errors.ts';
import { accountFrom } from './arguments.ts';
import { listAll } from './list-all.ts';
import { both, jsonTimeOf, listOf, type Said, tableOf, timeOf } from './output.ts';
import { passwordFrom } from './password.ts';
import { answer, OPERATOR, type Terminal } from './terminal.ts';

type Wanted = { email: string; admin?: boolean; passwordStdin?: boolean };

const ACCOUNT = ['<account>', 'e-mail address or id'] as const;

/** `accounts create|invite|invitations|uninvite|list|promote|demote|suspend|restore|reset-password|delete`. */
export function addAccountCommands(program: Command, terminal: Terminal): void {
  const accounts = program.command('accounts').description('people who sign in');

  accounts
    .command('create')
    .description('makes an account whose e-mail address counts as verified')
    .requiredOption('--email <email>', 'its e-mail address')
    .option('--admin', 'may use /admin and make admin services')
    .option('--password-stdin', 'read its password from standard input (default: ask for it at the terminal)')
    .action(answer(terminal, (domain, wanted: Wanted) => create(domain, wanted, terminal)));

  accounts
    .command('invite')
    .description('mails somebody a link to make an account, good for a week and once')
    .requiredOption('--email <email>', 'where the link goes')
    .action(answer(terminal, invite));

  accounts
    .command('invitations')
    .description('lists the invitations that are open')
    .action(answer(terminal, listInvitations));

  accounts
    .command('uninvite')
    .description('withdraws an invitation: its link opens nothing any more')
    .requiredOption('--email <email>', 'where the link went')
    .action(answer(terminal, uninvite));

  accounts.command('list').description('lists all accounts, oldest first').action(answer(terminal, list));

  const acts: [name: string, description: string, act: (domain: Domain, which: string) => Promise<Said>][] = [
    ['promote', 'makes an account an admin', promote],
    ['demote', 'makes an admin an ordinary account, signed out everywhere; not the last one', demote],
    [
      'suspend',
      'stops everything of an account: sign-in, tokens, services, apps; not the last admin',
      suspend,
    ],
    [
      'end-access',
      'ends its sessions, tokens, services, secrets and connected apps; it may sign in',
      endAccess,
    ],
    ['restore', 'takes a suspension back', restore],
    ['reset-password', 'prints a link to choose a new password', resetPassword],
    ['delete', 'ends all that an account has, and removes it for good; not the last admin', remove],
  ];
  for (const [name, description, act] of acts) {
    accounts
      .command(name)
      .description(description)
      .argument(...ACCOUNT)
      .action(answer(terminal, act));
  }
}

async function create(domain: Domain, wanted: Wanted, terminal: Terminal): Promise<Said> {
  const password = await passwordFrom(terminal, { fromStdin: wanted.passwordStdin === true });
  domain.passwords.requireGood(password, wanted);
  const passwordHash = await domain.passwords.hash(password);
  const { email, admin = false } = wanted;
  return saidOf(await domain.accounts.create({ email, passwordHash, admin }, OPERATOR));
}

async function invite(domain: Domain, wanted: { email: string }): Promise<Said> {
  const { email, expiresAt } = await domain.mailedInvitations.invite(wanted.email, OPERATOR);
  return {
    json: { email, expires_at: jsonTimeOf(expiresAt) },
    person: `${email} gets a mail with a link, good until ${timeOf(expiresAt, '')} and for one account.`,
  };
}

async function listInvitations(domain: Domain): Promise<Said> {
  const open = [['expiresAt', '>', domain.clock()]] as const;
  const all = await listAll(domain.rows.mailedInvitations, { where: open, order: { by: 'expiresAt' } });
  const cells = all.map((row) => [row.email, timeOf(row.createdAt, ''), timeOf(row.expiresAt, '')]);
  return {
    json: all.map(({ email, createdAt, expiresAt }) => ({
      email,
      created_at: jsonTimeOf(createdAt),
      expires_at: jsonTimeOf(expiresAt),
    })),
    person: tableOf(['e-mail', 'invited', 'good until'], cells),
  };
}

async function uninvite(domain: Domain, wanted: { email: string }): Promise<Said> {
  const { email } = await domain.mailedInvitations.withdraw(wanted.email, OPERATOR);
  return {
    json: { email, withdrawn: true },
    person: `The link that ${email} was mailed opens nothing any more.`,
  };
}

async function list(domain: Domain): Promise<Said> {
  const all = await listAll(domain.rows.accounts, { order: { by: 'createdAt' } });
  return { json: all.map(jsonOf), person: tableOf(HEADS, all.map(cellsOf)) };
}

async function suspend(domain: Domain, which: string): Promise<Said> {
  const account = await accountFrom(domain, which);
  const changed = await domain.admins.suspend(account, OPERATOR);
  return saidOf(changed ?? refuse(account, 'is suspended already'));
}

async function restore(domain: Domain, which: string): Promise<Said> {
  const account = await accountFrom(domain, which);
  const changed = await domain.accounts.restore(account.id, OPERATOR);
  return saidOf(changed ?? refuse(account, 'is not suspended'));
}

async function endAccess(domain: Domain, which: string): Promise<Said> {
  return saidOf(await domain.endings.endAccess(await accountFrom(domain, which), OPERATOR));
}

async function promote(domain: Domain, which: string): Promise<Said> {
  const account = await accountFrom(domain, which);
  return saidOf(
    (await domain.accounts.promote(account, OPERATOR)) ??
      refuse(account, account.admin ? 'is an admin already' : 'is suspended'),
  );
}

async function demote(domain: Domain, which: string): Promise<Said> {
  const account = await accountFrom(domain, which);
  return saidOf((await domain.admins.demote(account, OPERATOR)) ?? refuse(account, 'is no admin'));
}

async function resetPassword(domain: Domain, which: string): Promise<Said> {
  const account = await accountFrom(domain, which);
  const { url, expiresAt } = await domain.resets.linkFor(account, OPERATOR);
  const facts = listOf([
    ['account', account.email],
    ['link', url],
    ['works until', timeOf(expiresAt, '')],
  ]);
  const json = { account_id: account.id, email: account.email, url, expires_at: jsonTimeOf(expiresAt) };
  return { json, person: both(facts, 'Whoever opens it chooses the password: hand it to its owner only.') };
}

async function remove(domain: Domain, which: string): Promise<Said> {
  const account = await accountFrom(domain, which);
  const state = await domain.removal.remove(account, OPERATOR);
  const { id, email } = account;
  if (state === 'done') return { json: { id, email, deleted: true }, person: `${email} is deleted.` };
  const goesOn = 'nothing of it works any more, and the server ends the rest.';
  return {
    json: { id, email, deleted: false, being_deleted: true },
    person: `${email} is being deleted: ${goesOn}`,
  };
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
