/** What may be a token: ours with their prefix, and anything as long as the engine's. */
const SECRET_LIKE = /lk_(?:pat|cs)_\w*|[\w-]{43,}/g;
/** No token of the engine's fits into less. */
const SHORT = 43;

/** A path as it may be kept: people put tokens into addresses by mistake, and no record may hold them. */
export function withoutSecrets(path: string): string {
  // Most paths are short and plain, and looking closer takes as long as all the rest of a log line.
  if (path.length < SHORT && !path.includes('lk_')) return path;
  return path.replace(SECRET_LIKE, '(removed)');
}
