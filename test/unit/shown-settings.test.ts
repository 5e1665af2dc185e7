import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type OwnerSettings, readSettings } from '../../server/ground/settings.ts';
import { adviceOnSettings } from '../../server/http/settings-advice.ts';
import { shownSettings } from '../../server/management/shown-settings.ts';
import { settingsPage } from '../../views/console/settings.ts';
import { render } from '../../views/html.ts';

const folder = mkdtempSync(join(tmpdir(), 'latchkey-shown-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const SECRETS = {
  server: 'a-server-secret-of-more-than-32-bytes/+=',
  google: 'GOCSPX-google&secret',
  store: 'store:pass@word',
  storeOption: 'certificate-pass',
  mail: 'm@il%pass',
  link: 'link-pass',
  keys: 'keys-pass',
};

const owner: OwnerSettings = {
  data: folder,
  url: 'https://id.example.com',
  tokens: { maxDays: 200 },
  signUp: { domains: ['example.com'] },
  portalReturnUrls: [`https://ann:${SECRETS.link}@app.example.com/account`],
  leaks: { github: true, githubKeys: `https://ann:${SECRETS.keys}@keys.example.com/keys` },
};
const environment = {
  LATCHKEY_SECRET: SECRETS.server,
  LATCHKEY_STORE: `mongodb://store-user:${encodeURIComponent(SECRETS.store)}@db.example.com/latchkey?tlsCertificateKeyFilePassword=${SECRETS.storeOption}`,
  LATCHKEY_MAIL: `smtps://mail-user:${encodeURIComponent(SECRETS.mail)}@mail.example.com:465`,
  GOOGLE_CLIENT_ID: 'client-1',
  GOOGLE_CLIENT_SECRET: SECRETS.google,
};

describe('settings as they are shown', () => {
  const settings = readSettings(owner, environment);
  const shown = shownSettings(settings);
  const of = (key: string) => {
    const { value, from } = shown.find((one) => one.key === key) ?? assert.fail(key);
    return [value, from];
  };

  it('have no secret and no password in them, however it is written', async () => {
    const findings = await adviceOnSettings(settings);
    const viewer = { email: 'root@example.com', admin: true };
    const site = { appName: 'Tally', accentColour: '#0b57d0' };
    const all = `${render(settingsPage(site, viewer, { settings: shown, findings }))} ${JSON.stringify([shown, findings])}`;
    for (const secret of [...Object.values(SECRETS), 'store-user', 'mail-user', 'ann:']) {
      for (const written of [
        secret,
        encodeURIComponent(secret),
        encodeURI(secret),
        secret.replaceAll('&', '&amp;'),
      ])
        assert.ok(!all.includes(written), written);
    }
    for (const key of ['secret', 'google.clientSecret']) assert.equal(of(key)[0], 'set, not shown');
  });

  it('say what is in force, and where it came from', () => {
    assert.deepEqual(of('url'), ['https://id.example.com', 'config/settings.ts']);
    assert.deepEqual(of('tokens.maxDays'), ['200 days', 'config/settings.ts']);
    assert.deepEqual(of('tokens.allowNever'), ['no', 'default']);
    assert.deepEqual(of('signUp'), ['addresses at example.com, and invited', 'config/settings.ts']);
    assert.deepEqual(of('store'), ['mongodb://db.example.com/latchkey', 'LATCHKEY_STORE']);
    assert.deepEqual(of('mail'), [
      'smtps://mail.example.com:465, with a user and a password',
      'LATCHKEY_MAIL',
    ]);
    assert.deepEqual(of('google.clientId'), ['client-1', 'GOOGLE_CLIENT_ID']);
    assert.deepEqual(of('google.issuer'), ['https://accounts.google.com', 'default']);
    assert.deepEqual(of('portalReturnUrls')[0], 'https://app.example.com/account');
    const plain = shownSettings(readSettings({ data: folder }, {}));
    assert.deepEqual(
      plain.filter(({ key }) => ['google', 'secret'].includes(key)).map(({ value, from }) => [value, from]),
      [
        ['set, not shown', 'secret file in the data folder'],
        ['off', 'default'],
      ],
    );
  });
});
