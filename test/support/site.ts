import { after, before } from 'node:test';
import { systemClock } from '../../server/ground/clock.ts';
import type { OwnerSettings } from '../../server/ground/settings.ts';
import { openPeople, type People } from './people.ts';
import { startTestServer, type TestServer } from './server.ts';
import { createKeptMail } from './smtp.ts';

/** A server and its people. */
export type Site = Pick<TestServer, 'url' | 'logged' | 'firstAdminLink'> &
  Pick<People, 'domain' | 'account' | 'app' | 'person' | 'signIn'> & {
    /** How many seconds the server's clock is ahead; a test that sets it takes it back. */
    ahead: number;
    /** The mails that were sent. */
    mail: ReturnType<typeof createKeptMail>;
    /** The status of GET /api/1.1/me with a token. */
    callMe(token: string): Promise<number>;
  };

/** The site of the tests in this block: there when the first of them runs, gone after the last. */
export function siteOfBlock(storeUrl: () => Promise<string>, settings: OwnerSettings = {}): Site {
  const site = { ahead: 0 } as Site;
  let server: TestServer;
  let people: People;
  before(async () => {
    const clock = () => systemClock() + site.ahead;
    server = await startTestServer({ storeUrl: await storeUrl(), clock, settings });
    people = await openPeople(server);
    const { url, logged, firstAdminLink } = server;
    const mail = createKeptMail(server.mailFolder);
    const { domain, account, app, person, signIn } = people;
    const callMe = async (token: string) =>
      (await fetch(`${url}/api/1.1/me`, { headers: { authorization: `Bearer ${token}` } })).status;
    Object.assign(site, {
      url,
      logged,
      firstAdminLink,
      mail,
      domain,
      account,
      app,
      person,
      signIn,
      callMe,
    } satisfies Omit<Site, 'ahead'>);
  });
  after(async () => {
    await people.close();
    await server.stop();
  });
  return site;
}
