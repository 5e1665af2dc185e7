import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * Holds the direction of imports, those of types included: each room imports only itself and those below it, and
 * each heavy package has one home. Part of `npm run check`. The rooms are those of README's map, in its order.
 */

const root = resolve(import.meta.dirname, '..');

/** Rooms from top to bottom. Features stand beside each other (one rank) and never import each other. */
const RANKS: readonly (readonly string[])[] = [
  ['server/start'],
  ['server/main.ts', 'server/dev.ts', 'server/cli'],
  ['server/serve.ts'],
  ['server/app.ts'],
  ['server/sign-in', 'server/console', 'server/portal', 'server/api'],
  ['config'],
  ['server/declare.ts', 'server/testing.ts'],
  ['server/domain.ts'],
  ['server/pages'],
  ['server/oauth'],
  ['server/http'],
  ['server/workflows'],
  ['server/data'],
  ['server/management'],
  ['server/access'],
  ['server/credentials'],
  ['server/accounts'],
  ['server/effects'],
  ['server/activity', 'server/mail'],
  ['views'],
  ['server/ground'],
  ['adapters'],
];

/** What may be imported of a room from outside it (by `by` alone, where given), if that is not all of it. */
const DOORS: readonly { room: string; by?: string; door: RegExp }[] = [
  { room: 'adapters', door: /^adapters\/(port|open|holds)\.ts$/ },
  // The owner's own folder is found by its path, wherever it lies.
  { room: 'config', door: /^(?!)/ },
  // Pages and mails print limits and times; all else is told to them.
  { room: 'server/ground', by: 'views', door: /^server\/ground\/(limits|time)\.ts$/ },
];

const HOMES: readonly { name: string; home: RegExp }[] = [
  { name: 'oidc-provider', home: /^server\/oauth\// },
  { name: 'mongoose', home: /^adapters\/mongodb\// },
  { name: 'node:sqlite', home: /^adapters\/sqlite\// },
  { name: 'openid-client', home: /^server\/sign-in\/identity-provider\.ts$/ },
  { name: 'bowser', home: /^server\/access\/user-agent\.ts$/ },
  { name: 'nodemailer', home: /^server\/mail\/transport\.ts$/ },
];

/** Who looks at lengths first: on long text `normalize` holds up the whole process. */
const NORMALISER = 'server/ground/normalised.ts';
const NORMALISES = /\bnormalize\b['"\]]*\(/;

/** What one file alone may do, because whoever else did would take long for hostile input. */
const ALONE: readonly { text: RegExp; file: string; instead: string }[] = [
  // Koa's reader of queries is quadratic in their length.
  {
    text: /\b(ctx|request)\.query\b|\bquery\b[^=\n]*\} = ctx\b/,
    file: 'server/http/query.ts',
    instead: 'http/query.ts',
  },
];

const IMPORT = /(?:^(?:import|export)\s[^'"]*?|\bimport\()['"]([^'"]+)['"]/gm;

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => /\.[jt]s$/.test(name) && !name.startsWith('assets'))
    .map((name) => join(folder, name));
}

function roomOf(file: string): { name: string; rank: number } | undefined {
  for (const [rank, names] of RANKS.entries()) {
    const name = names.find((room) => file === room || file.startsWith(`${room}/`));
    if (name !== undefined) return { name, rank };
  }
  return undefined;
}

function faultOf(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) {
    const home = HOMES.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
    return home === undefined || home.home.test(from) ? undefined : `${specifier} has its home elsewhere`;
  }
  const to = relative(root, resolve(root, dirname(from), specifier));
  const source = roomOf(from);
  const target = roomOf(to);
  if (source === undefined || target === undefined) return 'a file that is in no room';
  if (source.name === target.name) return undefined;
  const doors = DOORS.filter(({ room, by = source.name }) => room === target.name && by === source.name);
  if (doors.some(({ door }) => !door.test(to))) return `${to} is not for other rooms`;
  if (source.rank === target.rank) return `${source.name} and ${target.name} never import each other`;
  return target.rank < source.rank ? `${target.name} stands above ${source.name}` : undefined;
}

/** README's map shows the rooms in the order of their ranks, and each file of the ground. */
function faultsOfMap(readme: string): string[] {
  const map = readme.slice(readme.indexOf('## Map of the folders')).split('```')[1] ?? '';
  // A line names one thing or several, and three blanks behind them says what it is.
  const names = map.split('\n').flatMap((line) => line.trim().split('   ', 1).join().split(/ +/));
  const placeOf = (name: string) => names.findIndex((shown) => shown.replace(/\/$/, '').endsWith(name));
  const wanted = [...RANKS.flat(), ...filesIn('server/ground')].map((name) =>
    name.replace(/^server\/(ground\/)?/, ''),
  );
  const missing = wanted.filter((name) => placeOf(name) === -1);
  const ranks = RANKS.map((rooms) => rooms.map((room) => placeOf(room.replace('server/', ''))));
  const isOrdered = ranks.every(
    (rank, index) => Math.min(...rank) > Math.max(-1, ...(ranks[index - 1] ?? [])),
  );
  return [
    ...missing.map((name) => `README's map does not show ${name}`),
    ...(isOrdered ? [] : ["README's map is not in the order of the ranks"]),
  ];
}

const faults: string[] = [];
for (const file of ['adapters', 'config', 'server', 'views'].flatMap(filesIn)) {
  const text = readFileSync(join(root, file), 'utf8');
  for (const match of text.matchAll(IMPORT)) {
    const fault = faultOf(file, match[1] ?? '');
    if (fault !== undefined) faults.push(`${file} → ${match[1]}: ${fault}`);
  }
  for (const { text: forbidden, file: alone, instead } of ALONE) {
    const found = file === alone ? undefined : forbidden.exec(text)?.[0];
    if (found !== undefined) faults.push(`${file}: ${found} stands in ${instead} alone`);
  }
  if (file !== NORMALISER && NORMALISES.test(text))
    faults.push(`${file}: only ${NORMALISER} normalises text`);
}
faults.push(...faultsOfMap(readFileSync(join(root, 'README.md'), 'utf8')));
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(1);
}
console.log('imports: top to bottom only');
