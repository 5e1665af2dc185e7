import { Problem } from '../ground/errors.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';

/** Covers every other scope. Only services that an admin makes get it. */
export const ADMIN_SCOPE = 'admin';
/** Before another scope: that one alone, for every account and past privacy rules. */
const ADMIN_PREFIX = `${ADMIN_SCOPE}:`;
const WORKFLOW_PREFIX = 'wf:';
const DATA_PREFIX = 'data:';

/** The scope that calls a workflow. */
export function workflowScope(workflow: string): string {
  return `${WORKFLOW_PREFIX}${workflow}`;
}

/** The workflow that a scope calls; undefined for a scope of no workflow. */
export function workflowOf(scope: string): string | undefined {
  return scope.startsWith(WORKFLOW_PREFIX) ? scope.slice(WORKFLOW_PREFIX.length) : undefined;
}

/** The scope that reads or writes the records of a data type, as far as its rules let the caller. */
export function dataScope(type: string, verb: 'read' | 'write'): string {
  return `${DATA_PREFIX}${type}:${verb}`;
}

/** What a scope is about, as pages group them. */
export function kindOfScope(scope: string): 'workflow' | 'data' | 'admin' | 'other' {
  if (isAdminScope(scope)) return 'admin';
  if (workflowOf(scope) !== undefined) return 'workflow';
  return scope.startsWith(DATA_PREFIX) ? 'data' : 'other';
}

/** The narrow admin scope for what this one allows: `admin:wf:NAME` for `wf:NAME`. */
export function narrowAdminScope(scope: string): string {
  return `${ADMIN_PREFIX}${scope}`;
}

/** Whether this scope reaches past privacy rules: `admin`, or a narrow one like `admin:wf:NAME`. */
export function isAdminScope(scope: string): boolean {
  return scope === ADMIN_SCOPE || scope.startsWith(ADMIN_PREFIX);
}

/** Whether some of these scopes reach past privacy rules, everywhere or in one place. */
export function isAdmin(scopes: readonly string[]): boolean {
  return scopes.some(isAdminScope);
}

/** The management API, as an admin: a part of what `admin` covers. */
export const MANAGE = 'manage';
/** Portal links alone: for a back end whose users sign in elsewhere. */
export const PORTAL_LINKS = 'portal-links';

/** Whether these scopes allow what needs this one past privacy rules. */
export function coversAsAdmin(scopes: readonly string[], needed: string): boolean {
  return scopes.includes(ADMIN_SCOPE) || scopes.includes(narrowAdminScope(needed));
}

/** Whether these scopes allow what needs this one. */
export function covers(scopes: readonly string[], needed: string): boolean {
  return scopes.includes(needed) || coversAsAdmin(scopes, needed);
}

/** The needed scopes that these do not cover. */
export function missingScopes(scopes: readonly string[], needed: readonly string[]): string[] {
  return needed.filter((scope) => !covers(scopes, scope));
}

/** The scopes of a list as OAuth writes it (RFC 6749 section 3.3); none where it is no text. */
export function scopesIn(list: unknown): string[] {
  return typeof list === 'string' ? list.split(' ').filter((scope) => scope !== '') : [];
}

/** Those of the granted scopes that the client still has: its developer, or an owner, may have taken some away. */
export function scopesLeft(granted: readonly string[], client: { scopes: readonly string[] }): string[] {
  return granted.filter((scope) => client.scopes.includes(scope));
}

/** One thing that a credential may be allowed to do. */
export type Scope = {
  /** `wf:NAME`, `profile`, `admin`, a narrow one like `admin:wf:NAME`, or one of OpenID Connect's. */
  name: string;
  /** In plain words, as pages and consent show it. */
  description: string;
  /** `admin` scopes are for services that an admin makes; `app` scopes mean something to apps only. */
  access: 'account' | 'admin' | 'app';
};

export type Scopes = ReturnType<typeof createScopes>;

/** Scopes that are no workflow's. OpenID Connect Core sections 5.4 and 11 for the last three. */
const BUILT_IN: readonly Scope[] = [
  {
    name: 'profile',
    description: 'See who you are: your account id, name and e-mail address',
    access: 'account',
  },
  {
    name: ADMIN_SCOPE,
    description: 'Do everything, for every account, past all privacy rules',
    access: 'admin',
  },
  {
    name: narrowAdminScope(MANAGE),
    description: 'Manage accounts, credentials and apps of everybody, as the pages for admins do',
    access: 'admin',
  },
  {
    name: narrowAdminScope(PORTAL_LINKS),
    description: 'Send people to their own token pages, signed in by a link',
    access: 'admin',
  },
  { name: 'openid', description: 'Know that it is you who signs in', access: 'app' },
  { name: 'email', description: 'See your e-mail address', access: 'app' },
  { name: 'offline_access', description: 'Keep its access while you are away', access: 'app' },
];

type DeclaredWorkflow = {
  name: string;
  description: string;
  callers: 'anyone' | 'account' | 'admin';
  parameters?: Readonly<Record<string, { example: unknown }>>;
};
type DeclaredType = { name: string; description: string; rules?: readonly object[] };

