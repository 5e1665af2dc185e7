/** Where somebody is sent who did not want to go anywhere in particular. */
export const HOME = '/tokens';

/** A path of ours with a query; empty values and the way home are left out. */
export function pathWith(path: string, query: Record<string, string>): string {
  const present = Object.entries(query).filter(
    ([name, value]) => value !== '' && !(name === 'return_to' && value === HOME),
  );
  return present.length === 0 ? path : `${path}?${new URLSearchParams(present)}`;
}

/** Where the identity provider sends people back to. */
export const CALLBACK_PATH = '/sign-in/google/callback';

/** The same as it is registered there. */
export function callbackUrl(url: string): string {
  return `${url}${CALLBACK_PATH}`;
}
