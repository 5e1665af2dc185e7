import type { Context } from 'koa';
import { Problem } from '../ground/errors.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { Form } from '../http/body.ts';
import { writeCookie } from '../http/cookies.ts';

const PROBE = 'latchkey_cookies';

/** What the form of a page says that `keepProbe` was called for. */
export const PROBE_FIELDS = { cookies: 'asked' } as const;

/** Gives a browser without any cookie one, by which its form will show that it keeps cookies. */
export function keepProbe(ctx: Context): void {
  if (ctx.get('cookie') === '') writeCookie(ctx, { name: PROBE, value: '1', maxAgeSeconds: DAY_SECONDS });
}

/** Throws Problem 400 for a form of such a page that comes back without any cookie: signing in would lead nowhere. */
export function requireCookies(ctx: Context, form: Form): void {
  if (form.one('cookies') === PROBE_FIELDS.cookies && ctx.get('cookie') === '') throw cookiesOff();
}

/** A browser came back without any cookie: without them nobody can be signed in. */
export function cookiesOff(): Problem {
  return new Problem({
    status: 400,
    code: 'COOKIES_OFF',
    message:
      'Your browser sent no cookie: it keeps no cookies for this site, or you began in another browser.',
    hint: 'Allow cookies for this site in the settings of your browser, then go to the sign-in page and start again.',
  });
}
