import type { Context } from 'koa';
import { lookIntoMailboxPage } from '../../views/sign-up.ts';
import { sendPage } from '../http/page.ts';
import type { SignInDependencies } from './dependencies.ts';

/**
 * Sends people to their mailbox or, where mails are kept as files for trying it out, to that folder. From there they
 * may come back and try again.
 */
export function showMailbox(ctx: Context, { site, settings }: SignInDependencies, text: string): void {
  const { mail } = settings;
  const keptIn = mail.startsWith('file:') ? mail.slice('file:'.length) : undefined;
  sendPage(ctx, lookIntoMailboxPage(site, { text, againUrl: ctx.path, keptIn }));
}
