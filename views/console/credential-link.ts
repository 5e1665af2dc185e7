import { type CredentialView, endsOf } from '../credentials.ts';
import { type Html, html } from '../html.ts';

/** Where everybody's tokens and secrets are. */
export const CREDENTIALS_PATH = '/admin/credentials';

/** The name of a token or a secret, which leads to its page, above what is left of its value. */
export function credentialLink(credential: CredentialView): Html {
  const { id, name } = credential;
  return html`<a href="${CREDENTIALS_PATH}/${id}"><bdi>${name}</bdi></a><br>${endsOf(credential)}`;
}
