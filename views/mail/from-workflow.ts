import { html, raw } from '../html.ts';
import { type MailSite, mailLayout, type WrittenMail } from './layout.ts';

/** A mail that a workflow wrote as plain text: its blank lines part paragraphs, its line ends are kept. */
export function fromWorkflow(
  site: MailSite,
  mail: { subject: string; text: string; workflow: string },
): WrittenMail {
  const paragraphs = mail.text
    .trim()
    .split(/\n{2,}/)
    .map((lines) => html`${lines.split('\n').map((line, index) => [index > 0 && raw('<br>'), line])}`);
  return mailLayout(site, {
    subject: mail.subject,
    heading: mail.subject,
    paragraphs,
    footer: `Sent because ${mail.workflow} was called on ${site.appName}.`,
  });
}
