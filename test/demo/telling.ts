import { styleText } from 'node:util';

/** What comes back and is not what should. Its message is the last line of the demonstration. */
export class Surprise extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'Surprise';
  }
}

/** Ends the demonstration with `otherwise` unless something is as it should be. */
export function expect(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Surprise(otherwise);
}

export type Telling = ReturnType<typeof createTelling>;

/** Under these names values open something, wherever they stand: in JSON, in a form, in an address. */
const SECRET_NAMES = new Set([
  'access_token',
  'client_secret',
  'code',
  'code_verifier',
  'id_token',
  'id_token_hint',
  'invitation',
  'password',
  'refresh_token',
  'token',
]);

/** Secrets of ours and JWTs, for the case that one turns up under no such name. */
const SECRET_FORM = /\b(?:lk_(?:pat|cs)_[0-9A-Za-z]{8,}|ey[\w-]+\.[\w-]+\.[\w-]+)/g;

/** The ids of waiting sign-ins in addresses. */
const WAITING = /(\/interaction\/|\/oauth\/authorize\/)([\w-]{12,})/g;

const INDENT = '   ';
const QUERY_LENGTH_MAX = 80;
/** From here on eight characters of a value leave enough of it untold. */
const LONG_LENGTH_MIN = 40;

/** Prints what happens, in colour on a terminal, with every secret cut short. */
export function createTelling(write: (text: string) => void = (text) => process.stdout.write(text)) {
  const secrets = new Map<string, string>();
  let chapters = 0;
  let steps = 0;

  function keepSecret(value: string): void {
    if (value.length < 6) return;
    const shown = shortened(value);
    for (const spelling of [value, encodeURIComponent(value)]) secrets.set(spelling, shown);
  }

  function harmless(text: string): string {
    let told = text;
    for (const [value, shown] of secrets) told = told.replaceAll(value, shown);
    return told.replace(SECRET_FORM, shortened).replace(WAITING, (_, path: string, id: string) => {
      return `${path}${shortened(id)}`;
    });
  }

  function line(text: string, indent = INDENT): void {
    for (const part of harmless(text).split('\n')) write(`${indent}${part}`.trimEnd().concat('\n'));
  }

  return {
    /** Cuts a value short wherever it is printed from now on. */
    keepSecret,

    /** The same for every value of an object, however deep, that stands under a telling name. */
    keepSecretsOf(found: Iterable<readonly [string, unknown]>): void {
      for (const [name, value] of found) {
        if (typeof value === 'string' && SECRET_NAMES.has(name)) keepSecret(value);
        if (typeof value === 'object' && value !== null) this.keepSecretsOf(Object.entries(value));
      }
    },

    chapter(title: string): void {
      chapters += 1;
      steps = 0;
      write(`\n${styleText(['bold', 'cyan'], `━━ ${chapters}. ${title}`)}\n`);
    },

    step(sentence: string): void {
      steps += 1;
      write('\n');
      line(styleText('bold', `${chapters}.${steps} ${sentence}`), ' ');
    },

    /** Where the telling stands, for the word about a surprise. */
    place: () => (chapters === 0 ? 'the start' : `step ${chapters}.${steps}`),

    asked: (text: string) => line(styleText('blue', text)),

    /** An address with a long query is told as one parameter a line. */
    askedFor(method: string, address: string): void {
      line(styleText('blue', `${method} ${unfolded(address)}`));
    },

    answered(status: number, text: string): void {
      const colour = status < 400 ? 'green' : 'yellow';
      line(`${styleText(colour, `← ${status}`)} ${text}`);
    },

    sentTo(status: number, address: string): void {
      this.answered(status, `to ${unfolded(address)}`);
    },

    mail: (to: string, subject: string) => line(`${styleText('green', '✉')} mail to ${to}: “${subject}”`),

    /** Part of an answer: what a page says, a body, a mail. */
    quote: (text: string) => line(styleText('dim', text), `${INDENT}  `),

    /** What was checked just now. */
    good: (sentence: string) => line(`${styleText('green', '✓')} ${sentence}`),
  };
}

/** Long queries are read parameter by parameter, and as what they mean. */
function unfolded(address: string): string {
  const [path = '', query = ''] = address.split(/\?(.*)/s);
  if (query.length < QUERY_LENGTH_MAX) return address;
  const parameters = [...new URLSearchParams(query)].map(([name, value]) => `     ${name}=${value}`);
  return [path, ...parameters].join('\n');
}

/** Enough of a value to tell it from another, and too little to use it. */
function shortened(value: string): string {
  const [, prefix] = /^(lk_(?:pat|cs)_)/.exec(value) ?? [];
  if (prefix !== undefined) return `${value.slice(0, prefix.length + 4)}…${value.slice(-4)}`;
  if (/\s/.test(value)) return '••••••••';
  return value.length < LONG_LENGTH_MIN ? `${value.slice(0, 6)}…` : `${value.slice(0, 4)}…${value.slice(-4)}`;
}
