import { isoTime, timeFromNow, timeToTheMinute, timeToTheSecond } from '../../server/ground/time.ts';
import { type Html, html } from '../html.ts';

/**
 * Epoch seconds as people say it, with the exact time behind it for all to read, also without a mouse: `3 minutes ago
 * (2026-02-20 14:03 UTC)`. The second is there on hover and for machines.
 */
export function relativeTime(at: number, now: number): Html {
  return html`<time datetime="${isoTime(at)}" title="${timeToTheSecond(at)}">${timeFromNow(at - now)}</time>
<span class="exact">(${timeToTheMinute(at)})</span>`;
}

/** Epoch seconds in full: `2026-02-20 14:03:22 UTC`. */
export function exactTime(at: number): Html {
  return html`<time datetime="${isoTime(at)}">${timeToTheSecond(at)}</time>`;
}
