import type { Context } from 'koa';
import type Provider from 'oidc-provider';
import { errors } from 'oidc-provider';
import type { Collection } from '../../adapters/port.ts';
import type { Artifact } from '../access/artifact.ts';
import type { ClientAuthentication } from '../access/client-authentication.ts';
import type { Client } from '../credentials/client.ts';
import { scopesIn } from '../credentials/scopes.ts';
import type { Effects } from '../effects/effects.ts';
import type { Actor } from '../ground/actor.ts';
import type { Clock } from '../ground/clock.ts';
import { Problem } from '../ground/errors.ts';
import { acrOf, type Login, type Sessions } from './browser-sessions.ts';
import type { NoteDevice } from './device-cookie.ts';

/** An authorization request that waits for a person: what the engine still misses, and for whom. */
export type PendingInteraction = {
  uid: string;
  prompt: 'login' | 'consent' | 'select_account' | 'create';
  client: Client;
  /** Who is signed in in this browser, if anybody. */
  accountId: string | undefined;
  redirectUri: string;
  /** All that the app asks for, of what it is registered for. */
  scopes: string[];
  /** What of it was not granted before. */
  newScopes: string[];
  loginHint: string | undefined;
  /**
   * No sign-in before this, epoch seconds, is an answer (`prompt=login`, `max_age`), whoever's browser it comes from
   * later, and none without proof; undefined where any is.
   */
  provedSince: number | undefined;
  /** The app wants the person who is signed in to prove themselves again. */
  freshNeeded: boolean;
};

type EngineInteraction = Awaited<ReturnType<Provider['interactionDetails']>>;
type AskedOfPerson = Pick<EngineInteraction, 'params' | 'prompt' | 'session' | 'iat'>;

type Parts = {
  engine: Provider;
  sessions: Sessions;
  noteDevice: NoteDevice;
  artifacts: Collection<Artifact>;
  effects: Effects;
  clients: Pick<ClientAuthentication, 'getLive'>;
  clock: Clock;
};

export type Interactions = ReturnType<typeof createInteractions>;

/**
 * Sign-in and consent inside an authorization. Each step ends by going back to the engine, which finds what
 * is still missing; no step knows the next. Answers are locations for a 303.
 */
export function createInteractions(parts: Parts) {
  const { engine, sessions, noteDevice, artifacts, effects, clock } = parts;

  return {
    /** The waiting request of this page and browser. Throws Problem when it is too old or another browser's. */
    async read(ctx: Context): Promise<PendingInteraction> {
      const interaction = await interactionOf(parts, ctx);
      return pendingOf(interaction, await clientOf(parts, interaction), clock());
    },

    /**
     * Whether the request with this id takes no sign-in from before it (`prompt=login`, `max_age`). For whoever asks on
     * the way there, without its browser's cookie.
     */
    async wantsProof(uid: string): Promise<boolean> {
      const interaction = await engine.Interaction.find(uid);
      return interaction !== undefined && provedSince(interaction, clock()) !== undefined;
    },

    /**
     * The person proved who they are, now or at `signedInAt`, which is what the app is told as `auth_time`
     * (OpenID Connect Core section 2).
     */
    async signIn(ctx: Context, login: Login): Promise<string> {
      const interaction = await interactionOf(parts, ctx);
      const former = interaction.session?.accountId;
      if (former !== undefined && former !== login.account.id) {
        // Somebody else than before: nothing of the former session may flow into this authorization.
        await sessions.start(ctx, login);
        return restartLocation(interaction, 'signed-in');
      }
      const { account, amr, signedInAt = clock() } = login;
      if (login.isCarried !== true) await noteDevice(ctx, login);
      const { id: accountId, securityVersion = 0 } = account;
      const proof = { acr: acrOf(amr), amr, ts: signedInAt };
      // Who signs in has chosen an account with that.
      const chosen = { select_account: {}, create: {} };
      const result = { login: { accountId, ...proof, remember: true, securityVersion }, ...chosen };
      return engine.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
    },

    /** The person goes on as who they are signed in as (`prompt=select_account`). */
    async keepAccount(ctx: Context): Promise<string> {
      const interaction = await interactionOf(parts, ctx);
      if (interaction.session?.accountId === undefined) throw tooOld();
      const result = { select_account: {}, create: {} };
      return engine.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: true });
    },

    /** Signs this browser out and starts the same request again, for another account. */
    async switchAccount(ctx: Context): Promise<string> {
      const interaction = await interactionOf(parts, ctx);
      await sessions.end(ctx);
      return restartLocation(interaction, 'signed-out');
    },

    /** The person allows the app what it still misses. Only the one who is signed in may, for themselves. */
    async allow(ctx: Context, actor: Actor): Promise<string> {
      const interaction = await interactionOf(parts, ctx);
      const accountId = interaction.session?.accountId;
      if (interaction.prompt.name !== 'consent' || accountId === undefined) throw tooOld();
      const client = await clientOf(parts, interaction);
      const { grantId, isWider } = await grantMissing(engine, interaction, {
        accountId,
        clientId: client.id,
      });
      const target = { targetId: client.id, targetName: client.name };
      const audit = [{ accountId, actor, action: 'app.allowed', ...target }];
      // The grant is of no use to the app before the engine is told of it below, so its entry is not too late.
      if (isWider) await effects.update(artifacts, grantId, {}, [], { audit });
      const result = { consent: { grantId } };
      return engine.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: true });
    },

    /** The person refuses: the app is told `access_denied` (RFC 6749 section 4.1.2.1). */
    async deny(ctx: Context): Promise<string> {
      await interactionOf(parts, ctx);
      const result = { error: 'access_denied', error_description: 'The person did not allow it.' };
      return engine.interactionResult(ctx.req, ctx.res, result, { mergeWithLastSubmission: false });
    },
  };
}

