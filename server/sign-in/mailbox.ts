import type { Context } from 'koa';
import type { Site } from '../../views/layout.ts';
import { lookIntoMailboxPage } from '../../views/sign-up.ts';
import type { Settings } from '../ground/settings.ts';
import { sendPage } from '../http/page.ts';

/** Sends people to their mailbox or, where mails are kept as files for trying it out, to that folder. */
export function showMailbox(
  ctx: Context,
  parts: { site: Site; settings: Pick<Settings, 'mail'> },
  given: { text: string; againUrl: string },
): void {
  const { mail } = parts.settings;
  const keptIn = mail.startsWith('file:') ? mail.slice('file:'.length) : undefined;
  sendPage(ctx, lookIntoMailboxPage(parts.site, { ...given, keptIn }));
}
