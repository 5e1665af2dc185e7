import { Problem } from '../ground/errors.ts';
import { NAME_LENGTH_MAX } from '../ground/limits.ts';
import { normalised } from '../ground/normalised.ts';
import { isUnfit, VISIBLE } from '../ground/visible-text.ts';
import { holdsSecret } from '../ground/without-secrets.ts';

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

/** Trimmed and in one Unicode form; undefined where it is no name. */
function fitName(written: string): string | undefined {
  const name = normalised(written.trim(), 'NFC', NAME_LENGTH_MAX)?.text.trim();
  const isFit = name !== undefined && VISIBLE.test(name) && !isUnfit(name) && !holdsSecret(name);
  return isFit ? name : undefined;
}
