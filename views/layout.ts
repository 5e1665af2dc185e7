import { type Html, html, isThere, type Part, raw } from './html.ts';
import { buttonLink } from './kit/buttons.ts';

/** What pages know of the app that they belong to; made from the settings once. */
export type Site = {
  appName: string;
  /** `#rrggbb`, dark enough for white text. Served as /assets/accent.css: the policy forbids inline style. */
  accentColour: string;
  /** Path of the logo on this site. */
  logoUrl?: string | undefined;
  /** Name of the other provider that people can sign in with, if there is one: `Google`. */
  provider?: string | undefined;
  /** Path of its icon on this site. */
  providerIconUrl?: string | undefined;
  /** Who may sign up, where that is not anyone: whether the form is there for somebody, and a sentence about it. */
  signUp?: { isOpen: boolean; note: string } | undefined;
  /** Whether people come here by portal links, most of whom have nothing to sign in with. */
  portalLinks?: boolean | undefined;
  /** What only admins register here. */
  adminsOnly?: { apps: boolean; services: boolean } | undefined;
};

/** Who looks at the page. */
export type Viewer = {
  email: string;
  admin: boolean;
  /** Of who came by a portal link: the one section that they may see. */
  portal?: { section: string } | undefined;
};

/** The pages of both navigations; `current` of a page is one of these paths. */
export type Section = (typeof NAVIGATION)[number]['path'] | ConsoleSection;

/** Those of whoever runs the app. */
export type ConsoleSection = (typeof CONSOLE_NAVIGATION)[number]['path'];

/** What a page puts into the document around it. */
export type Page = {
  /** Of the window, and of the h1 where there is no `heading`. */
  title: string;
  /** The h1, where it says more than the title. */
  heading?: string | undefined;
  /** Of a page below another one: the way up. */
  back?: { label: string; url: string } | undefined;
  /** A sentence under the h1. */
  lead?: Part;
  /** The primary action of a page that lists things: stands beside the h1. */
  action?: { label: string; url: string } | undefined;
  viewer?: Viewer | undefined;
  current?: Section | undefined;
  /** One calm centred card without navigation: sign-in, consent, problems. */
  narrow?: boolean | undefined;
  body: Part;
};

const NAVIGATION = [
  { path: '/tokens', label: 'Tokens' },
  { path: '/services', label: 'Services' },
  { path: '/apps', label: 'Connected apps' },
  { path: '/developer', label: 'Developer' },
  { path: '/activity', label: 'Activity' },
  { path: '/account', label: 'Account' },
] as const;

/** Which page of the console an address is below, if it is one. */
export function consoleSectionAt(path: string): { path: ConsoleSection; label: string } | undefined {
  if (path !== '/admin' && !path.startsWith('/admin/')) return undefined;
  const [overview, ...others] = CONSOLE_NAVIGATION;
  return others.find((one) => `${path}/`.startsWith(`${one.path}/`)) ?? overview;
}

/** Of whoever runs the app. */
const CONSOLE_NAVIGATION = [
  { path: '/admin', label: 'Overview' },
  { path: '/admin/accounts', label: 'Accounts' },
  { path: '/admin/services', label: 'Services' },
  { path: '/admin/credentials', label: 'Tokens and secrets' },
  { path: '/admin/apps', label: 'Apps' },
  { path: '/admin/activity', label: 'Activity' },
  { path: '/admin/audit', label: 'Audit' },
  { path: '/admin/mail', label: 'Mail' },
  { path: '/admin/reviews', label: 'Reviews' },
  { path: '/admin/workflows', label: 'Workflows' },
  { path: '/admin/settings', label: 'Settings' },
] as const;

/** Where whoever sends a page writes what was done on the one before. */
export const NOTICE_PLACE = '<!-- notice -->';

/** The whole document around the body of a page. The h1 is written here, so a body starts with h2. */
export function layout(site: Site, page: Page): Html {
  const narrow = page.narrow === true;
  const isConsole = isOfConsole(page.current);
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>${page.title}${isConsole && ' · Admin'} · ${site.appName}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="same-origin">
<link rel="icon" href="/assets/favicon.svg" type="image/svg+xml">
<link rel="stylesheet" href="/assets/style.css">
<link rel="stylesheet" href="/assets/accent.css">
<script src="/assets/copy.js" defer></script>
<script src="/assets/show-password.js" defer></script>
</head>
<body class="${narrow ? 'narrow' : isConsole ? 'wide console' : 'wide'}">
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><div class="inner">
${brand(site, page.viewer?.portal?.section ?? '/')}${isConsole && html`<span class="badge place">Admin</span>`}
${!narrow && page.viewer && signedInAs(site, page.viewer, isConsole)}
</div>${!narrow && page.viewer && navigation(page.viewer, page.current)}</header>
<main id="main" tabindex="-1">${raw(NOTICE_PLACE)}
${narrow ? html`<div class="card">${heading(page)}${page.body}</div>` : html`${heading(page)}${page.body}`}
</main>
${!narrow && html`<footer class="bottom"><p>${site.appName}</p></footer>`}
</body>
</html>
`;
}

function brand(site: Site, home: string): Html {
  const logo = site.logoUrl !== undefined && html`<img src="${site.logoUrl}" alt="" height="28">`;
  return html`<a class="brand" href="${home}">${logo}<span>${site.appName}</span></a>`;
}

function isOfConsole(current: Section | undefined): boolean {
  return current?.startsWith('/admin') === true;
}

/** Who it is, and for an admin the way from the own pages to those about everybody, or back. */
function signedInAs({ appName }: Site, viewer: Viewer, isConsole: boolean): Html {
  if (viewer.portal !== undefined) {
    const back = buttonLink(`Back to ${appName}`, '/portal/back');
    return html`<div class="viewer"><span class="who">${viewer.email}</span>${back}</div>`;
  }
  const other = isConsole
    ? html`<a href="/tokens">Your account</a>`
    : viewer.admin && html`<a href="/admin">Admin</a>`;
  return html`<div class="viewer"><span class="who">${viewer.email}</span>${other}
<form method="post" action="/sign-out"><button class="quiet" type="submit">Sign out</button></form></div>`;
}

function navigation({ portal }: Viewer, current: Section | undefined): Html {
  const all: readonly { path: Section; label: string }[] = isOfConsole(current)
    ? CONSOLE_NAVIGATION
    : NAVIGATION;
  const seen = portal === undefined ? all : all.filter(({ path }) => path === portal.section);
  const items = seen.map(
    ({ path, label }) =>
      html`<li><a href="${path}"${path === current && html` aria-current="page"`}>${label}</a></li>`,
  );
  return html`<nav class="inner" aria-label="${isOfConsole(current) ? 'Admin' : 'Main'}"><ul>${items}</ul></nav>`;
}

function heading(page: Page): Html {
  const action =
    page.action && html`<a class="button primary" href="${page.action.url}">${page.action.label}</a>`;
  const lead = isThere(page.lead) && html`<p class="lead">${page.lead}</p>`;
  const back =
    page.back &&
    html`<p class="back"><a href="${page.back.url}"><span aria-hidden="true">← </span>${page.back.label}</a></p>`;
  return html`<div class="heading"><div>${back}<h1>${page.heading ?? page.title}</h1>${lead}</div>${action}</div>`;
}
