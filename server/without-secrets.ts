/** What may be a token: ours with their prefix, and anything as long as the engine's. */
const SECRET_LIKE = /lk_(?:pat|cs)_\w*|[\w-]{43,}/g;

/**
 * A path as it may be kept: people put tokens into addresses by mistake, and no record is a place for them.
 */
export function withoutSecrets(path: string): string {
  return path.replace(SECRET_LIKE, '(removed)');
}
