import { Problem } from '../ground/errors.ts';
import { NAME_LENGTH_MAX, NOTE_LENGTH_MAX } from '../ground/limits.ts';
import { normalised } from '../ground/normalised.ts';
import { UNFIT, VISIBLE } from '../ground/visible-text.ts';

/** A name that people give to a credential or a client, trimmed and in one Unicode form; throws Problem. */
export function nameFrom(typed: string): string {
  const name = trimmed(typed, NAME_LENGTH_MAX);
  if (name === undefined || !VISIBLE.test(name) || UNFIT.test(name)) {
    throw new Problem({
      status: 400,
      code: 'INVALID_NAME',
      message: name === '' ? 'A name is missing.' : 'This name cannot be used.',
      hint: `Use 1 to ${NAME_LENGTH_MAX} characters on one line, for example what will use it: "Build server".`,
      parameter: 'name',
    });
  }
  return name;
}

/** A free text in the owner's words, such as a note or a reason; '' when there is none. Throws Problem. */
export function textFrom(typed: string, parameter: 'note' | 'reason'): string {
  const text = trimmed(typed.replaceAll('\r\n', '\n'), NOTE_LENGTH_MAX);
  if (text === undefined || UNFIT.test(text.replaceAll('\n', ' '))) {
    throw new Problem({
      status: 400,
      code: parameter === 'note' ? 'INVALID_NOTE' : 'INVALID_REASON',
      message: `This ${parameter} cannot be used.`,
      hint: `Use at most ${NOTE_LENGTH_MAX} characters of plain text.`,
      parameter,
    });
  }
  return text;
}

/** In one Unicode form, without outer blanks; undefined where that is too long. */
function trimmed(typed: string, lengthMax: number): string | undefined {
  return normalised(typed.trim(), 'NFC', lengthMax)?.text.trim();
}
