/**
 * What may be a token: ours from their prefix on, whatever stands in between, their random part alone, and anything as
 * long as the engine's.
 */
const SECRET_LIKE = /lk_(?:pat|cs)_[^/\s"']*|[0-9a-z]{36,}|[\w-]{43,}/gi;
const PREFIX = /lk_(?:pat|cs)_/i;
/** No token fits into less without its prefix. */
const SHORT = 36;
/** A path as people and programs write it, without an escape. */
const MAY_HOLD = /lk_|%/i;

const ESCAPE = /%[0-7][0-9a-f]/i;
const ESCAPES = /%([0-7][0-9a-f])/gi;

/** How often a text may be percent-encoded over again; what is so more often hides something. */
const ENCODINGS_MAX = 4;

/**
 * A path as it may be kept: people put tokens into addresses by mistake, and no record may hold them, in whatever
 * spelling they came.
 */
export function withoutSecrets(path: string): string {
  // Most paths are short and plain, and looking closer takes as long as all the rest of a log line.
  if (path.length < SHORT && !MAY_HOLD.test(path)) return path;
  const bare = path.replace(SECRET_LIKE, '(removed)');
  if (!bare.includes('%')) return bare;
  return bare
    .split('/')
    .map((part) => (isDisguised(part) ? '(removed)' : part))
    .join('/');
}

/** Whether a secret of ours stands in this text, in whatever spelling. */
export function holdsSecret(text: string): boolean {
  return PREFIX.test(decoded(text));
}

function isDisguised(part: string): boolean {
  if (!ESCAPE.test(part)) return false;
  const plain = decoded(part);
  return plain.search(SECRET_LIKE) !== -1 || ESCAPE.test(plain);
}

/** Without the escapes of ASCII, however often they were made: no secret has other characters. */
export function decoded(text: string): string {
  let plain = text;
  for (let turn = 0; turn < ENCODINGS_MAX && ESCAPE.test(plain); turn += 1) {
    plain = plain.replace(ESCAPES, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  }
  return plain;
}

/** A name that a caller chose, short enough to say back, and no secret that stood in its place. */
export function shortName(name: string): string {
  if (holdsSecret(name)) return '(removed)';
  return name.length > 60 ? `${name.slice(0, 60)}…` : name;
}
