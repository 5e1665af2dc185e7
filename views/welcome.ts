import { type Html, html } from './html.ts';
import { buttonLink } from './kit/buttons.ts';
import { bulletList } from './kit/sections.ts';
import { layout, type Site } from './layout.ts';
import { federationLink } from './sign-in.ts';

/** `/` for somebody who is not signed in: what this is for a user of the app, and the two ways in. */
export function welcomePage(site: Site): Html {
  return layout(site, {
    title: 'Welcome',
    heading: `Use ${site.appName} from your own tools`,
    lead: 'Sign in to make access tokens for your scripts, your services and the apps that you trust.',
    narrow: true,
    body: html`${bulletList([
      'Make a token for each thing that needs one, with only what it may do and an end date.',
      'See when each token was last used, and what was done with it.',
      'Cut off a token or a connected app at once.',
    ])}
<div class="buttons stacked">${buttonLink('Sign in', '/sign-in', 'primary')}
${site.provider !== undefined && federationLink({ name: site.provider, url: '/sign-in/google', iconUrl: site.providerIconUrl })}
${site.signUp?.isOpen !== false && buttonLink('Make an account', '/sign-up')}</div>
${site.signUp && html`<p class="fine">${site.signUp.note}</p>`}`,
  });
}
