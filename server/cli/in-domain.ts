import { pino } from 'pino';
import { settings as ownerSettings } from '../../config/settings.ts';
import type { Actor } from '../activity/audit.ts';
import { systemClock } from '../clock.ts';
import { type Domain, openDomain } from '../domain.ts';
import { readSettings } from '../settings.ts';

/** Who acts, for the audit: whoever may run commands here may read and write the store anyway. */
export const OPERATOR: Actor = { kind: 'operator' };

/** Runs `work` on the store of the settings, which running servers may be using at the same time. */
export async function inDomain(work: (domain: Domain) => Promise<void>): Promise<void> {
  const settings = readSettings(ownerSettings, process.env);
  const domain = await openDomain(settings, { clock: systemClock, log: pino({ level: 'silent' }) });
  try {
    await work(domain);
  } finally {
    await domain.close();
  }
}
