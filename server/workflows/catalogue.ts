import type { Bearer } from '../access/bearer.ts';
import { requireScopes } from '../access/required-scopes.ts';
import { covers, narrowAdminScope, workflowScope } from '../credentials/scopes.ts';
import { Problem } from '../ground/errors.ts';
import { nearMissHint } from '../ground/near-miss.ts';
import type { Workflow } from './workflow.ts';

/** Which workflows there are, built-in ones too, and who may call which. `url` is the server's, for hints. */
export function createCatalogue(workflows: Iterable<Workflow>, url: string) {
  const byName = new Map([...workflows].map((workflow) => [workflow.name, workflow]));

  /** What the scopes of this caller allow, or what anyone may call. */
  function callableBy(caller: Bearer | undefined): Workflow[] {
    const scopes = caller?.scopes ?? [];
    return [...byName.values()].filter((workflow) => {
      const needed = scopeFor(workflow);
      return needed === undefined || covers(scopes, needed);
    });
  }

  return {
    /** All of them, as they were declared. */
    all: [...byName.values()] as readonly Workflow[],

    get: (name: string): Workflow | undefined => byName.get(name),

    callableBy,

    /** Throws 403 where this caller may not call it. */
    requireRights(caller: Bearer, workflow: Workflow): void {
      const needed = scopeFor(workflow);
      if (needed === undefined) return;
      requireScopes(caller, [needed], url);
      if (workflow.callers === 'admin' && !caller.account.admin) throw noLongerAdmin();
    },

    /** The answer to a name that no workflow has. It names only what this caller may call. */
    noSuchWorkflow(name: string, caller: Bearer | undefined): Problem {
      const callable = callableBy(caller).map((workflow) => workflow.name);
      const list = callable.slice(0, 10).join(', ');
      const otherwise =
        caller === undefined
          ? `Without a token may be called: ${list || 'none'}. Send one for the others.`
          : `This token may call: ${list === '' ? 'no workflow, its scopes name none' : list}.`;
      return new Problem({
        status: 404,
        code: 'NOT_FOUND',
        message: 'There is no workflow of that name.',
        hint: nearMissHint(name, callable, otherwise),
      });
    },
  };
}

/** The scope that a caller needs; undefined where anyone may call. */
export function scopeFor({ callers, name }: Workflow): string | undefined {
  if (callers === 'anyone') return undefined;
  const scope = workflowScope(name);
  // Narrow: `admin` covers it, and nobody is told to ask for more than the one workflow.
  return callers === 'admin' ? narrowAdminScope(scope) : scope;
}

function noLongerAdmin(): Problem {
  return new Problem({
    status: 403,
    code: 'FORBIDDEN',
    message: 'The account behind this token is no admin any more.',
    hint: 'Have an admin make a service of their own.',
  });
}
