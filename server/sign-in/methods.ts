import type { Federation } from '../../views/sign-in.ts';
import type { Account } from '../accounts/account.ts';
import type { Identities } from '../accounts/identities.ts';
import type { IdentityProvider } from './identity-provider.ts';
import { pathWith } from './paths.ts';

export type SignInMethods = ReturnType<typeof createSignInMethods>;

/** Which ways to sign in a page can offer, and where they start. */
export function createSignInMethods(parts: {
  provider: IdentityProvider | undefined;
  identities: Pick<Identities, 'list'>;
}) {
  const { provider, identities } = parts;

  return {
    /** The identity provider, for anybody; undefined where none is set. */
    federation(returnTo: string): Federation | undefined {
      return provider && { name: provider.name, url: pathWith('/sign-in/google', { return_to: returnTo }) };
    },

    /** How this account can prove itself again. */
    async againFor(account: Account, returnTo: string) {
      const linked = (await identities.list(account.id)).some(({ issuer }) => issuer === provider?.issuer);
      const url = pathWith('/sign-in/google', { fresh: '1', return_to: returnTo });
      return {
        email: account.email,
        hasPassword: account.passwordHash !== undefined,
        federation: provider && linked ? { name: provider.name, url } : undefined,
      };
    },
  };
}
