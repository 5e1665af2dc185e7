import { Problem } from '../errors.ts';

/** Fits a table row and a mail's subject. */
const NAME_LENGTH_MAX = 80;
/** A sentence or three. */
const NOTE_LENGTH_MAX = 500;
/** Control characters, line ends and signs that turn the reading direction: they make a name look like another. */
const UNFIT = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]/u;

/** A name that people give to a credential or a client, trimmed and in one Unicode form; throws Problem. */
export function nameFrom(given: string): string {
  const name = given.normalize('NFC').trim();
  if (name === '' || [...name].length > NAME_LENGTH_MAX || UNFIT.test(name)) {
    throw new Problem({
      status: 400,
      code: 'invalid_name',
      message: name === '' ? 'A name is missing.' : 'This name cannot be used.',
      hint: `Use 1 to ${NAME_LENGTH_MAX} characters on one line, for example what will use it: "Build server".`,
      parameter: 'name',
    });
  }
  return name;
}

/** A free text in the owner's words, such as a note or a reason; '' when there is none. Throws Problem. */
export function textFrom(given: string, parameter: 'note' | 'reason'): string {
  const text = given.normalize('NFC').replaceAll('\r\n', '\n').trim();
  if (text.length > NOTE_LENGTH_MAX || UNFIT.test(text.replaceAll('\n', ' '))) {
    throw new Problem({
      status: 400,
      code: `invalid_${parameter}`,
      message: `This ${parameter} cannot be used.`,
      hint: `Use at most ${NOTE_LENGTH_MAX} characters of plain text.`,
      parameter,
    });
  }
  return text;
}
