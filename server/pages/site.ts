import type { Site } from '../../views/layout.ts';
import { providerNameOf } from '../accounts/identities.ts';
import type { Settings } from '../ground/settings.ts';
import { domainsInWords } from '../ground/sign-up-setting.ts';
import { imagePath } from '../http/assets.ts';

/** What every page shows of the settings. */
export function siteOf(settings: Settings): Site {
  return {
    appName: settings.appName,
    accentColour: settings.accentColour,
    ...providerOf(settings.google),
    ...signUpOf(settings),
    portalLinks: settings.portalReturnUrls.length > 0,
    adminsOnly: {
      apps: settings.register.apps === 'admins',
      services: settings.register.services === 'admins',
    },
    ...(settings.logo === undefined ? {} : { logoUrl: imagePath('logo', settings.logo) }),
  };
}

function signUpOf({ signUp }: Settings): Pick<Site, 'signUp'> {
  if (signUp === 'anyone') return {};
  if (signUp === 'nobody') return { signUp: { isOpen: false, note: 'New accounts are not made here.' } };
  if (signUp === 'invited') {
    const note = 'Accounts are for invited people: open the link in the mail of your invitation.';
    return { signUp: { isOpen: false, note } };
  }
  const note = `Accounts are for e-mail addresses at ${domainsInWords(signUp.domains)}, and for invited people.`;
  return { signUp: { isOpen: true, note } };
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
