import { Problem } from '../ground/errors.ts';
import { NAME_LENGTH_MAX } from '../ground/limits.ts';

/**
 * What makes a name look like another, or hides a part of it: control characters, line ends, signs that turn
 * the reading direction (CVE-2021-42574) and what nobody sees. Joiners and emoji selectors stay.
 */
const UNFIT =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u2800[\p{Default_Ignorable_Code_Point}--[\u200c\u200d\ufe0e\ufe0f]]]/v;
/** A name must have something to see. */
const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;

/** What a person wants to be called, as typed in a form; undefined where the field was left empty. Throws Problem. */
export function displayNameFrom(typed: string): string | undefined {
  if (typed.trim() === '') return undefined;
  const name = fitName(typed);
  if (name !== undefined) return name;
  throw new Problem({
    status: 400,
    code: 'INVALID_NAME',
    message: 'This name cannot be used.',
    hint: `Use 1 to ${NAME_LENGTH_MAX} characters on one line, or leave it out.`,
    parameter: 'name',
  });
}

/** The same of what an identity provider says: a name that cannot be used here is none. */
export function displayNameOf(claim: unknown): string | undefined {
  return typeof claim === 'string' ? fitName(claim) : undefined;
}

/** Trimmed and in one Unicode form; undefined where it is no name. The length first: normalising is work. */
function fitName(written: string): string | undefined {
  if (written.length > 4 * NAME_LENGTH_MAX) return undefined;
  const name = written.normalize('NFC').trim();
  const fits = VISIBLE.test(name) && [...name].length <= NAME_LENGTH_MAX && !UNFIT.test(name);
  return fits ? name : undefined;
}
