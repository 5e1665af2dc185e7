import { Problem, type ProblemCode } from '../ground/errors.ts';
import { NAME_LENGTH_MAX, NOTE_LENGTH_MAX } from '../ground/limits.ts';
import { normalised } from '../ground/normalised.ts';
import { isUnfit, VISIBLE } from '../ground/visible-text.ts';
import { holdsSecret } from '../ground/without-secrets.ts';

/** A name that people give to a credential or a client, trimmed and in one Unicode form; throws Problem. */
export function nameFrom(typed: string): string {
  const name = trimmed(typed, NAME_LENGTH_MAX);
  if (name === undefined || !VISIBLE.test(name) || isUnfit(name)) {
    throw new Problem({
      status: 400,
      code: 'INVALID_NAME',
      message: name === '' ? 'A name is missing.' : 'This name cannot be used.',
      hint: `Use 1 to ${NAME_LENGTH_MAX} characters on one line, for example what will use it: "Build server".`,
      parameter: 'name',
    });
  }
  refuseSecret(name, 'name', 'INVALID_NAME');
  return name;
}

/** A free text in the owner's words, such as a note or a reason; '' when there is none. Throws Problem. */
export function textFrom(typed: string, parameter: 'note' | 'reason'): string {
  const code = parameter === 'note' ? 'INVALID_NOTE' : 'INVALID_REASON';
  const text = trimmed(typed.replaceAll('\r\n', '\n'), NOTE_LENGTH_MAX);
  if (text === undefined || isUnfit(text.replaceAll('\n', ' '))) {
    throw new Problem({
      status: 400,
      code,
      message: `This ${parameter} cannot be used.`,
      hint: `Use at most ${NOTE_LENGTH_MAX} characters of plain text.`,
      parameter,
    });
  }
  refuseSecret(text, parameter, code);
  return text;
}

/** It would stand in lists, mails and the activity: people paste one into the field that is nearest. */
function refuseSecret(text: string, parameter: 'name' | 'note' | 'reason', code: ProblemCode): void {
  if (!holdsSecret(text)) return;
  throw new Problem({
    status: 400,
    code,
    message: `There is a token or a client secret in this ${parameter}.`,
    hint: 'It would be shown and mailed: write it without one.',
    parameter,
  });
}

/** In one Unicode form, without outer blanks; undefined where that is too long. */
function trimmed(typed: string, lengthMax: number): string | undefined {
  return normalised(typed.trim(), 'NFC', lengthMax)?.text.trim();
}
