import type { Site } from '../../views/layout.ts';
import type { Domain } from '../domain.ts';
import type { Sessions } from '../oauth/browser-sessions.ts';
import type { OneTimeForms } from '../pages/one-time-forms.ts';
import type { ShownOnce } from '../pages/shown-once.ts';
import type { SignedIn } from '../pages/signed-in.ts';

/** What the pages of a signed-in person stand on. */
export type PortalDependencies = Domain & {
  site: Site;
  signedIn: SignedIn;
  forms: OneTimeForms;
  shownOnce: ShownOnce;
  sessions: Pick<Sessions, 'start' | 'end'>;
};
