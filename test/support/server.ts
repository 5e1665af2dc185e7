import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import type { Clock } from '../../server/ground/clock.ts';
import { systemClock } from '../../server/ground/clock.ts';
import { createLog } from '../../server/ground/log.ts';
import { type OwnerSettings, readSettings } from '../../server/ground/settings.ts';
import { serve } from '../../server/serve.ts';
import { passwordCost } from './password-cost.ts';

export type TestServer = {
  url: string;
  dataFolder: string;
  mailFolder: string;
  storeUrl: string;
  firstAdminLink: string | undefined;
  /** Everything that was logged so far, as text. */
  logged(): string;
  stop(): Promise<void>;
};

/** A whole server in this process on a free port, with a folder of its own that goes when it stops. */
export async function startTestServer(
  options: {
    storeUrl?: string;
    clock?: Clock;
    settings?: OwnerSettings;
    keepFolder?: string;
    config?: string;
  } = {},
): Promise<TestServer> {
  const dataFolder = options.keepFolder ?? (await mkdtemp(join(tmpdir(), 'latchkey-test-')));
  const storeUrl = options.storeUrl ?? `sqlite:${join(dataFolder, 'latchkey.db')}`;
  const lines: string[] = [];
  const sink = new Writable({
    write(chunk, _encoding, done) {
      lines.push(String(chunk));
      done();
    },
  });
  const settings = readSettings(
    {
      port: 0,
      data: dataFolder,
      store: storeUrl,
      mail: `file:${join(dataFolder, 'mail')}`,
      ...options.settings,
    },
    options.config === undefined ? {} : { LATCHKEY_CONFIG: options.config },
  );
  const served = await serve(settings, {
    clock: options.clock ?? systemClock,
    log: createLog(sink),
    passwordCost,
  });
  return {
    url: served.url,
    dataFolder,
    mailFolder: join(dataFolder, 'mail'),
    storeUrl,
    firstAdminLink: served.firstAdminLink,
    logged: () => lines.join(''),
    async stop() {
      await served.stop();
      if (options.keepFolder === undefined) await rm(dataFolder, { recursive: true, force: true });
    },
  };
}
