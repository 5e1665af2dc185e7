import type { ServiceView } from '../services.ts';
import { doneFacts, IF_NOT_YOU, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner that client credentials were made in their name. Never holds the secret. */
export function serviceCreated(
  site: MailSite,
  service: Omit<ServiceView, 'isAdmin'> & { from: string },
): WrittenMail {
  return mailLayout(site, {
    subject: `New service: ${service.name}`,
    heading: 'A service was given access',
    paragraphs: ['It can get access tokens with its client id and secret, within these limits.'],
    facts: [
      { label: 'Name', value: service.name },
      { label: 'Client id', value: service.id },
      { label: 'Allows', value: service.allows.join('; ') || 'no calls' },
      { label: 'Reaches', value: service.actsFor === 'app' ? 'the whole app' : 'your own data' },
      service.resourceServer && { label: 'Also', value: 'may ask whether any token of this site is good' },
      ...doneFacts('Made', service.createdAt, service.from),
    ],
    action: { label: 'See this service', url: `${site.url}/services/${service.id}` },
    footer: 'If you did not do this, revoke the service there and change your password.',
  });
}

/** Tells the owner that a service of theirs may do something else from now on. */
export function serviceChanged(
  site: MailSite,
  service: Pick<ServiceView, 'id' | 'name' | 'allows'> & { changedAt: number; from: string },
): WrittenMail {
  return mailLayout(site, {
    subject: `Service changed: ${service.name}`,
    heading: 'The settings of a service were changed',
    paragraphs: ['This is what it may do from now on.'],
    facts: [
      { label: 'Name', value: service.name },
      { label: 'Client id', value: service.id },
      { label: 'Allows', value: service.allows.join('; ') || 'no calls' },
      ...doneFacts('Changed', service.changedAt, service.from),
    ],
    action: { label: 'See this service', url: `${site.url}/services/${service.id}` },
    footer: IF_NOT_YOU,
  });
}

/** Tells the owner that a service opens nothing until it is resumed. */
export function servicePaused(
  site: MailSite,
  service: Pick<ServiceView, 'id' | 'name'> & {
    pausedAt: number;
    pausedByAdmin?: true | undefined;
    from: string;
  },
): WrittenMail {
  const byAdmin = service.pausedByAdmin === true;
  return mailLayout(site, {
    subject: `Service paused: ${service.name}`,
    heading: 'A service was paused',
    paragraphs: [
      `Its secrets and every access token that it holds are refused until ${byAdmin ? 'an admin resumes' : 'you resume'} it. Nothing of it is lost.`,
    ],
    facts: [
      { label: 'Name', value: service.name },
      { label: 'Client id', value: service.id },
      ...doneFacts('Paused', service.pausedAt, service.from),
    ],
    action: { label: 'See this service', url: `${site.url}/services/${service.id}` },
    footer: byAdmin
      ? 'Only an admin can resume it: ask the people who run this site.'
      : 'You can resume it there at any time.',
  });
}

/** Tells the owner that a service that was paused works again. */
export function serviceResumed(
  site: MailSite,
  service: Pick<ServiceView, 'id' | 'name'> & { resumedAt: number; from: string },
): WrittenMail {
  return mailLayout(site, {
    subject: `Service resumed: ${service.name}`,
    heading: 'A paused service works again',
    paragraphs: ['Its secrets, and the access tokens that it still holds, are taken again.'],
    facts: [
      { label: 'Name', value: service.name },
      { label: 'Client id', value: service.id },
      ...doneFacts('Resumed', service.resumedAt, service.from),
    ],
    action: { label: 'See this service', url: `${site.url}/services/${service.id}` },
    footer: IF_NOT_YOU,
  });
}

/** Tells the owner that a service, with its secrets and access tokens, works no longer. */
export function serviceRevoked(
  site: MailSite,
  service: { name: string; revokedAt: number; from: string },
): WrittenMail {
  return mailLayout(site, {
    subject: `Service revoked: ${service.name}`,
    heading: 'A service was revoked',
    paragraphs: ['Its secrets and every access token that it held are refused from now on.'],
    facts: [{ label: 'Name', value: service.name }, ...doneFacts('Revoked', service.revokedAt, service.from)],
    action: { label: 'See your services', url: `${site.url}/services` },
    footer: IF_NOT_YOU,
  });
}
