import { existsSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

/** The files that `init`, `types new` and `workflows new` write. */

const INSTALLATION = join(import.meta.dirname, '../..');

/** Words that are no names in a module, or are taken by what the file imports. */
const RESERVED = new Set(
  (
    'arguments await break case catch class const continue debugger default delete do else enum eval export extends false ' +
    'finally for function if implements import in instanceof interface let new null package private protected public return ' +
    'static super switch this throw true try typeof undefined var void while with yield defineType is z'
  ).split(' '),
);

/** How a file calls what it declares: by its name, where that is one in TypeScript. */
function identifierFor(name: string): string {
  return RESERVED.has(name) ? `${name}_` : name;
}

/** types/NAME.ts */
export function typeFile(name: string): string {
  return template('types/note.ts')
    .replace('const note =', `const ${identifierFor(name)} =`)
    .replace("name: 'note'", `name: '${name}'`)
    .replace("'A note'", `'${/^[aeiou]/.test(name) ? 'An' : 'A'} ${name.replaceAll('_', ' ')}'`);
}

/** workflows/NAME.ts */
export function workflowFile(name: string): string {
  return `import { defineWorkflow, oneLine } from 'latchkey';
import { z } from 'zod';

export const workflow = defineWorkflow({
  name: '${name}',
  // People read this when they make a token; say what a call does.
  description: 'Do what ${name.replaceAll('_', ' ')} says',
  // 'anyone' (no token), 'account' (a token with the scope wf:${name}) or 'admin'.
  callers: 'account',
  parameters: {
    title: { schema: oneLine(200), description: 'What it is about', example: 'An example' },
  },
  returns: z.object({ title: z.string() }),
  // Import a type from ../types/, name it here as types: { TYPE }, and it comes to run as data.TYPE.
  run({ parameters }) {
    return { title: parameters.title };
  },
});
`;
}

/** A file as it lies here, where types and format are checked. */
function template(name: string): string {
  return readFileSync(join(import.meta.dirname, 'template', name), 'utf8');
}

/** All that `init` writes into `folder`, by path. */
export function filesOfNewFolder(folder: string): Record<string, string> {
  const installation = slashed(relative(folder, INSTALLATION));
  const tsconfig = {
    extends: `${installation}/tsconfig.json`,
    compilerOptions: {
      // Found in the installation, so that nothing is installed here.
      paths: {
        latchkey: [`${installation}/server/declare.ts`],
        'latchkey/testing': [`${installation}/server/testing.ts`],
        zod: [`${installation}/node_modules/zod/index.d.ts`],
      },
      typeRoots: [`${installation}/node_modules/@types`],
    },
    include: ['.', `${installation}/server/**/*.d.ts`],
  };
  const manifest = {
    private: true,
    type: 'module',
    // What is imported is an URL, in which # and % mean something else.
    scripts: {
      test: `${nodeFor(installation)} --import="${urlPath(installation)}/server/start/hooks.js" --test`,
    },
  };
  return {
    'settings.ts': template('settings.ts'),
    'types/note.ts': template('types/note.ts'),
    'workflows/add_note.ts': template('workflows/add_note.ts'),
    'test/add_note.test.ts': template('test/add_note.test.ts'),
    'tsconfig.json': `${JSON.stringify(tsconfig, undefined, 2)}\n`,
    'package.json': `${JSON.stringify(manifest, undefined, 2)}\n`,
    'README.md': readmeFor(folder),
  };
}

/** The Node that came with the installation: one that is too old for its files would find no test, and say that all is well. */
function nodeFor(installation: string): string {
  const own = 'node_modules/.bin/node';
  if (!existsSync(join(INSTALLATION, own))) return 'node';
  return `"${installation.replaceAll(/[$`"\\]/g, String.raw`\$&`)}/${own}"`;
}

function urlPath(path: string): string {
  return path.split('/').map(encodeURIComponent).join('/');
}

function readmeFor(folder: string): string {
  return `# What this app's users can call

Declared for Latchkey: types/ has what is stored, with the rules of who may do what with it; workflows/ what users can call.

- Test: \`npm test\` in here.
- All else in \`${INSTALLATION}\`, after \`export LATCHKEY_CONFIG=${forShell(folder)}\`:
  - \`npm run dev\` starts the server, and again when a file changes; \`npm start\` starts it for good.
  - \`npm run -s latchkey -- check\` says all mistakes with file, line and column.
  - \`npm run -s latchkey -- types new NAME\` and \`workflows new NAME\` add to it.
- Where this folder or the installation is moved, write the way to it anew in \`tsconfig.json\` and \`package.json\`.
`;
}

/** As it is pasted into a shell, where blanks and the like mean something else. */
export function forShell(path: string): string {
  return /^[\w./:@%+=,-]+$/.test(path) ? path : `'${path.replaceAll("'", String.raw`'\''`)}'`;
}

/** Paths in JSON have slashes on Windows too. */
function slashed(path: string): string {
  const written = path.replaceAll(sep, '/');
  return /^\.\.?(\/|$)|^\/|^[a-z]:/i.test(written) ? written : `./${written}`;
}
