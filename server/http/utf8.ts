import { withoutSecrets } from '../ground/without-secrets.ts';

/** What to do about text in another encoding. */
export const SEND_UTF8 = 'Send it as UTF-8; the program that made it probably used another encoding.';

/** So much of a name is shown. */
const NAME_LENGTH_SHOWN = 60;

const ESCAPES = /(?:%[0-9a-f]{2})+/gi;

/**
 * The name of the first field of an urlencoded text whose bytes are no UTF-8; undefined where all are. Decoders put
 * U+FFFD in the place of such bytes, so that what is kept is not what was sent.
 */
export function fieldNotUtf8(urlencoded: string): string | undefined {
  if (!urlencoded.includes('%')) return undefined;
  const field = urlencoded.split('&').find((pair) => !areEscapesUtf8(pair));
  return field === undefined ? undefined : nameOf(field);
}

/** The same for the bytes of a form as they came, of which some are no UTF-8 as they stand. */
export function fieldOfBytesNotUtf8(bytes: Buffer): string {
  const pairs = bytes.toString('latin1').split('&');
  return nameOf(pairs.find((pair) => utf8Of(Buffer.from(pair, 'latin1')) === undefined) ?? '');
}

/** The text that the bytes are; undefined where they are no UTF-8. */
export function utf8Of(bytes: Buffer): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function areEscapesUtf8(pair: string): boolean {
  try {
    // A character's bytes stand side by side, so that each run is whole.
    for (const run of pair.match(ESCAPES) ?? []) decodeURIComponent(run);
    return true;
  } catch {
    return false;
  }
}

/** As it is read where it is UTF-8 itself, and as it came otherwise. */
function nameOf(pair: string): string {
  const [sent = ''] = pair.split('=', 1);
  const [read = ''] = areEscapesUtf8(sent) ? new URLSearchParams(`${sent}=`).keys() : [sent];
  return withoutSecrets(read).slice(0, NAME_LENGTH_SHOWN);
}
