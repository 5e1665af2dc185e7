import { timeInProse } from '../../server/ground/time.ts';
import { IF_NOT_YOU, type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** Stands for all that was made and ended in an account after so much in a short time that each had its own mail. */
export function manyChanges(site: MailSite, period: { from: number; until: number }): WrittenMail {
  return mailLayout(site, {
    subject: `Many changes in your account at ${site.appName}`,
    heading: 'Many changes in your account',
    paragraphs: [
      'More was made or ended in your account than we write about one by one, so this mail stands for the rest.',
      'The activity page has each of them, with its time and who did it.',
    ],
    facts: [
      { label: 'From', value: timeInProse(period.from) },
      { label: 'Until', value: timeInProse(period.until) },
    ],
    action: { label: 'See what was done', url: `${site.url}/activity` },
    footer: IF_NOT_YOU,
  });
}
