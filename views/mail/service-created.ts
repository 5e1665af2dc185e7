import { timeInProse } from '../../server/ground/time.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner that client credentials were made in their name. Never holds the secret. */
export function serviceCreated(
  site: MailSite,
  service: {
    id: string;
    name: string;
    /** What it may do, in plain words. */
    allows: readonly string[];
    reach: 'your own data' | 'the whole app';
    resourceServer: boolean;
    createdAt: number;
    /** Network address, or who it was where there is none. */
    from: string;
  },
): WrittenMail {
  return {
    subject: `New service: ${service.name}`,
    ...mailLayout(site, {
      heading: 'A service was given access',
      paragraphs: ['It can get access tokens with its client id and secret, within these limits.'],
      facts: [
        { label: 'Name', value: service.name },
        { label: 'Client id', value: service.id },
        { label: 'Allows', value: service.allows.join('; ') || 'no calls' },
        { label: 'Reaches', value: service.reach },
        ...(service.resourceServer
          ? [{ label: 'Also', value: 'may ask whether any token of this site is good' }]
          : []),
        { label: 'Made', value: timeInProse(service.createdAt) },
        { label: 'From', value: service.from },
      ],
      action: { label: 'See this service', url: `${site.url}/services/${service.id}` },
      footer: 'If you did not do this, revoke the service there and change your password.',
    }),
  };
}
