import { type Html, html, raw } from './html.ts';
import { buttonLink, buttons } from './kit/buttons.ts';
import { layout, type Site } from './layout.ts';

/** Asked when an app sends the person here to sign out. The engine's own form holds what proves the request. */
export function logoutPage(
  site: Site,
  form: string,
  /** The app named an address to go to afterwards that is not registered for it. */
  { staysHere }: { staysHere: boolean },
): Html {
  return layout(site, {
    title: 'Sign out',
    heading: `Sign out of ${site.appName}?`,
    narrow: true,
    body: html`<p>An app asks to sign you out here. You would also be signed out of the apps that you opened from here.</p>${
      staysHere &&
      html`<p class="fine">The app also named an address to go to afterwards, in a way that cannot be followed. So you stay
on this site.</p>`
    }
${buttons(
  raw(form),
  html`<button class="primary" type="submit" form="op.logoutForm" name="logout" value="yes">Sign out</button>
<button class="quiet" type="submit" form="op.logoutForm">Stay signed in</button>`,
)}`,
  });
}

/** After signing out where an app asked for it. */
export function signedOutPage(site: Site): Html {
  return layout(site, {
    title: 'Signed out',
    narrow: true,
    body: html`<p>You are signed out of ${site.appName} in this browser.</p>
${buttons(buttonLink('Sign in again', '/sign-in'))}`,
  });
}

/** After the question whether to sign out was answered with no. */
export function stillSignedInPage(site: Site): Html {
  return layout(site, {
    title: 'Still signed in',
    narrow: true,
    body: html`<p>You are still signed in to ${site.appName} in this browser.</p>
${buttons(buttonLink('Go on', '/'))}`,
  });
}
