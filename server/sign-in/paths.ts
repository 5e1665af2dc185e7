/** Where somebody is sent who did not want to go anywhere in particular. */
export const HOME = '/tokens';

/** A path of ours with a query; empty values and the way home are left out. */
export function pathWith(path: string, query: Record<string, string>): string {
  const present = Object.entries(query).filter(
    ([name, value]) => value !== '' && !(name === 'return_to' && value === HOME),
  );
  return present.length === 0 ? path : `${path}?${new URLSearchParams(present)}`;
}

/** Where an authorization goes on whose person signed in outside of it. */
export function afterSignInOf(uid: string): string {
  return `/interaction/${uid}/continue`;
}

/** The id of the authorization that goes on at this path, if it is such a one. */
export function interactionIn(path: string): string | undefined {
  return /^\/interaction\/([\w-]+)\/continue(?![^?#])/.exec(path)?.[1];
}

/** Where the identity provider sends people back to. */
export const CALLBACK_PATH = '/sign-in/google/callback';

/** The same as it is registered there. */
export function callbackUrl(url: string): string {
  return `${url}${CALLBACK_PATH}`;
}
