import type { Account } from '../../server/accounts/account.ts';
import type { WantedApp } from '../../server/credentials/apps.ts';
import { type Domain, openDomain } from '../../server/domain.ts';
import { type Clock, systemClock } from '../../server/ground/clock.ts';
import { createLog } from '../../server/ground/log.ts';
import { type OwnerSettings, readSettings } from '../../server/ground/settings.ts';
import { type Agent, createAgent } from './browserless.ts';
import { passwordCost } from './password-cost.ts';
import type { TestServer } from './server.ts';
import { createThirdPartyApp } from './third-party-app.ts';

export const PASSWORD = 'correct horse battery staple';

export type People = Awaited<ReturnType<typeof openPeople>>;

/** A registered app, its developer and a client that speaks for it. */
export type RegisteredApp = Awaited<ReturnType<People['app']>>;

export type Person = { account: Account; agent: Agent };

/**
 * People of a running server. They are made as the command line makes them, through a second connection to
 * the server's store, and sign in through its pages. `given`: settings and clock of the server,
 * where those matter to them.
 */
export async function openPeople(server: TestServer, given: OwnerSettings = {}, clock: Clock = systemClock) {
  const { dataFolder: data, storeUrl: store, url, mailFolder } = server;
  const settings = readSettings({ data, store, url, mail: `file:${mailFolder}`, ...given }, {});
  const domain: Domain = await openDomain(settings, {
    clock,
    log: createLog({ write: () => undefined }),
    passwordCost,
  });
  let count = 0;
  const passwordHash = domain.passwords.hash(PASSWORD);

  async function account(options: { admin?: boolean } = {}): Promise<Account> {
    count += 1;
    const email = `person${count}-${process.pid}@example.com`;
    return domain.accounts.create(
      { email, passwordHash: await passwordHash, admin: options.admin ?? false },
      { kind: 'operator' },
    );
  }

  async function signIn(email: string): Promise<Agent> {
    const agent = createAgent(server.url);
    const page = await agent.post('/sign-in', { email, password: PASSWORD, return_to: '/tokens' });
    if (page.location !== '/tokens') throw new Error(`sign-in of ${email}: ${page.status} ${page.text}`);
    return agent;
  }

  return {
    domain,
    signIn,

    /** Somebody new, whose password is PASSWORD. */
    account,

    /** Somebody new, signed in. */
    async person(options: { admin?: boolean } = {}): Promise<Person> {
      const made = await account(options);
      return { account: made, agent: await signIn(made.email) };
    },

    /** An app with a secret that may ask for most scopes; `wanted` says what is otherwise. */
    async app(wanted: Partial<WantedApp> & { confidential?: boolean } = {}, owner?: Account) {
      const developer = owner ?? (await account());
      const { client: row, secret } = await domain.apps.create(
        {
          account: developer,
          name: 'Ledger',
          redirectUris: ['https://app.example.com/callback'],
          scopes: ['openid', 'email', 'profile', 'offline_access', 'wf:create_transaction'],
          confidential: true,
          ...wanted,
        },
        { kind: 'operator' },
      );
      const client = await createThirdPartyApp(server.url, { client: row, secret: secret?.value });
      return { ...client, developer, id: row.id, secret: secret?.value ?? '' };
    },

    close: () => domain.close(),
  };
}
