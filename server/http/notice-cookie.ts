import type { Context } from 'koa';
import { MINUTE_SECONDS } from '../ground/time.ts';
import { readCookie, writeCookie } from './cookies.ts';

/** What was done just now, for the page that comes next. */
export type NoticeCode = 'mailed' | 'admin' | 'confirmed' | 'reset' | 'reset-all' | 'linked';

/** What the next page says of it. */
const SENTENCES: Record<Exclude<NoticeCode, 'mailed'>, string> = {
  admin: 'You are the admin now: everything here is open to you.',
  confirmed: 'Your e-mail address is confirmed and your account is made. You are signed in.',
  reset: 'Your new password is saved and you are signed in. All other sessions were ended.',
  'reset-all':
    'Your new password is saved and you are signed in. All other sessions were ended; your tokens, services and connected apps were revoked.',
  linked: 'From now on you can sign in that way too.',
};

const NAME = 'latchkey_notice';
const NOTICE = /^[\w.-]{1,400}$/;
/** Long enough for a redirect or two. */
const SECONDS = MINUTE_SECONDS;
/** Long enough to wait for a mail. */
const MAILED_SECONDS = 10 * MINUTE_SECONDS;
const SUBJECT_LENGTH_MAX = 254;

/** Has the next page of this browser say what was done, wherever that page is; `subject` is what was typed. */
export function setNotice(ctx: Context, code: NoticeCode, subject = ''): void {
  const shown = subject.trim().slice(0, SUBJECT_LENGTH_MAX);
  const value = `${code}.${Buffer.from(shown).toString('base64url')}`;
  writeCookie(ctx, { name: NAME, value, maxAgeSeconds: code === 'mailed' ? MAILED_SECONDS : SECONDS });
}

/**
 * Where something was just mailed, as often as the page is asked for: people reload it while they wait. It is the
 * browser's own word: shown to it, never believed.
 */
export function mailedTo(ctx: Context): string | undefined {
  const [code, subject] = noticeOf(ctx);
  return code === 'mailed' && subject !== '' ? subject : undefined;
}

/** The sentence for what was done just now, once. */
export function takeSentence(ctx: Context): string | undefined {
  const [code] = noticeOf(ctx);
  if (!Object.hasOwn(SENTENCES, code)) return undefined;
  writeCookie(ctx, { name: NAME, value: '', maxAgeSeconds: 0 });
  return SENTENCES[code as keyof typeof SENTENCES];
}

function noticeOf(ctx: Context): [code: string, subject: string] {
  const value = readCookie(ctx, NAME);
  const [code = '', subject = ''] = NOTICE.test(value) ? value.split('.') : [];
  return [code, Buffer.from(subject, 'base64url').toString()];
}
