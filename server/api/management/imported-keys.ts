import { z } from 'zod';
import type { KeyOutcome } from '../../access/key-import.ts';
import { KEYS_IMPORTED_MAX } from '../../ground/limits.ts';
import { bodyOf, type ManagementEndpoint } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const keysBody = z.strictObject({
  keys: z.array(z.unknown()).min(1).max(KEYS_IMPORTED_MAX),
  make_accounts: z.boolean().default(false),
  dry_run: z.boolean().default(false),
});

/** `/imported-keys`: keys that exist already are taken over by their SHA-256. */
export function importedKeyEndpoints({ keyImport }: ManagementDependencies): ManagementEndpoint[] {
  return [
    {
      method: 'POST',
      path: '/imported-keys',
      async answer({ ctx, actor, caller }) {
        const { keys, make_accounts: makeAccounts, dry_run: dryRun } = await bodyOf(ctx, keysBody);
        const options = { makeAccounts, dryRun, ownerId: caller.account.id };
        const outcomes = await keyImport.begin(options, actor).take(keys);
        const count = (...states: KeyOutcome['state'][]) =>
          outcomes.filter(({ state }) => states.includes(state)).length;
        return {
          dry_run: dryRun,
          imported: count('imported', 'would be imported'),
          known: count('known'),
          refused: count('refused'),
          items: outcomes.map(itemOf),
        };
      },
    },
  ];
}

function itemOf(outcome: KeyOutcome, index: number) {
  const { state } = outcome;
  if (state === 'refused') {
    const { code: status, message, hint, parameter = null } = outcome.problem;
    return { number: index + 1, state, error: { status, message, hint, parameter } };
  }
  if (state === 'would be imported') return { number: index + 1, state: 'imported' };
  return { number: index + 1, state, token_id: outcome.tokenId, account_id: outcome.accountId };
}
