import { type Html, html, type Part } from './html.ts';
import { layout, type Site } from './layout.ts';
import { badge, buttons, code, keyValues, notice, postForm, section, submit } from './parts.ts';

/** What an app asks a person for. */
export type ConsentPage = {
  app: {
    name: string;
    clientId: string;
    /** Where the answer goes: a host, or the whole URI for a scheme that belongs to no host. */
    goesTo: string;
    /** It only ever answers to this computer, so its name proves nothing. */
    loopback: boolean;
    /** Registered by an admin of this site. */
    ours: boolean;
  };
  /** E-mail of who is signed in. */
  email: string;
  scopes: readonly { name: string; description: string; isNew: boolean }[];
  allowAction: string;
  denyAction: string;
  switchAction: string;
};

/**
 * The decision whether an app may act for somebody. Both answers are a click; nothing is allowed beforehand.
 */
export function consentPage(site: Site, given: ConsentPage): Html {
  const { app } = given;
  return layout(site, {
    title: `Allow ${app.name}?`,
    heading: `${app.name} wants to use your ${site.appName} account`,
    narrow: true,
    body: [
      keyValues([
        { label: 'Signed in as', value: html`<strong>${given.email}</strong>` },
        { label: 'Sends you back to', value: code(app.goesTo) },
      ]),
      section({ title: 'It will be able to', plain: true, body: scopeList(given.scopes) }),
      warnings(site, app),
      html`<p class="fine">It keeps this access, also while you are away, until you cut it off. You can do that at any time
on your page <strong>Connected apps</strong>.</p>`,
      buttons(
        postForm({ action: given.allowAction, body: submit('Allow') }),
        postForm({ action: given.denyAction, body: submit('Deny', { quiet: true }) }),
      ),
      postForm({
        action: given.switchAction,
        body: html`<p class="fine">Not you? ${submit('Use another account', { link: true })}<br>
App id: ${code(app.clientId)}</p>`,
      }),
    ],
  });
}

function warnings(site: Site, app: ConsentPage['app']): Part {
  return [
    !app.ours &&
      notice(
        'info',
        `Somebody who has an account at ${site.appName} registered this app and gave it its name. ${site.appName} did not check it.`,
      ),
    app.loopback &&
      notice(
        'warning',
        'Allow it only if you started it on this computer a moment ago. Any program here can give itself this name.',
        'This app runs on your own computer.',
      ),
  ];
}

function scopeList(scopes: ConsentPage['scopes']): Html {
  const items = scopes.map(
    (scope) => html`<li>${scope.description}${scope.isNew && html` ${badge('neutral', 'New')}`}</li>`,
  );
  return html`<ul class="bullets">${items}</ul>`;
}
