import { type Html, html, type Part } from '../html.ts';
import { buttonLink } from './buttons.ts';

/** What happened, or what is wrong. A problem is read out at once, the others when there is time. */
export function notice(kind: 'done' | 'problem' | 'info' | 'warning', text: Part, title?: string): Html {
  const strong = title !== undefined && html`<strong>${title}</strong> `;
  const role = kind === 'problem' ? 'alert' : 'status';
  return html`<div class="notice ${kind}" role="${role}"><p>${strong}${text}</p></div>`;
}

/** The sentence for a `?done=` code; nothing for a code that a page does not know. */
export function doneNotice(sentences: Record<string, string>, done: string): Html | undefined {
  const sentence = Object.hasOwn(sentences, done) ? sentences[done] : undefined;
  return sentence === undefined ? undefined : notice('done', sentence);
}

/** Stands where a list would: what would be here and what to do first. */
export function emptyState(props: {
  title: string;
  text: Part;
  action?: { label: string; url: string } | undefined;
}): Html {
  const action = props.action && buttonLink(props.action.label, props.action.url, 'primary');
  return html`<div class="empty"><h2>${props.title}</h2><p>${props.text}</p>${action}</div>`;
}

/** The state of a thing in a word; never by colour alone. */
export function badge(
  kind: 'active' | 'expiring' | 'expired' | 'revoked' | 'admin' | 'problem' | 'neutral',
  text: string,
): Html {
  return html`<span class="badge ${kind}">${text}</span>`;
}
