import { allowsOf, LAST_USED_HINT, lastUseOf } from './credentials.ts';
import { type Html, html } from './html.ts';
import { buttonLink, labelOf } from './kit/buttons.ts';
import { code } from './kit/code.ts';
import { confirmPage } from './kit/form-pages.ts';
import { emptyListing, isLong, type Listing, listingForm, listingPages } from './kit/listing.ts';
import { doneNotice } from './kit/notices.ts';
import { bulletList } from './kit/sections.ts';
import { ACTIONS, dataTable } from './kit/tables.ts';
import { relativeTime } from './kit/times.ts';
import { layout, type Site, type Viewer } from './layout.ts';

/** An app that the account let in. */
export type GrantView = {
  grantId: string;
  name: string;
  /** Where it sends people: what the name alone cannot promise. */
  redirectHosts: readonly string[];
  /** What was allowed, in plain words. */
  allows: readonly string[];
  createdAt: number;
  lastUsedAt?: number | undefined;
};

const DONE: Record<string, string> = {
  ended: 'The app was cut off. Its tokens are refused from now on.',
};

/** The apps that an account let in, and the way to cut each off. */
export function appsPage(
  site: Site,
  viewer: Viewer,
  {
    grants,
    listing,
    now,
    done,
  }: { grants: readonly GrantView[]; listing: Listing; now: number; done: string },
): Html {
  return layout(site, {
    title: 'Connected apps',
    lead: 'Apps of others that you let act in your name.',
    viewer,
    current: '/apps',
    body: [
      doneNotice(DONE, done),
      listingForm(listing),
      dataTable({
        caption: 'Connected apps',
        isDense: isLong(listing),
        columns: ['App', 'Allows', 'Allowed', 'Last used', ACTIONS],
        rows: grants.map((grant) => [
          html`${grant.name}<br>${bulletList(grant.redirectHosts.map(code))}`,
          allowsOf(grant.allows),
          relativeTime(grant.createdAt, now),
          lastUseOf(grant, now),
          buttonLink(labelOf('Cut off…', grant.name), `/apps/${grant.grantId}/end`),
        ]),
        empty: emptyListing(listing, {
          title: 'No connected apps',
          text: 'When you let an app in on a consent page, it is listed here and you can cut it off.',
        }),
      }),
      listingPages(listing),
      grants.length > 0 && html`<p class="fine">${LAST_USED_HINT}</p>`,
    ],
  });
}

/** Asks once more before an app is cut off. */
export function endGrantPage(site: Site, viewer: Viewer, grant: GrantView, now: number): Html {
  return confirmPage(site, viewer, {
    title: `Cut off “${grant.name}”?`,
    consequences: [
      'Its access and refresh tokens are refused at once: it can no longer act in your name.',
      html`Last used: ${lastUseOf(grant, now)}`,
      'What it did so far stays. It has to ask you again to come back.',
    ],
    action: `/apps/${grant.grantId}/end`,
    confirmLabel: 'Cut it off',
    current: '/apps',
  });
}
