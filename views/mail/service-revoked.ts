import { timeInProse } from '../../server/ground/time.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner that a service, with its secrets and access tokens, works no longer. */
export function serviceRevoked(
  site: MailSite,
  service: { name: string; revokedAt: number; from: string },
): WrittenMail {
  return {
    subject: `Service revoked: ${service.name}`,
    ...mailLayout(site, {
      heading: 'A service was revoked',
      paragraphs: ['Its secrets and every access token that it held are refused from now on.'],
      facts: [
        { label: 'Name', value: service.name },
        { label: 'Revoked', value: timeInProse(service.revokedAt) },
        { label: 'From', value: service.from },
      ],
      action: { label: 'See your services', url: `${site.url}/services` },
      footer: 'If you did not do this, change your password and look at your sessions on the account page.',
    }),
  };
}
