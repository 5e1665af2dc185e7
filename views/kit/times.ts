import { isoTime, timeFromNow, timeToTheSecond } from '../../server/ground/time.ts';
import { type Html, html } from '../html.ts';

/** Epoch seconds as people say it ("3 minutes ago"), the exact time on hover and for machines. */
export function relativeTime(at: number, now: number): Html {
  return html`<time datetime="${isoTime(at)}" title="${timeToTheSecond(at)}">${timeFromNow(at - now)}</time>`;
}

/** Epoch seconds in full: `2026-02-20 14:03:22 UTC`. */
export function exactTime(at: number): Html {
  return html`<time datetime="${isoTime(at)}">${timeToTheSecond(at)}</time>`;
}
