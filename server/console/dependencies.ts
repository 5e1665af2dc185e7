import type { Site } from '../../views/layout.ts';
import type { Domain } from '../domain.ts';
import type { OneTimeForms } from '../pages/one-time-forms.ts';
import type { ShownOnce } from '../pages/shown-once.ts';
import type { SignedIn } from '../pages/signed-in.ts';

/** What the pages of whoever runs the app stand on. */
export type ConsoleDependencies = Domain & {
  site: Site;
  signedIn: SignedIn;
  forms: OneTimeForms;
  shownOnce: ShownOnce;
};
