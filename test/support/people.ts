import type { Account } from '../../server/accounts/account.ts';
import { type Domain, openDomain } from '../../server/domain.ts';
import { systemClock } from '../../server/ground/clock.ts';
import { createLog } from '../../server/ground/log.ts';
import { readSettings } from '../../server/ground/settings.ts';
import { type Agent, createAgent } from './browserless.ts';
import type { TestServer } from './server.ts';

export const PASSWORD = 'correct horse battery staple';

export type People = Awaited<ReturnType<typeof openPeople>>;

export type Person = { account: Account; agent: Agent };

/**
 * People of a running server. They are made as the command line makes them, through a second connection to
 * the server's store, and sign in through its pages.
 */
export async function openPeople(server: TestServer) {
  const settings = readSettings(
    { data: server.dataFolder, store: server.storeUrl, url: server.url, mail: `file:${server.mailFolder}` },
    {},
  );
  const domain: Domain = await openDomain(settings, {
    clock: systemClock,
    log: createLog({ write: () => undefined }),
  });
  let count = 0;

  async function signIn(email: string): Promise<Agent> {
    const agent = createAgent(server.url);
    const page = await agent.post('/sign-in', { email, password: PASSWORD, return_to: '/tokens' });
    if (page.location !== '/tokens') throw new Error(`sign-in of ${email}: ${page.status} ${page.text}`);
    return agent;
  }

  return {
    domain,
    signIn,

    /** Somebody new, signed in. */
    async person(options: { admin?: boolean } = {}): Promise<Person> {
      count += 1;
      const email = `person${count}-${process.pid}@example.com`;
      const account = await domain.accounts.create(
        { email, passwordHash: await domain.passwords.hash(PASSWORD), admin: options.admin ?? false },
        { kind: 'operator' },
      );
      return { account, agent: await signIn(email) };
    },

    close: () => domain.close(),
  };
}
