import { StringDecoder } from 'node:string_decoder';
import { Problem } from '../ground/errors.ts';
import { lineFrom, notText, withoutControls } from './arguments.ts';
import type { Terminal } from './terminal.ts';

/** What the keys send that are no part of a password. */
const ENTER = ['\r', '\n', '\u0004'];
const BACK = ['\b', '\u007f'];
const INTERRUPT = '\u0003';

/**
 * A new password: asked for twice where somebody sits at a terminal, without showing it; else read from standard input.
 * Never an argument: every user of the machine sees those. Throws Problem.
 */
export async function passwordFrom(
  terminal: Terminal,
  { fromStdin }: { fromStdin: boolean },
): Promise<string> {
  if (terminal.stdin.isTTY === true) return ask(terminal);
  if (fromStdin) return lineFrom(terminal);
  throw new Problem({
    status: 400,
    code: 'NO_PASSWORD',
    message: 'There is no terminal to ask for the password at.',
    hint: 'Pipe it in, with --password-stdin: read -rs P && printf %s "$P" | npm run -s latchkey -- accounts create … --password-stdin',
  });
}

async function ask(terminal: Terminal): Promise<string> {
  const { stdin } = terminal;
  stdin.setRawMode?.(true);
  try {
    const read = readerOf(stdin);
    const first = await askOnce(terminal, read, 'Password: ');
    const second = await askOnce(terminal, read, 'Once more: ');
    if (first === second) return asBrowsersSend(first);
  } finally {
    stdin.setRawMode?.(false);
    stdin.pause();
  }
  throw new Problem({
    status: 400,
    code: 'NO_PASSWORD',
    message: 'The two passwords are not the same.',
    hint: 'Nothing was made. Try again.',
  });
}

/** The password, if the keys sent what a browser's would. Throws Problem. */
function asBrowsersSend(typed: string): string {
  // What the decoder puts in the place of bytes that are none of its own.
  if (typed.includes('\ufffd')) throw notText(`${TYPED} is not UTF-8`);
  return withoutControls(typed, TYPED);
}

const TYPED = 'What was typed';

async function askOnce(terminal: Terminal, read: () => Promise<string>, prompt: string): Promise<string> {
  terminal.err(prompt);
  const typed: string[] = [];
  for (;;) {
    const key = await read();
    if (key === '' || key === INTERRUPT) {
      terminal.err('\n');
      throw interrupted();
    }
    if (ENTER.includes(key)) break;
    if (BACK.includes(key)) typed.pop();
    else typed.push(key);
  }
  terminal.err('\n');
  return typed.join('');
}

/** Gives one character after the other, and nothing when the input has ended. */
function readerOf(stdin: Terminal['stdin']): () => Promise<string> {
  const decoder = new StringDecoder('utf8');
  const chunks = stdin[Symbol.asyncIterator]();
  let waiting: string[] = [];
  return async () => {
    while (waiting.length === 0) {
      const { value, done } = await chunks.next();
      if (done === true) return '';
      waiting = [...decoder.write(Buffer.from(value))];
    }
    return waiting.shift() ?? '';
  };
}

function interrupted(): Problem {
  return new Problem({
    status: 400,
    code: 'NO_PASSWORD',
    message: 'No password was given.',
    hint: 'Nothing was made.',
  });
}
