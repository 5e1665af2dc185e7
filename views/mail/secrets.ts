import { timeInProse } from '../../server/ground/time.ts';
import { doneFacts, IF_NOT_YOU, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** A secret of a service or an app. */
type Secret = {
  name: string;
  clientName: string;
  /** Page of the service or the app on this site. */
  path: string;
  from: string;
};

/** Tells the owner of a service or an app that it has a further secret. Never holds the secret. */
export function secretAdded(
  site: MailSite,
  secret: Secret & {
    expiresAt?: number | undefined;
    createdAt: number;
    /** Present when it takes the place of the others: when the last of them ends. */
    othersEndAt?: number | undefined;
  },
): WrittenMail {
  const { expiresAt, othersEndAt } = secret;
  const rotated = othersEndAt !== undefined;
  return mailLayout(site, {
    subject: `${rotated ? 'Secret rotated' : 'New secret'}: ${secret.clientName}`,
    heading: rotated ? 'A client secret was rotated' : 'A client secret was made',
    paragraphs: [
      rotated
        ? 'A new secret is good from now on; the older ones end as below at the latest.'
        : 'It is good beside the ones that were there before.',
    ],
    facts: [
      { label: 'Client', value: secret.clientName },
      { label: 'Name of the secret', value: secret.name },
      { label: 'Expires', value: expiresAt === undefined ? 'never' : timeInProse(expiresAt) },
      rotated && { label: 'Older secrets end', value: timeInProse(othersEndAt) },
      ...doneFacts('Made', secret.createdAt, secret.from),
    ],
    action: { label: 'See its secrets', url: `${site.url}${secret.path}` },
    footer: 'If you did not do this, revoke the secret there and change your password.',
  });
}

/** Tells the owner of a service or an app that one of its secrets works no longer. */
export function secretRevoked(site: MailSite, secret: Secret & { revokedAt: number }): WrittenMail {
  return mailLayout(site, {
    subject: `Secret revoked: ${secret.clientName}`,
    heading: 'A client secret was revoked',
    paragraphs: ['It is refused from now on. The other secrets of this client go on working.'],
    facts: [
      { label: 'Client', value: secret.clientName },
      { label: 'Name of the secret', value: secret.name },
      ...doneFacts('Revoked', secret.revokedAt, secret.from),
    ],
    action: { label: 'See its secrets', url: `${site.url}${secret.path}` },
    footer: IF_NOT_YOU,
  });
}
