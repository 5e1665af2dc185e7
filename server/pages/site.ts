import type { Site } from '../../views/layout.ts';
import { providerNameOf } from '../accounts/identities.ts';
import type { Settings } from '../ground/settings.ts';
import { logoPath } from '../http/assets.ts';

/** What every page shows of the settings. */
export function siteOf(settings: Settings): Site {
  return {
    appName: settings.appName,
    accentColour: settings.accentColour,
    ...(settings.google === undefined ? {} : { provider: providerNameOf(settings.google.issuer) }),
    ...(settings.logo === undefined ? {} : { logoUrl: logoPath(settings.logo) }),
  };
}
