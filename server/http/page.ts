import type { Context } from 'koa';
import { type Html, render } from '../../views/html.ts';
import { notice } from '../../views/kit/notices.ts';
import { NOTICE_PLACE } from '../../views/layout.ts';
import { takeSentence } from './notice-cookie.ts';
import { setPageHeaders } from './security-headers.ts';

/** Sends a page: never kept by a cache, because pages show an account's own things and, once, a secret. */
export function sendPage(ctx: Context, page: Html, status = 200): void {
  setPageHeaders(ctx);
  ctx.status = status;
  ctx.type = 'text/html; charset=utf-8';
  ctx.set('Cache-Control', 'no-store');
  // What was done on the page before is said here, unless something is wrong by now.
  const done = status === 200 ? takeSentence(ctx) : undefined;
  ctx.body = render(page).replace(NOTICE_PLACE, () =>
    done === undefined ? '' : render(notice('done', done)),
  );
}

/**
 * The answer to a form, and to whoever must go elsewhere first: open `location` with GET (RFC 9110 section
 * 15.4.4).
 */
export function seeOther(ctx: Context, location: string): void {
  ctx.status = 303;
  ctx.set('Cache-Control', 'no-store');
  ctx.set('Location', location);
  ctx.body = '';
}