/** The catalogue of every scope, made from the declared workflows and data types. */
export function createScopes(workflows: readonly DeclaredWorkflow[], types: readonly DeclaredType[]) {
  const numbers = new Map(workflows.map(({ name, parameters }) => [name, numbersIn(parameters)]));
  const declared: Scope[] = workflows
    // What only admins call has no scope but the one that calls it as an admin.
    .filter(({ callers }) => callers !== 'admin')
    .map(({ name, description }) => ({ name: workflowScope(name), description, access: 'account' }));
  // Without rules the records of a type are nobody's but an admin's.
  const ofData = dataScopes(types.filter(({ rules = [] }) => rules.length > 0)).map(
    ([name, description]): Scope => ({ name, description, access: 'account' }),
  );
  const all: readonly Scope[] = [...declared, ...ofData, ...BUILT_IN, ...narrowAdminScopes(workflows, types)];
  const byName = new Map(all.map((scope) => [scope.name, scope]));

  return {
    all,
    /** The scope in plain words; one that is no longer declared by its name. */
    describe: (name: string): string => byName.get(name)?.description ?? `${name} (no longer there)`,
    /** The parameters of a workflow that are numbers; undefined for a workflow that is not there. */
    numbersOf: (workflow: string): readonly string[] | undefined => numbers.get(workflow),
    /** Those of these names that are declared. A stored scope whose workflow is gone opens nothing. */
    declared: (names: readonly string[]): readonly string[] =>
      names.every((name) => byName.has(name)) ? names : names.filter((name) => byName.has(name)),
    /** The others. */
    gone: (names: readonly string[]): string[] => names.filter((name) => !byName.has(name)),
    /** What this account may give to a service: `admin` scopes only if it is an admin's. */
    allowedFor: (account: { admin: boolean }): readonly Scope[] =>
      all.filter((scope) => scope.access === 'account' || (scope.access === 'admin' && account.admin)),
    /** What any account may give to a personal access token, which never reaches past its owner's own data. */
    forTokens: all.filter((scope) => scope.access === 'account') as readonly Scope[],
    /** What a service that an admin made may issue to a person: all that the account may do by itself. */
    forIssuing: all.filter(({ access }) => access === 'account').map(({ name }) => name) as readonly string[],
    /** What an app may ask a person for on the consent page. */
    forApps: all.filter((scope) => scope.access !== 'admin') as readonly Scope[],
  };
}

/** Each workflow, and each verb of each data type, past privacy rules: a part of what `admin` covers. */
function narrowAdminScopes(workflows: readonly DeclaredWorkflow[], types: readonly DeclaredType[]): Scope[] {
  const named = [
    ...workflows.map(({ name, description }) => [workflowScope(name), description] as const),
    ...dataScopes(types),
  ];
  return named.map(([name, description]) => ({
    name: narrowAdminScope(name),
    description: `As an admin, for every account and past privacy rules: ${description}`,
    access: 'admin',
  }));
}

/** For each of these types what reads and what writes it, with a description. */
function dataScopes(types: readonly DeclaredType[]) {
  return types.flatMap(({ name, description }) => [
    [dataScope(name, 'read'), `Read the data “${name}” (${description})`] as const,
    [dataScope(name, 'write'), `Add, change and delete the data “${name}” (${description})`] as const,
  ]);
}

/** By their examples, which their schemas accept: a number is sent as one. */
function numbersIn(parameters: Readonly<Record<string, { example: unknown }>> = {}): string[] {
  return Object.keys(parameters).filter((name) => typeof parameters[name]?.example === 'number');
}

/**
 * The scopes that somebody chose, each once and in the order of the catalogue. Only exact names from
 * `allowed` pass, so nobody gives away what is not theirs (better-auth's CVE-2025-61928 was the lack of
 * this). Throws Problem.
 */
export function scopesFrom(requested: readonly string[], allowed: readonly Scope[]): string[] {
  const names = new Set(allowed.map((scope) => scope.name));
  const foreign = requested.find((name) => !names.has(name));
  if (foreign !== undefined) {
    throw new Problem({
      status: 400,
      code: 'invalid_scope',
      message: `The scope ${JSON.stringify(withoutSecrets(foreign).slice(0, 80))} is not there, or not yours to give.`,
      hint: `Choose among: ${[...names].join(', ')}.`,
      parameter: 'scopes',
    });
  }
  return [...names].filter((name) => requested.includes(name));
}

/** Refuses an empty choice: a credential that may do nothing is a mistake. */
export function someScopesFrom(requested: readonly string[], allowed: readonly Scope[]): string[] {
  const chosen = scopesFrom(requested, allowed);
  if (chosen.length > 0) return chosen;
  throw new Problem({
    status: 400,
    code: 'invalid_scope',
    message: 'No scope is chosen.',
    hint: 'Choose at least one thing that it may do.',
    parameter: 'scopes',
  });
}
