import { servicePaused, serviceResumed } from '../../views/mail/services.ts';
import { type Actor, originOf } from '../ground/actor.ts';
import { noSuch } from '../ground/errors.ts';
import { pauseOf, RESUMED, requireMayResume } from './admin-pause.ts';
import { type Client, isLiveClient } from './client.ts';
import type { ClientDependencies } from './dependencies.ts';
import { auditEntry, mailToOwner } from './owner.ts';

const NOT_REVOKED = ['revokedAt', 'absent'] as const;

/**
 * Has a service open nothing until it is resumed: its secrets and its access tokens are refused from the next call on.
 * False when it was paused already. Throws Problem 404 for one that is revoked.
 */
export async function pauseService(
  parts: ClientDependencies,
  service: Client,
  actor: Actor,
): Promise<boolean> {
  const { clients, accounts, effects, clock, settings } = parts;
  if (!isLiveClient(service)) throw noSuch('service');
  const pausedAt = clock();
  const { set, guard } = pauseOf(actor, pausedAt);
  const mail = servicePaused(settings, { ...service, ...set, from: originOf(actor) });
  const caused = {
    audit: [auditEntry('service.paused', service, actor)],
    // Where the site itself does it, its mail says why.
    mail: actor.kind === 'system' ? [] : await mailToOwner(accounts, service.accountId, mail),
  };
  return (await effects.update(clients, service.id, { set }, [NOT_REVOKED, ...guard], caused)) !== undefined;
}

/**
 * Has a paused service work again; false when it was not paused. Throws Problem 404 for one that is revoked, and 403 for
 * its owner where an admin paused it.
 */
export async function resumeService(
  parts: ClientDependencies,
  service: Client,
  actor: Actor,
): Promise<boolean> {
  const { clients, accounts, effects, clock, settings } = parts;
  if (!isLiveClient(service)) throw noSuch('service');
  await requireMayResume(parts, service, actor);
  const mail = serviceResumed(settings, { ...service, resumedAt: clock(), from: originOf(actor) });
  const caused = {
    audit: [auditEntry('service.resumed', service, actor)],
    mail: await mailToOwner(accounts, service.accountId, mail),
    repeatable: true,
  };
  const guard = [NOT_REVOKED, ...RESUMED.guard] as const;
  return (await effects.update(clients, service.id, RESUMED.change, guard, caused)) !== undefined;
}