async function interactionOf({ engine }: Parts, ctx: Context): Promise<EngineInteraction> {
  try {
    return await engine.interactionDetails(ctx.req, ctx.res);
  } catch (error) {
    if (error instanceof errors.SessionNotFound) throw tooOld(error);
    throw error;
  }
}

function pendingOf(interaction: EngineInteraction, client: Client, now: number): PendingInteraction {
  const { params, prompt, session } = interaction;
  const asked = scopesIn(params.scope);
  return {
    uid: interaction.uid,
    prompt: prompt.name as PendingInteraction['prompt'],
    client,
    accountId: session?.accountId,
    redirectUri: String(params.redirect_uri),
    // The engine grants nothing that the app is not registered for, but lets unknown words through to
    // here, where people would read them as ours.
    scopes: client.scopes.filter((scope) => asked.includes(scope)),
    newScopes: [...new Set(missingScopesOf(interaction))],
    loginHint: typeof params.login_hint === 'string' ? params.login_hint : undefined,
    provedSince: provedSince(interaction, now),
    freshNeeded: isFreshNeeded(interaction),
  };
}

/** Where the engine misses another account than the one at hand (`id_token_hint`), that one proves nothing. */
function isFreshNeeded({ session, prompt }: AskedOfPerson): boolean {
  const reasons = ['login_prompt', 'max_age'];
  return session?.accountId !== undefined && prompt.reasons.some((reason) => reasons.includes(reason));
}

function provedSince(interaction: AskedOfPerson, now: number): number | undefined {
  const { params, iat } = interaction;
  if (promptsOf(params.prompt).includes('login') || isFreshNeeded(interaction)) return iat;
  // A sign-in since it began to wait answers it, however long that took and however short the age.
  return params.max_age === undefined ? undefined : Math.min(iat, now - Number(params.max_age));
}

function promptsOf(prompt: unknown): string[] {
  return typeof prompt === 'string' ? prompt.split(' ').filter(Boolean) : [];
}

/**
 * The app that asked. What is granted in the end is what was asked for in the beginning: if its developer changed the
 * app since, the page could show less than that, or the answer go where it no longer belongs, so the request starts
 * again.
 */
async function clientOf({ engine, clients }: Parts, interaction: EngineInteraction): Promise<Client> {
  const id = String(interaction.params.client_id);
  const [client, engineClient] = await Promise.all([clients.getLive(id), engine.Client.find(id)]);
  const mayStillAsk = missingScopesOf(interaction).every((scope) => client?.scopes.includes(scope));
  const mayStillReceive = engineClient?.redirectUriAllowed(String(interaction.params.redirect_uri)) === true;
  if (client === undefined || !mayStillAsk || !mayStillReceive) throw tooOld();
  return client;
}

/**
 * Widens what this browser's session had granted the app before, or makes a new grant. Answers its id, and whether the
 * app may more by it: some are allowed each time anew what they have.
 */
async function grantMissing(
  engine: Provider,
  interaction: EngineInteraction,
  whose: { accountId: string; clientId: string },
): Promise<{ grantId: string; isWider: boolean }> {
  const former = interaction.grantId === undefined ? undefined : await engine.Grant.find(interaction.grantId);
  const isTheirs = former?.accountId === whose.accountId && former.clientId === whose.clientId;
  const grant = isTheirs ? former : new engine.Grant(whose);
  const { oidc, claims, resources } = missingOf(interaction);
  if (oidc.length > 0) grant.addOIDCScope(oidc.join(' '));
  if (claims.length > 0) grant.addOIDCClaims(claims);
  for (const [resource, scopes] of Object.entries(resources)) {
    grant.addResourceScope(resource, scopes.join(' '));
  }
  const isWider = grant !== former || missingScopesOf(interaction).length > 0;
  return { grantId: await grant.save(), isWider };
}

/** What the engine says was not granted yet. */
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

function missingScopesOf(interaction: EngineInteraction): string[] {
  const { oidc, resources } = missingOf(interaction);
  return [...oidc, ...Object.values(resources).flat()];
}

/** Between a sign-in and the request that it was made for: long enough for a redirect. */
const RESTART_SECONDS = 60;

/**
 * The same request from the start. Nobody is asked again for an account, nor for the sign-in that just happened; but
 * that has to be the one which the request finds, and not an older one of the same browser.
 */
function restartLocation(interaction: EngineInteraction, state: 'signed-in' | 'signed-out'): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(interaction.params)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== undefined && one !== null) query.append(name, String(one));
    }
  }
  const isOpenId = scopesIn(query.get('scope')).includes('openid');
  const answered = ['select_account', ...(state === 'signed-in' ? ['create'] : [])];
  const asked = promptsOf(query.get('prompt')).filter((prompt) => !answered.includes(prompt));
  const isProved = state === 'signed-in' && asked.includes('login') && isOpenId;
  const prompts = isProved ? asked.filter((prompt) => prompt !== 'login') : asked;
  if (isProved) query.set('max_age', String(RESTART_SECONDS));
  query.delete('prompt');
  if (prompts.length > 0) query.set('prompt', prompts.join(' '));
  return `/oauth/authorize?${query}`;
}

function tooOld(cause?: unknown): Problem {
  return new Problem({
    status: 400,
    code: 'SIGN_IN_TOO_OLD',
    message: 'This sign-in is too old, or was started in another browser.',
    hint: 'Go back to the app that you came from and start again. If that ends here too, your browser keeps no cookies for this site: allow them in its settings.',
    cause,
  });
}
