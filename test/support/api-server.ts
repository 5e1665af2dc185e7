import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import Koa from 'koa';
import { type Bearers, createBearers } from '../../server/access/bearer.ts';
import type { Call } from '../../server/activity/call.ts';
import type { Recorder } from '../../server/activity/recorder.ts';
import { createRefusals } from '../../server/activity/refusals.ts';
import { createApi } from '../../server/api/routes.ts';
import type { Credential } from '../../server/credentials/credential.ts';
import { createScopes } from '../../server/credentials/scopes.ts';
import { endsOf, newSecret } from '../../server/credentials/secret-format.ts';
import { createDataAccess } from '../../server/data/access.ts';
import { openDataRows } from '../../server/data/rows.ts';
import type { DataType } from '../../server/data/type.ts';
import { type Domain, openDomain } from '../../server/domain.ts';
import { createEffects } from '../../server/effects/effects.ts';
import { type Clock, systemClock } from '../../server/ground/clock.ts';
import { createLog } from '../../server/ground/log.ts';
import { hashOf, newId } from '../../server/ground/opaque.ts';
import { type OwnerSettings, readSettings } from '../../server/ground/settings.ts';
import { accessLog } from '../../server/http/access-log.ts';
import { createClientAddress } from '../../server/http/client-address.ts';
import { asEnvelope } from '../../server/http/error-forms.ts';
import { answerErrorsAs } from '../../server/http/error-response.ts';
import { plainTarget } from '../../server/http/request-target.ts';
import { createCatalogue } from '../../server/workflows/catalogue.ts';
import { createIssueToken } from '../../server/workflows/issue-token.ts';
import { createRuns, runDeclaration } from '../../server/workflows/runs.ts';
import type { Workflow } from '../../server/workflows/workflow.ts';
import { passwordCost } from './password-cost.ts';

export type ApiServer = Awaited<ReturnType<typeof startApiServer>>;

/**
 * The API on a real store, with declarations of the test's own beside those that ship. Background work
 * stands still.
 */
