import type { CredentialView } from '../credentials.ts';
import { type Html, html } from '../html.ts';

/** Where everybody's tokens and secrets are. */
export const CREDENTIALS_PATH = '/admin/credentials';

/** The name of a token or a secret, which leads to its page, above what is left of its value. */
export function credentialLink({ id, name, prefix, firstFour, lastFour }: CredentialView): Html {
  return html`<a href="${CREDENTIALS_PATH}/${id}"><bdi>${name}</bdi></a><br><code class="ends">${prefix}${firstFour}…${lastFour}</code>`;
}
