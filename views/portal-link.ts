import { PORTAL_SESSION_SECONDS } from '../server/ground/limits.ts';
import { duration } from '../server/ground/time.ts';
import { type Html, html } from './html.ts';
import { buttonLink, buttons } from './kit/buttons.ts';
import { narrowFormPage } from './kit/form-pages.ts';
import { layout, type Site } from './layout.ts';

type Page = 'tokens' | 'tokens/new' | 'services' | 'apps' | 'activity';

const PLACES: Record<Page, string> = {
  tokens: 'your tokens',
  'tokens/new': 'a new token',
  services: 'your services',
  apps: 'your connected apps',
  activity: 'your activity',
};

/** Behind a portal link: one click goes on. */
export function openPortalPage(
  site: Site,
  { token, page, email }: { token: string; page: Page; email: string },
): Html {
  return narrowFormPage(site, {
    title: `Go on to ${PLACES[page]}`,
    lead: html`${site.appName} sent you here as <strong>${email}</strong>. You are signed in to this page alone, for ${duration(PORTAL_SESSION_SECONDS)}.`,
    problem: undefined,
    action: '/portal',
    fields: { token },
    inputs: [],
    submitLabel: 'Go on',
  });
}

/** For who has no such session any more, with the way back where it is still known. */
export function portalOverPage(site: Site, returnUrl: string | undefined): Html {
  return layout(site, {
    title: 'Your visit is over',
    narrow: true,
    body: html`<p>Go back to ${site.appName}, and open the page from there again if you need it.</p>
${returnUrl !== undefined && buttons(buttonLink(`Back to ${site.appName}`, returnUrl, 'primary'))}
<p>Have you chosen a password here? Then you can <a href="/sign-in">sign in</a> with it.</p>`,
  });
}
