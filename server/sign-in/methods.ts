import type { Federation } from '../../views/sign-in.ts';
import type { Account } from '../accounts/account.ts';
import type { Identities } from '../accounts/identities.ts';
import type { Google } from './identity-provider.ts';
import { pathWith } from './paths.ts';

export type Ways = ReturnType<typeof createWays>;

/** Which ways to sign in a page can offer, and where they start. */
export function createWays(parts: { google: Google | undefined; identities: Pick<Identities, 'list'> }) {
  const { google, identities } = parts;

  return {
    /** The other provider, for anybody; undefined where none is set. */
    federation(returnTo: string): Federation | undefined {
      return google && { name: google.name, url: pathWith('/sign-in/google', { return_to: returnTo }) };
    },

    /** The ways in which this account can prove itself again. */
    async againFor(account: Account, returnTo: string) {
      const linked = (await identities.list(account.id)).some(
        (identity) => identity.issuer === google?.issuer,
      );
      const url = pathWith('/sign-in/google', { fresh: '1', return_to: returnTo });
      return {
        email: account.email,
        hasPassword: account.passwordHash !== undefined,
        federation: google && linked ? { name: google.name, url } : undefined,
      };
    },
  };
}