export async function startApiServer(
  options: {
    storeUrl?: string;
    settings?: OwnerSettings;
    /** The owner's folder, if it is another one than config/. */
    config?: string;
    clock?: Clock;
    workflows?: Workflow[];
    types?: DataType[];
    /** Stands in for the recorder, to fail where a store that goes away would. */
    recorder?: (real: Recorder) => Recorder;
    /** Told of each caller that was let in. */
    onCaller?: () => void;
  } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), 'latchkey-api-'));
  const lines: string[] = [];
  const log = createLog(
    new Writable({ write: (chunk, _, done) => done(void lines.push(String(chunk)) as never) }),
  );
  const listener = createServer();
  await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(listener.address() as AddressInfo).port}`;
  const storeUrl = options.storeUrl ?? `sqlite:${join(folder, 'latchkey.db')}`;
  const environment = options.config === undefined ? {} : { LATCHKEY_CONFIG: options.config };
  const settings = readSettings({ url, data: folder, store: storeUrl, ...options.settings }, environment);
  const opened = await openDomain(settings, { clock: options.clock ?? systemClock, log, passwordCost });
  const { rows, declarations } = opened;
  const declared = [...declarations.types.values(), ...(options.types ?? [])];
  const { opened: types, carriers } = await openDataRows(
    opened.store,
    new Map(declared.map((type) => [type.name, type])),
    opened.clock,
  );
  const effectsWith = (recorder: Recorder) =>
    createEffects({
      ...opened,
      ...rows,
      carriers: [rows.runs, ...carriers],
      runs: { declaration: runDeclaration, rows: rows.runs },
      recorder,
      mailWaiting: () => {},
    });
  const dataAccess = createDataAccess({ types, clock: opened.clock });
  const domain = { ...opened, types, dataAccess, effects: effectsWith(opened.recorder) };
  const workflows = [...declarations.workflows.values(), createIssueToken(domain)];
  const catalogue = createCatalogue([...workflows, ...(options.workflows ?? [])], url);
  const app = new Koa();
  app.use(accessLog(log, createClientAddress({ proxies: [], log }), domain.clock));
  app.use(answerErrorsAs(asEnvelope(url), log));
  app.use(plainTarget);
  const recorder = options.recorder?.(domain.recorder) ?? domain.recorder;
  const refusals = createRefusals({ recorder, clock: domain.clock });
  const runs = createRuns({ ...rows, effects: effectsWith(recorder), recorder });
  // The scopes of the test's own workflows are declared too.
  const scopes = createScopes([...workflows, ...(options.workflows ?? [])], declared);
  const real = createBearers({ ...domain, ...rows, scopes });
  const bearers: Bearers = {
    ...real,
    noteUse(...call) {
      real.noteUse(...call);
      options.onCaller?.();
    },
  };
  app.use(createApi({ ...domain, catalogue, recorder, refusals, runs, bearers }));
  app.on('error', () => undefined);
  listener.on('request', app.callback());

  return {
    url,
    domain,
    refusals,
    logged: () => lines.join(''),

    /** A token with any scopes, also those that no page gives out. */
    token: (wanted: Partial<Credential> = {}) => insertToken(domain, wanted),

    /** An access token as a service of an admin gets it at /oauth/token. */
    serviceToken: (scopes: readonly string[], options: { admin?: boolean } = {}) =>
      insertServiceToken(domain, scopes, options.admin ?? true),

    /** The activity, oldest first. */
    calls: (): Promise<Call[]> => domain.rows.calls.list({ limit: 1000 }),

    async call(path: string, init: RequestInit & { token?: string; json?: unknown } = {}) {
      const { token, json, ...rest } = init;
      const headers = new Headers(rest.headers);
      if (token !== undefined) headers.set('authorization', `Bearer ${token}`);
      if (json !== undefined) headers.set('content-type', 'application/json');
      const body = json === undefined ? rest.body : JSON.stringify(json);
      const response = await fetch(`${url}${path}`, { ...rest, headers, ...(body == null ? {} : { body }) });
      const text = await response.text();
      return {
        status: response.status,
        headers: response.headers,
        text,
        body: text === '' ? undefined : JSON.parse(text),
      };
    },

    async stop() {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
      await domain.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function insertToken(domain: Domain, wanted: Partial<Credential>) {
  const { clock, rows } = domain;
  const accountId = wanted.accountId ?? newId('acc_');
  if ((await rows.accounts.get(accountId)) === undefined) {
    const email = `${accountId}@example.com`;
    await rows.accounts.insert({ id: accountId, email, emailKey: email, admin: false, createdAt: clock() });
  }
  const value = newSecret('lk_pat_');
  const credential: Credential = {
    id: newId('tok_'),
    kind: 'personal_access_token',
    hash: hashOf(value),
    ...endsOf(value),
    name: 'Test token',
    accountId,
    scopes: ['wf:create_transaction', 'profile'],
    createdAt: clock(),
    expiresAt: clock() + 3600,
    ...wanted,
  };
  await rows.credentials.insert(credential);
  return { value, credential };
}

async function insertServiceToken(domain: Domain, scopes: readonly string[], admin: boolean) {
  const { clock, rows } = domain;
  const owner = newId('acc_');
  const email = `${owner}@example.com`;
  const createdAt = clock();
  await rows.accounts.insert({ id: owner, email, emailKey: email, admin, createdAt });
  const clientId = newId('svc_');
  await rows.clients.insert({
    id: clientId,
    kind: 'service',
    name: 'Sync service',
    accountId: owner,
    actsFor: admin ? 'app' : 'account',
    scopes: [...scopes],
    resourceServer: false,
    redirectUris: [],
    postLogoutRedirectUris: [],
    applicationType: 'web',
    confidential: true,
    createdAt,
  });
  const { credential } = await insertToken(domain, {
    kind: 'client_secret',
    accountId: owner,
    clientId,
    scopes: [],
  });
  const value = randomBytes(32).toString('base64url');
  await rows.artifacts.insert({
    id: hashOf(value),
    model: 'ClientCredentials',
    payload: { scope: scopes.join(' '), extra: { secret_id: credential.id } },
    clientId,
    createdAt,
    expiresAt: createdAt + 600,
  });
  return { value, clientId, owner };
}
