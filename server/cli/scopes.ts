import type { Command } from 'commander';
import type { Domain } from '../domain.ts';
import { type Said, tableOf } from './output.ts';
import { answer, type Terminal } from './terminal.ts';

/** Who may be given a scope. */
const FOR = {
  account: 'tokens, services, apps',
  admin: 'services of admins',
  app: 'apps',
};

/** `scopes list`: what a credential may be allowed to do here. */
export function addScopeCommands(program: Command, terminal: Terminal): void {
  const scopes = program.command('scopes').description('what a credential may be allowed to do');
  scopes.command('list').description('lists all scopes').action(answer(terminal, list));
}

async function list(domain: Domain): Promise<Said> {
  const all = domain.scopes.all.map(({ name, description, access }) => ({
    name,
    description,
    for: FOR[access],
  }));
  const rows = all.map((scope) => [scope.name, scope.for, scope.description]);
  return { json: all, person: tableOf(['scope', 'for', 'what it allows'], rows) };
}
