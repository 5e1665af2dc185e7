import type { Bearer } from '../../access/bearer.ts';
import { requireScopes } from '../../access/required-scopes.ts';
import { covers, dataScope, narrowAdminScope } from '../../credentials/scopes.ts';
import { passesRules, type Verb } from '../../data/access.ts';
import { createPrivacy } from '../../data/privacy.ts';
import { NOBODY } from '../../data/resolve.ts';
import type { OpenType } from '../../data/rows.ts';
import type { DataType } from '../../data/type.ts';
import { Problem } from '../../ground/errors.ts';
import { nearMissHint } from '../../ground/near-miss.ts';

/** Which types there are for a caller, and what their token allows. `url` is the server's, for hints. */
export function createDataRights(types: ReadonlyMap<string, OpenType>, url: string) {
  /** What some rule lets be seen by whoever comes may be read without a token. */
  const forAnyone = new Set(
    [...types.values()].filter(({ type }) => createPrivacy(type, NOBODY).there !== false),
  );

  return {
    isForAnyone: (opened: OpenType): boolean => forAnyone.has(opened),

    /** The type of this name, if the caller may do this with its records. Throws Problem 404 and 403. */
    requireType(name: string, caller: Bearer, verb: Verb): OpenType {
      const opened = types.get(name);
      if (opened === undefined || !mayKnow(caller, opened.type)) throw noSuchType(name, caller, types);
      requireScopes(caller, [scopeFor(opened.type, verb)], url);
      return opened;
    },
  };
}

/** A type without rules is there for those only who pass them. */
function mayKnow(caller: Bearer, { name, rules }: DataType): boolean {
  return rules.length > 0 || passesRules(caller, name, 'read') || passesRules(caller, name, 'write');
}

/** Of a type without rules there is only the scope that passes them. */
function scopeFor({ name, rules }: DataType, verb: Verb): string {
  const scope = dataScope(name, verb);
  return rules.length > 0 ? scope : narrowAdminScope(scope);
}

function noSuchType(name: string, caller: Bearer, types: ReadonlyMap<string, OpenType>): Problem {
  const theirs = [...types.values()]
    .map(({ type }) => type)
    .filter(
      (type) =>
        mayKnow(caller, type) &&
        (['read', 'write'] as const).some((verb) => covers(caller.scopes, scopeFor(type, verb))),
    )
    .map((type) => type.name);
  const list = theirs.slice(0, 10).join(', ');
  return new Problem({
    status: 404,
    code: 'NOT_FOUND',
    message: 'There is no data type of that name.',
    hint: nearMissHint(
      name,
      theirs,
      `This token may reach: ${list === '' ? 'no data, its scopes name none' : list}.`,
    ),
  });
}
