import type { Context } from 'koa';
import { errors } from 'oidc-provider';
import type { Collection } from '../../adapters/port.ts';
import type { Artifact } from '../access/artifact.ts';
import type { Account } from '../accounts/account.ts';
import type { Client } from '../credentials/client.ts';
import type { Effects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import type { Sessions } from './browser-sessions.ts';
import type { Engine } from './engine.ts';

/** One waiting authorization request: what the engine still misses, and for whom. */
export type Waiting = {
  uid: string;
  prompt: 'login' | 'consent';
  client: Client;
  /** Who is signed in in this browser, if anybody. */
  accountId: string | undefined;
  redirectUri: string;
  /** All that the app asks for, of what it is registered for. */
  scopes: string[];
  /** What of it was not granted before. */
  newScopes: string[];
  loginHint: string | undefined;
  /** When the request began to wait, epoch seconds: a sign-in before that is no answer to it. */
  startedAt: number;
  /** The app wants the person to prove themselves again (`prompt=login`, `max_age`). */
  freshNeeded: boolean;
};

type EngineInteraction = Awaited<ReturnType<Engine['interactionDetails']>>;

export type Interactions = ReturnType<typeof createInteractions>;

/**
 * Sign-in and consent inside an authorization. Each step ends by going back to the engine, which finds what
 * is still missing; no step knows the next. Answers are locations for a 303.
 */
export function createInteractions(parts: {
  engine: Engine;
  sessions: Sessions;
  artifacts: Collection<Artifact>;
  effects: Effects;
  /** The client, unless it or its owner's account is ended. */
  findClient: (id: string) => Promise<Client | undefined>;
  clock: Clock;
}) {
  const { engine, sessions, artifacts, effects, findClient, clock } = parts;

  async function details(ctx: Context): Promise<EngineInteraction> {
    try {
      return await engine.interactionDetails(ctx.req, ctx.res);
    } catch (error) {
      if (error instanceof errors.SessionNotFound) throw tooOld(error);
      throw error;
    }
  }

  /**
   * What is granted in the end is what was asked for in the beginning. If its developer changed the app since, the
   * page could show less than that, or the answer go where it no longer belongs: then the request starts again.
   */
  async function requireUnchanged(
    interaction: EngineInteraction,
    client: Client,
    missing: ReturnType<typeof missingOf>,
  ): Promise<void> {
    const engineClient = await engine.Client.find(client.id);
    const goesTo = String(interaction.params.redirect_uri);
    const wanted = [...missing.oidc, ...Object.values(missing.resources).flat()];
    const isSame = wanted.every((scope) => client.scopes.includes(scope));
    if (!isSame || engineClient?.redirectUriAllowed(goesTo) !== true) throw tooOld(undefined);
  }

  /** The same request from the start: the engine asks again for whatever this browser now misses. */
  function restartLocation(interaction: EngineInteraction, withoutLogin: boolean): string {
    const query = new URLSearchParams();
    for (const [name, value] of Object.entries(interaction.params)) {
      for (const one of Array.isArray(value) ? value : [value]) {
        if (one !== undefined && one !== null) query.append(name, String(one));
      }
    }
    if (withoutLogin) {
      const prompts = (query.get('prompt') ?? '')
        .split(' ')
        .filter((prompt) => !['', 'login', 'select_account'].includes(prompt));
      query.delete('prompt');
      if (prompts.length > 0) query.set('prompt', prompts.join(' '));
    }
    return `/oauth/authorize?${query}`;
  }

  return {
    /**
     * The waiting request of this page and browser. Throws Problem when it is too old or another browser's.
     */
    async read(ctx: Context): Promise<Waiting> {
      const interaction = await details(ctx);
      const client = await findClient(String(interaction.params.client_id));
      if (client === undefined) throw tooOld(undefined);
      const missing = missingOf(interaction);
      await requireUnchanged(interaction, client, missing);
      const asked = String(interaction.params.scope ?? '').split(' ');
      return {
        uid: interaction.uid,
        prompt: interaction.prompt.name === 'consent' ? 'consent' : 'login',
        client,
        accountId: interaction.session?.accountId,
        redirectUri: String(interaction.params.redirect_uri),
        // The engine grants nothing that the app is not registered for, but lets unknown words through to
        // here, where people would read them as ours.
        scopes: client.scopes.filter((scope) => asked.includes(scope)),
        newScopes: [...new Set([...missing.oidc, ...Object.values(missing.resources).flat()])],
        loginHint:
          typeof interaction.params.login_hint === 'string' ? interaction.params.login_hint : undefined,
        startedAt: interaction.iat,
        freshNeeded: interaction.session?.accountId !== undefined && interaction.prompt.name === 'login',
      };
    },

    /**
     * The person proved who they are, now or at `signedInAt`, which is what the app is told as `auth_time`
     * (OpenID Connect Core section 2).
     */
    async signIn(
      ctx: Context,
      login: { account: Account; amr: string[]; signedInAt?: number | undefined },
    ): Promise<string> {
      const interaction = await details(ctx);
      const former = interaction.session?.accountId;
      if (former !== undefined && former !== login.account.id) {
        // Somebody else than before: nothing of the former session may flow into this authorization.
        await sessions.start(ctx, login);
        return restartLocation(interaction, true);
      }
      const { account, amr, signedInAt = clock() } = login;
      const securityVersion = account.securityVersion ?? 0;
      const result = {
        login: { accountId: account.id, amr, ts: signedInAt, remember: true, securityVersion },
      };
      return engine.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
    },

    /** Signs this browser out and starts the same request again, for another account. */
    async switchAccount(ctx: Context): Promise<string> {
      const interaction = await details(ctx);
      await sessions.end(ctx);
      return restartLocation(interaction, true);
    },

    /** The person allows the app what it still misses. Only the one who is signed in may, for themselves. */
    async allow(ctx: Context, actor: Actor): Promise<string> {
      const interaction = await details(ctx);
      const accountId = interaction.session?.accountId;
      const clientId = String(interaction.params.client_id);
      const client = await findClient(clientId);
      if (interaction.prompt.name !== 'consent' || accountId === undefined) throw tooOld(undefined);
      if (client === undefined) throw tooOld(undefined);
      const missing = missingOf(interaction);
      await requireUnchanged(interaction, client, missing);
      const known =
        interaction.grantId === undefined ? undefined : await engine.Grant.find(interaction.grantId);
      const grant =
        known?.accountId === accountId && known.clientId === clientId
          ? known
          : new engine.Grant({ accountId, clientId });
      if (missing.oidc.length > 0) grant.addOIDCScope(missing.oidc.join(' '));
      if (missing.claims.length > 0) grant.addOIDCClaims(missing.claims);
      for (const [resource, scopes] of Object.entries(missing.resources)) {
        grant.addResourceScope(resource, scopes.join(' '));
      }
      const grantId = await grant.save();
      // The grant is of no use to the app before the engine is told of it below, so its entry cannot come too
      // late.
      await effects.update(artifacts, grantId, {}, [], {
        audit: [
          {
            accountId,
            actor,
            action: 'app.allowed',
            targetId: clientId,
            targetName: client.name,
          },
        ],
      });
      return engine.interactionResult(
        ctx.req,
        ctx.res,
        { consent: { grantId } },
        { mergeWithLastSubmission: true },
      );
    },

    /** The person refuses: the app is told `access_denied` (RFC 6749 section 4.1.2.1). */
    async deny(ctx: Context): Promise<string> {
      await details(ctx);
      return engine.interactionResult(
        ctx.req,
        ctx.res,
        { error: 'access_denied', error_description: 'The person did not allow it.' },
        { mergeWithLastSubmission: false },
      );
    },
  };
}

function missingOf(interaction: EngineInteraction) {
  const found = interaction.prompt.details as {
    missingOIDCScope?: string[];
    missingOIDCClaims?: string[];
    missingResourceScopes?: Record<string, string[]>;
  };
  return {
    oidc: found.missingOIDCScope ?? [],
    claims: found.missingOIDCClaims ?? [],
    resources: found.missingResourceScopes ?? {},
  };
}

function tooOld(cause: unknown): Problem {
  return new Problem({
    status: 400,
    code: 'SIGN_IN_TOO_OLD',
    message: 'This sign-in is too old, or was started in another browser.',
    hint: 'Go back to the app that you came from and start again.',
    cause,
  });
}
