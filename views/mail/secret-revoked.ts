import { timeInProse } from '../../server/ground/time.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner of a service or an app that one of its secrets works no longer. */
export function secretRevoked(
  site: MailSite,
  secret: {
    name: string;
    clientName: string;
    /** Page of the service or the app on this site. */
    path: string;
    revokedAt: number;
    /** Network address, or who it was where there is none. */
    from: string;
  },
): WrittenMail {
  return {
    subject: `Secret revoked: ${secret.clientName}`,
    ...mailLayout(site, {
      heading: 'A client secret was revoked',
      paragraphs: ['It is refused from now on. The other secrets of this client go on working.'],
      facts: [
        { label: 'Client', value: secret.clientName },
        { label: 'Name of the secret', value: secret.name },
        { label: 'Revoked', value: timeInProse(secret.revokedAt) },
        { label: 'From', value: secret.from },
      ],
      action: { label: 'See its secrets', url: `${site.url}${secret.path}` },
      footer: 'If you did not do this, change your password and look at your sessions on the account page.',
    }),
  };
}
