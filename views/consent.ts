import { type Html, html, type Part } from './html.ts';
import { buttons, postForm, submit } from './kit/buttons.ts';
import { code } from './kit/code.ts';
import { badge, notice } from './kit/notices.ts';
import { bulletList, keyValues, section } from './kit/sections.ts';
import { layout, type Site } from './layout.ts';

/** What an app asks a person for. */
type ConsentPage = {
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
  scopes: readonly { description: string; isNew: boolean; isData: boolean }[];
  /** Where the answers are sent: below this path. */
  path: string;
};

/** Whether an app may act for somebody. Both answers are a click; nothing is allowed beforehand. */
export function consentPage(site: Site, props: ConsentPage): Html {
  const { app } = props;
  return layout(site, {
    title: `Allow ${app.name}?`,
    heading: `${app.name} wants to use your ${site.appName} account`,
    narrow: true,
    body: [
      keyValues([
        { label: 'Signed in as', value: html`<strong>${props.email}</strong>` },
        { label: 'Sends you back to', value: code(app.goesTo) },
      ]),
      section({ title: 'It will be able to', plain: true, body: scopeLists(props.scopes) }),
      warnings(site, app),
      html`<p class="fine">It keeps this access, also while you are away, until you cut it off. You can do that at any time
on your page <strong>Connected apps</strong>.</p>`,
      buttons(
        postForm({ action: `${props.path}/allow`, body: submit('Allow') }),
        postForm({ action: `${props.path}/deny`, body: submit('Deny', 'quiet') }),
      ),
      postForm({
        action: `${props.path}/switch-account`,
        body: html`<p class="fine">Not you? ${submit('Use another account', 'link')}<br>
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

function scopeLists(scopes: ConsentPage['scopes']): Part {
  const data = scopes.filter(({ isData }) => isData);
  const others = scopes.filter(({ isData }) => !isData);
  return [
    others.length > 0 && bulletList(others.map(scopeLine)),
    data.length > 0 && html`<p>With data, as far as you may yourself:</p>${bulletList(data.map(scopeLine))}`,
  ];
}

function scopeLine({ description, isNew }: ConsentPage['scopes'][number]): Html {
  return html`${description}${isNew && html` ${badge('neutral', 'New')}`}`;
}
