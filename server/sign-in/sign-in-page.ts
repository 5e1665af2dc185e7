import type { FormProblem } from '../../views/form-problem.ts';
import type { Html } from '../../views/html.ts';
import { type Federation, signInAgainPage, signInPage } from '../../views/sign-in.ts';
import type { Account } from '../accounts/account.ts';
import { isSameIssuer } from '../accounts/identities.ts';
import type { StepDependencies } from './dependencies.ts';
import { pathWith } from './paths.ts';

/** The page on which somebody signs in, wherever that happens. */
export type SignInPageProps = {
  action: string;
  fields?: Record<string, string>;
  /** The app that waits for this sign-in. */
  app?: string;
  /** Where they go on afterwards who sign in another way. */
  returnTo: string;
  /** Who has to prove once more that it is them; undefined where anybody may sign in. */
  known: Account | undefined;
  /** Where a form is sent for another account than `known`. */
  switchAction: string;
  email?: string | undefined;
  notice?: Html | undefined;
  problem?: FormProblem | undefined;
};

/** Asks who somebody is or, of `known`, for proof that it is still them. */
export async function signInPageFor(parts: StepDependencies, props: SignInPageProps): Promise<Html> {
  const { site, identities, provider } = parts;
  const { returnTo, known, ...rest } = props;
  const shared = { ...rest, resetUrl: pathWith('/reset-password', { return_to: returnTo }) };
  if (known === undefined) {
    const signUpUrl = pathWith('/sign-up', { return_to: returnTo });
    return signInPage(site, { ...shared, federation: federationFor(parts, returnTo), signUpUrl });
  }
  const linked = (await identities.list(known.id)).some(
    ({ issuer }) => provider && isSameIssuer(issuer, provider.issuer),
  );
  return signInAgainPage(site, {
    ...shared,
    email: known.email,
    hasPassword: known.passwordHash !== undefined,
    federation: linked ? federationFor(parts, returnTo, '1') : undefined,
  });
}

/** The identity provider as a page offers it; undefined where none is set. */
export function federationFor(
  { provider, site }: StepDependencies,
  returnTo: string,
  fresh: '1' | '' = '',
): Federation | undefined {
  return (
    provider && {
      name: provider.name,
      url: pathWith('/sign-in/google', { fresh, return_to: returnTo }),
      iconUrl: site.providerIconUrl,
    }
  );
}
