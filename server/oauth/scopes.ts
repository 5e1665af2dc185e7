/** One thing that a credential may be allowed to do. */
export type Scope = {
  /** `wf:NAME`, `profile`, `admin`, or one of OpenID Connect's. */
  name: string;
  /** In plain words, as pages and consent show it. */
  description: string;
  /** `admin` scopes are for services that an admin makes; `app` scopes mean something to apps only. */
  access: 'account' | 'admin' | 'app';
};

export type Scopes = ReturnType<typeof createScopes>;

/** Scopes that are no workflow's. OpenID Connect Core sections 5.4 and 11 for the last three. */
const BUILT_IN: readonly Scope[] = [
  { name: 'profile', description: 'See who you are: your account id and e-mail address', access: 'account' },
  {
    name: 'admin',
    description: 'Do everything, for every account, past all privacy rules',
    access: 'admin',
  },
  { name: 'openid', description: 'Know that it is you who signs in', access: 'app' },
  { name: 'email', description: 'See your e-mail address', access: 'app' },
  { name: 'offline_access', description: 'Keep its access while you are away', access: 'app' },
];

/** The catalogue of every scope, made from the declared workflows. */
export function createScopes(
  workflows: readonly { name: string; description: string; callers: 'anyone' | 'account' | 'admin' }[],
) {
  const declared: Scope[] = workflows.map((workflow) => ({
    name: `wf:${workflow.name}`,
    description: workflow.description,
    access: workflow.callers === 'admin' ? 'admin' : 'account',
  }));
  const all: readonly Scope[] = [...declared, ...BUILT_IN];
  const byName = new Map(all.map((scope) => [scope.name, scope]));

  return {
    all,
    /** The scope in plain words; the bare name for one that is no longer declared. */
    describe: (name: string): string => byName.get(name)?.description ?? name,
    /** What this account may give to credentials of its own. `admin` scopes go to services of admins only. */
    allowedFor: (account: { admin: boolean }): readonly Scope[] =>
      all.filter((scope) => scope.access === 'account' || (scope.access === 'admin' && account.admin)),
    /** What an app may ask a person for on the consent page. */
    forApps: all.filter((scope) => scope.access !== 'admin') as readonly Scope[],
  };
}
