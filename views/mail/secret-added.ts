import { timeInProse } from '../../server/ground/time.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Tells the owner of a service or an app that it has a further secret. Never holds the secret. */
export function secretAdded(
  site: MailSite,
  secret: {
    name: string;
    clientName: string;
    /** Page of the service or the app on this site. */
    path: string;
    expiresAt?: number | undefined;
    createdAt: number;
    /** Present when it takes the place of the others: when the last of them ends. */
    othersEndAt?: number | undefined;
    /** Network address, or who it was where there is none. */
    from: string;
  },
): WrittenMail {
  const rotated = secret.othersEndAt !== undefined;
  return {
    subject: `${rotated ? 'Secret rotated' : 'New secret'}: ${secret.clientName}`,
    ...mailLayout(site, {
      heading: rotated ? 'A client secret was rotated' : 'A client secret was added',
      paragraphs: rotated
        ? ['A new secret is good from now on; the older ones end as below at the latest.']
        : ['It is good beside the ones that were there before.'],
      facts: [
        { label: 'Client', value: secret.clientName },
        { label: 'Name of the secret', value: secret.name },
        { label: 'Expires', value: secret.expiresAt === undefined ? 'never' : timeInProse(secret.expiresAt) },
        ...(secret.othersEndAt === undefined
          ? []
          : [{ label: 'Older secrets end', value: timeInProse(secret.othersEndAt) }]),
        { label: 'Made', value: timeInProse(secret.createdAt) },
        { label: 'From', value: secret.from },
      ],
      action: { label: 'See its secrets', url: `${site.url}${secret.path}` },
      footer: 'If you did not do this, revoke the secret there and change your password.',
    }),
  };
}
