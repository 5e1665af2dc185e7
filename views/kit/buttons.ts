import { type Html, html, type Part } from '../html.ts';

/** The button that sends a form. One primary button a page; others are `quiet`, beside a text a `link`. */
export function submit(label: string, look: 'primary' | 'quiet' | 'link' | 'danger' = 'primary'): Html {
  return html`<button class="${look}" type="submit">${label}</button>`;
}

/** A link that looks like a button. Only for going somewhere: what changes something is a form. */
export function buttonLink(label: Part, url: string, look: 'primary' | 'quiet' | 'danger' = 'quiet'): Html {
  return html`<a class="button ${look}" href="${url}">${label}</a>`;
}

/** What a button in a row of a list says; screen readers hear of which row as well. */
export function labelOf(label: string, subject: string): Html {
  return html`${label}<span class="unseen"> ${subject}</span>`;
}

/** Leads to another provider, as Google wants its button to look. */
export function googleLink(label: string, url: string, iconUrl = '/assets/google.svg'): Html {
  return html`<a class="button google" href="${url}"><img src="${iconUrl}" alt=""
width="18" height="18">${label}</a>`;
}

/** Buttons side by side; on a phone below each other. */
export function buttons(...items: readonly Part[]): Html {
  return html`<div class="buttons">${items}</div>`;
}

/**
 * A form that changes something. `fields` are sent along unseen; with `once` an id too that no other page has, by which a
 * second post of the same form is known (server/pages/one-time-forms.ts).
 */
export function postForm(props: {
  action: string;
  fields?: Record<string, string> | undefined;
  once?: boolean;
  body: Part;
}): Html {
  const fields = { ...props.fields, ...(props.once === true ? { form_id: crypto.randomUUID() } : {}) };
  const hidden = Object.entries(fields).map(
    ([name, value]) => html`<input type="hidden" name="${name}" value="${value}">`,
  );
  return html`<form method="post" action="${props.action}">${hidden}${props.body}</form>`;
}
