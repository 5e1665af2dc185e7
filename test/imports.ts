import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

/**
 * Holds the direction of imports: from top to bottom only, features never sideways, and one home for each
 * heavy package. Type-only imports may point anywhere: they are gone at run time. Part of `npm run check`.
 */

const root = resolve(import.meta.dirname, '..');

/** Rooms from top to bottom; a file may import its own room and those below. The first match counts. */
const ROOMS: readonly { name: string; files: RegExp; rank: number; alone?: boolean }[] = [
  { name: 'entries', files: /^server\/(main|cli|serve|app|domain)\.ts$|^server\/cli\//, rank: 9 },
  { name: 'sign-in', files: /^server\/sign-in\//, rank: 8, alone: true },
  { name: 'portal', files: /^server\/portal\//, rank: 8, alone: true },
  { name: 'api', files: /^server\/api\//, rank: 8, alone: true },
  { name: 'config', files: /^config\//, rank: 8, alone: true },
  { name: 'oauth', files: /^server\/oauth\//, rank: 7 },
  { name: 'domain', files: /^server\/(accounts|credentials|activity|mail|jobs|workflows)\//, rank: 6 },
  { name: 'http', files: /^server\/http\//, rank: 5 },
  { name: 'ground', files: /^server\/[^/]+\.ts$/, rank: 4 },
  { name: 'views', files: /^views\//, rank: 2, alone: true },
  { name: 'adapters', files: /^adapters\//, rank: 1 },
];

/** Arrows that the ranks alone would forbid, each with its reason. */
const ALLOWED: readonly { from: RegExp; to: RegExp; because: string }[] = [
  {
    from: /^config\//,
    to: /^server\/(workflows\/workflow|settings)\.ts$/,
    because: 'declarations are written with these',
  },
  {
    from: /^server\/main\.ts$|^server\/cli/,
    to: /^config\//,
    because: 'the entries read the owner’s settings',
  },
  {
    from: /^server\/effects\.ts$/,
    to: /^server\/(activity|mail)\//,
    because: 'effects are made of their rows',
  },
];

const HOMES: readonly { name: string; home: RegExp }[] = [
  { name: 'oidc-provider', home: /^server\/oauth\// },
  { name: 'mongoose', home: /^adapters\/mongodb\// },
  { name: 'node:sqlite', home: /^adapters\/sqlite\// },
  { name: 'openid-client', home: /^server\/sign-in\/google\.ts$/ },
  { name: 'nodemailer', home: /^server\/mail\/transport\.ts$/ },
];

const IMPORT = /^(?:import|export)\s+(?!type\s)(?:[^'"]*?\sfrom\s+)?['"]([^'"]+)['"]/gm;

/** Names brought in by an import whose every name is `type X` are gone as well. */
const ALL_TYPES = /^(?:import|export)\s*\{\s*(?:type\s+[^,}]+,?\s*)+\}/;

function filesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts'))
    .map((name) => join(folder, name));
}

function faultOf(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith('.')) {
    const home = HOMES.find(({ name }) => specifier === name || specifier.startsWith(`${name}/`));
    return home === undefined || home.home.test(from) ? undefined : `${specifier} has its home elsewhere`;
  }
  const to = relative(root, resolve(root, dirname(from), specifier));
  const source = ROOMS.find(({ files }) => files.test(from));
  const target = ROOMS.find(({ files }) => files.test(to));
  if (source === undefined || target === undefined || source === target) return undefined;
  if (ALLOWED.some((arrow) => arrow.from.test(from) && arrow.to.test(to))) return undefined;
  if (source.name === 'views' || source.name === 'adapters')
    return `${source.name} imports nothing of ours but itself`;
  const sideways = source.rank === target.rank && source.alone === true;
  if (sideways) return `${source.name} and ${target.name} never import each other`;
  return target.rank > source.rank ? `${target.name} stands above ${source.name}` : undefined;
}

const faults: string[] = [];
for (const file of ['adapters', 'config', 'server', 'views'].flatMap(filesIn)) {
  const text = readFileSync(join(root, file), 'utf8');
  for (const match of text.matchAll(IMPORT)) {
    if (ALL_TYPES.test(match[0])) continue;
    const fault = faultOf(file, match[1] ?? '');
    if (fault !== undefined) faults.push(`${file} → ${match[1]}: ${fault}`);
  }
}
if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(1);
}
console.log('imports: top to bottom only');
