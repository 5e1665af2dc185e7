import { z } from 'zod';
import type { Account } from '../accounts/account.ts';
import type { Accounts } from '../accounts/accounts.ts';
import type { Scopes } from '../credentials/scopes.ts';
import type { Tokens } from '../credentials/tokens.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { NAME_LENGTH_MAX, OVERLAP_DAYS_MAX } from '../ground/limits.ts';
import type { Settings } from '../ground/settings.ts';
import { DAY_SECONDS, MINUTE_SECONDS } from '../ground/time.ts';
import { defineWorkflow, type Workflow } from './workflow.ts';

/** What is known of the built-in workflow without running anything. Its name is taken. */
export const ISSUE_TOKEN = {
  name: 'issue_token',
  description: 'Make a personal access token for a user who gives their e-mail and password',
  callers: 'admin',
} as const;

/** Less is gone before the user has put it to use. */
const LIFE_SECONDS_MIN = MINUTE_SECONDS;

/**
 * POST /api/1.1/wf/issue_token: a service of the app's owner logs a user in and gets a personal access
 * token of theirs, in the place of the one that it got under the same name before. Not staged like the workflows of
 * the owner: the token is one row, written with its audit entry and mail.
 */
export function createIssueToken(parts: {
  accounts: Pick<Accounts, 'checkPassword'>;
  tokens: Pick<Tokens, 'issue'>;
  scopes: Pick<Scopes, 'forIssuing'>;
  clock: Clock;
  settings: Pick<Settings, 'url' | 'tokens'>;
}): Workflow {
  const { accounts, tokens, scopes, clock, settings } = parts;
  const { defaultDays, maxDays } = settings.tokens;

  return defineWorkflow({
    ...ISSUE_TOKEN,
    parameters: parametersFor(defaultDays * DAY_SECONDS, maxDays * DAY_SECONDS),
    returns: z.object({ token: z.string(), user_id: z.string(), expires: z.number() }),
    async run({ parameters, caller, request }) {
      const { email, password, expires_in: lifeSeconds, replace, overlap: overlapSeconds } = parameters;
      const service = caller.client ?? { id: ISSUE_TOKEN.name, name: ISSUE_TOKEN.name };
      const account = await signedIn({ email, password, service: caller.client?.id ?? caller.accountId });
      const name = parameters.name ?? service.name;
      const expiresAt = clock() + lifeSeconds;
      const { credential, value } = await tokens.issue(
        { account, service, name, replace, overlapSeconds, scopes: scopes.forIssuing, expiresAt },
        {
          kind: 'client',
          id: caller.client?.id,
          from: request.from,
          requestId: request.id,
          reason: caller.client?.reason,
        },
      );
      return { token: value, user_id: account.id, expires: expiresAt - credential.createdAt };
    },
  });

  /**
   * One answer for an unknown e-mail, a wrong password and an account that may not sign in. Guesses are
   * counted for each e-mail, not for the caller's address: all users of a service come from the one
   * address it has.
   */
  async function signedIn(login: { email: string; password: string; service: string }): Promise<Account> {
    try {
      return await accounts.checkPassword(login);
    } catch (error) {
      if (!(error instanceof Problem) || error.status === 429 || error.status >= 500) throw error;
      throw new Problem({
        status: 400,
        code: 'INVALID_DATA',
        message: `Invalid data for workflow ${ISSUE_TOKEN.name}: this e-mail and password open no account`,
        hint: `Check both. People who have no password here make their token at ${settings.url}/tokens.`,
      });
    }
  }
}

function parametersFor(lifeSecondsDefault: number, lifeSecondsMax: number) {
  return {
    email: {
      schema: z.string().min(3).max(320),
      description: "The user's e-mail address",
      example: 'user@example.com',
    },
    password: {
      schema: z.string().min(1).max(1024),
      description: "The user's password",
      example: 'their password',
    },
    expires_in: {
      schema: z.number().int().min(LIFE_SECONDS_MIN).max(lifeSecondsMax).default(lifeSecondsDefault),
      description: `How long the token lives, in seconds (${lifeSecondsDefault} when left out)`,
      example: lifeSecondsDefault,
    },
    name: {
      schema: z.string().min(1).max(NAME_LENGTH_MAX).optional(),
      description: 'What the user will see the token called (the name of the service when left out)',
      example: 'Their phone',
    },
    replace: {
      schema: z.boolean().default(true),
      description: 'Whether the token that this service issued to the user under the same name before ends',
      example: true,
    },
    overlap: {
      schema: z
        .number()
        .int()
        .min(0)
        .max(OVERLAP_DAYS_MAX * DAY_SECONDS)
        .default(0),
      description: 'For how many seconds the token that is replaced works on',
      example: 60,
    },
  } satisfies Workflow['parameters'];
}
