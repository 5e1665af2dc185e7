import type { Site } from '../../views/layout.ts';
import { providerNameOf } from '../accounts/identities.ts';
import type { Settings } from '../ground/settings.ts';
import { imagePath } from '../http/assets.ts';

/** What every page shows of the settings. */
export function siteOf(settings: Settings): Site {
  return {
    appName: settings.appName,
    accentColour: settings.accentColour,
    ...providerOf(settings.google),
    ...(settings.logo === undefined ? {} : { logoUrl: imagePath('logo', settings.logo) }),
  };
}

/** What the button says that leads to the identity provider, and what is drawn on it. */
function providerOf(google: Settings['google']): Pick<Site, 'provider' | 'providerIconUrl'> {
  if (google === undefined) return {};
  const { issuer, icon } = google;
  const provider = providerNameOf(issuer, google);
  if (icon !== undefined) return { provider, providerIconUrl: imagePath('provider', icon) };
  const isGoogle = new URL(issuer).hostname === 'accounts.google.com';
  return isGoogle ? { provider, providerIconUrl: '/assets/google.svg' } : { provider };
}
