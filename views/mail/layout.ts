import { timeInProse } from '../../server/ground/time.ts';
import { type Html, html, linkable, type Part, raw, render } from '../html.ts';

/** What mails know of the app: the settings, or those of them that there are. */
export type MailSite = {
  appName: string;
  /** Public URL of this site, without a trailing slash. */
  url: string;
  /** `#rrggbb`, dark enough for white text. */
  accentColour?: string | undefined;
  /** Path of the file of the logo. */
  logo?: string | undefined;
};

/** A mail but for whom it goes to: what each of the files beside this one answers. */
export type WrittenMail = { subject: string; text: string; html: string };

/** A name and a value of the thing that a mail is about, on a line of its own; `false` leaves it out. */
type Fact = { label: string; value: string };

/** What a mail says, once for both of its parts. */
type MailContent = {
  subject: string;
  heading: string;
  /** Text, or Html made of inline elements. */
  paragraphs: readonly (string | Html)[];
  facts?: readonly (Fact | false)[];
  action?: { label: string; url: string };
  /** Why this came and what to do if it was not expected. */
  footer: string | Html;
};

/** The footer of a mail about an end, which cannot be undone on the page that the mail leads to. */
export const IF_NOT_YOU =
  'If you did not do this, change your password and look at your sessions on the account page.';

/** When something was done, and from which network address, or by whom where there is none. */
export function doneFacts(label: string, at: number, from: string): Fact[] {
  return [
    { label, value: timeInProse(at) },
    { label: 'From', value: from },
  ];
}

/** How long a mailed link is good, and from which network address it was asked for. */
export function linkFacts(link: { expiresAt: number; from?: string }): Fact[] {
  const until = { label: 'Good until', value: timeInProse(link.expiresAt) };
  return link.from === undefined ? [until] : [until, { label: 'Asked for from', value: link.from }];
}

/**
 * The text and the HTML part of a mail, from one source so that they say the same. Styles stand inline and
 * the markup is plain, since mail programs drop most else; the address of the action can be read as well.
 */
export function mailLayout(site: MailSite, content: MailContent): WrittenMail {
  const facts = (content.facts ?? []).filter((fact) => fact !== false);
  const text = textOf(site, content, facts);
  return { subject: content.subject, text, html: render(htmlOf(site, content, facts)) };
}

function textOf(site: MailSite, content: MailContent, known: readonly Fact[]): string {
  const facts = known.map(({ label, value }) => `${label}: ${oneLine(value)}`).join('\n');
  const action = content.action && `${content.action.label}:\n${checked(content.action.url)}`;
  const footer = `-- \n${plain(content.footer)}\n${site.appName} · ${site.url}`;
  const blocks = [content.heading, ...content.paragraphs.map(plain), facts, action, footer];
  return `${blocks.filter((block) => block !== undefined && block !== '').join('\n\n')}\n`;
}

const FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif;";
const STYLES = {
  body: 'margin:0;padding:24px 12px;background:#f4f5f7;',
  card:
    'max-width:560px;margin:0 auto;padding:28px 24px;background:#ffffff;color:#1c2127;' +
    `border:1px solid #d8dce2;border-radius:8px;font-size:16px;line-height:1.5;${FONT}`,
  app: 'margin:0 0 20px;font-weight:600;color:#59626e;',
  logo: 'height:28px;width:auto;max-width:200px;vertical-align:middle;margin-right:8px;border:0;',
  heading: 'margin:0 0 16px;font-size:22px;line-height:1.3;',
  paragraph: 'margin:0 0 16px;overflow-wrap:anywhere;',
  button:
    'display:inline-block;padding:12px 20px;color:#ffffff;' +
    'border-radius:6px;font-weight:600;text-decoration:none;',
  address: 'margin:0 0 16px;font-size:14px;color:#59626e;overflow-wrap:anywhere;',
  footer: 'margin:24px 0 0;padding-top:16px;border-top:1px solid #d8dce2;font-size:14px;color:#59626e;',
} as const;

/** Style attributes are constants of ours, which is why they may pass the escaping tag. */
function style(name: keyof typeof STYLES): Html {
  return raw(` style="${STYLES[name]}"`);
}

/** The colour stands last, because mail programs take what they understand. */
function buttonStyle({ accentColour = '' }: MailSite): Html {
  const colour = /^#[0-9a-f]{6}$/i.test(accentColour) ? accentColour : '#1f2933';
  return raw(` style="${STYLES.button}background:${colour};"`);
}

/** Loaded from this site, by its height alone so that a wordmark keeps its shape; where it is not, the name is there. */
function logoOf({ url, logo }: MailSite): Html | undefined {
  const extension = /\.(?:svg|png)$/i.exec(logo ?? '')?.[0].toLowerCase();
  if (extension === undefined) return undefined;
  return html`<img src="${`${url}/assets/logo${extension}`}" alt="" height="28"${style('logo')}> `;
}

function htmlOf(site: MailSite, content: MailContent, known: readonly Fact[]): Html {
  const paragraph = (part: Part) => html`<p${style('paragraph')}>${part}</p>\n`;
  const facts = known.map(
    ({ label, value }, index) =>
      html`${index > 0 && raw('<br>')}${label}: <strong>${oneLine(value)}</strong>`,
  );
  const url = content.action && checked(content.action.url);
  return html`<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light"><title>${content.heading}</title></head>
<body${style('body')}><div${style('card')}>
<p${style('app')}>${logoOf(site)}${site.appName}</p>
<h1${style('heading')}>${content.heading}</h1>
${content.paragraphs.map(paragraph)}${facts.length > 0 && paragraph(facts)}${
  url !== undefined &&
  html`<p${style('paragraph')}><a href="${url}"${buttonStyle(site)}>${content.action?.label}</a></p>
<p${style('address')}>If the button does not work, open this address: <br><a href="${url}">${url}</a></p>
`
}<p${style('footer')}>${content.footer}<br>${site.appName} · <a href="${site.url}">${site.url}</a></p>
</div></body></html>
`;
}

/** The address of an action is ours and absolute; anything else is our bug and must not be mailed. */
function checked(url: string): string {
  if (!linkable(url) || !/^https?:/i.test(url)) throw new TypeError('a mail links to http(s) addresses only');
  return url;
}

/** Values that people chose must not add lines that look like ours. */
function oneLine(value: string): string {
  return value.replace(/\s+/g, ' ');
}

/** The words of an inline Html; a link keeps its address behind its words. */
function plain(part: string | Html): string {
  if (typeof part === 'string') return part;
  return render(part)
    .replace(/<a [^>]*href="([^"]*)"[^>]*>(.*?)<\/a>/g, (_, url: string, label: string) =>
      url === label ? url : `${label} (${url})`,
    )
    .replace(/<br\s*\/?>/g, '\n')
    .replace(/<[^>]+>/g, '')
    .replace(/&(lt|gt|quot|#39|#96|amp);/g, (_, name: string) => CHARACTERS[name] ?? '');
}

const CHARACTERS: Record<string, string> = { lt: '<', gt: '>', quot: '"', '#39': "'", '#96': '`', amp: '&' };
