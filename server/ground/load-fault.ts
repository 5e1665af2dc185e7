import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, extname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PROVIDED, shownPath } from './config-folder.ts';
import { nearMissOf } from './near-miss.ts';

/** A place in a file of the owner's; the column counts from 1. */
type Place = { file: string; line: number; column?: number | undefined };

/** Endings that a file may have where an import left its own out. */
const ENDINGS = ['.ts', '.js', '.mts', '.mjs', '/index.ts', '/index.js'];

/** Has a module parsed and not run. Node says where it does not parse, but of an import only when the process ends. */
const PARSE = `
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { stripTypeScriptTypes } from 'node:module';
const file = process.argv[1];
const text = readFileSync(file, 'utf8');
const input = /ts$/.test(file) ? stripTypeScriptTypes(text) : text;
const check = spawnSync(process.execPath, ['--check', '--input-type=module', '-'], { input, encoding: 'utf8' });
console.log(check.stderr.replace('[stdin]', file));
`;

/**
 * Why a file of the owner's does not load, in one line: what is wrong, at which line and column, and what is to be written
 * instead where that is known.
 */
export function loadFaultOf(error: unknown, file: string): string {
  const what = firstLine(error);
  if (!(error instanceof Error)) return what;
  const wrong = wrongImportOf(error, file);
  const place = wrong?.place ?? placeIn(error.stack ?? '') ?? placeOfSyntax(error, file);
  const hint = wrong?.hint ?? hintForName(error, place?.file) ?? hintFor(error);
  return [place === undefined ? what : `${what} ${written(place)}`, ...(hint ? [hint] : [])].join('; ');
}

/** The first line of what was thrown, with its name. */
export function firstLine(error: unknown): string {
  if (!(error instanceof Error)) return String(error).split('\n')[0] ?? '';
  // What failed on the network says why in its cause only.
  const why =
    error.cause instanceof Error && error.message === 'fetch failed' ? ` (${error.cause.message})` : '';
  return `${error.name}: ${error.message.split('\n')[0]}${why}`;
}

function written({ file, line, column }: Place): string {
  const at = column === undefined ? `line ${line}` : `line ${line}, column ${column}`;
  return `(${at} of ${shownPath(file)})`;
}

/** Node begins the stack of a syntax error with `FILE:LINE`, the source and a mark below; other stacks have frames. */
function placeIn(stack: string): Place | undefined {
  const [head = '', ...lines] = stack.split('\n');
  const named = /^(file:\/\/.+|\/.+|[a-z]:\\.+):(\d+)$/i.exec(head);
  if (named !== null) {
    const mark = lines.find((line) => /^\s*\^+\s*$/.test(line));
    const column = mark === undefined ? undefined : mark.indexOf('^') + 1;
    return { file: pathOf(named[1] ?? ''), line: Number(named[2]), column };
  }
  for (const line of lines) {
    const frame = /(file:\/\/[^)]+?):(\d+):(\d+)\)?$/.exec(line);
    if (frame === null || frame[1]?.includes('/node_modules/')) continue;
    const place = { file: pathOf(frame[1] ?? ''), line: Number(frame[2]), column: Number(frame[3]) };
    // Frames of ours say nothing to who wrote the file: what called us is meant.
    if (!place.file.startsWith(resolve(import.meta.dirname, '..'))) return place;
  }
  return undefined;
}

/** Parses the file once more, in a process of its own, for a syntax error that came without its place. */
function placeOfSyntax(error: Error, file: string): Place | undefined {
  if (!(error instanceof SyntaxError)) return undefined;
  const flags = ['--no-warnings', '--input-type=module', '-e', PARSE];
  try {
    const stack = execFileSync(process.execPath, [...flags, file], { encoding: 'utf8', stdio: 'pipe' });
    return placeIn(stack);
  } catch {
    return undefined;
  }
}

/** What an import leads to that Node cannot load, as its message names it. */
const WANTED = [
  /(?:module|package|import) ['"]([^'"]+)['"]/i,
  /built-in module: (\S+)/,
  /file extension "[^"]*" for (.+)$/,
  /protocol '([^']+)'/,
];

/** The import that leads to nothing that can be loaded: where it stands, and what is to be written instead. */
function wrongImportOf(
  error: Error,
  loaded: string,
): { place: Place | undefined; hint: string | undefined } | undefined {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof SyntaxError || code?.startsWith('ERR_') !== true) return undefined;
  const wanted = WANTED.map((one) => one.exec(message)?.[1]).find((one) => one !== undefined);
  if (wanted === undefined) return undefined;
  const importer = / imported from (.+)$/.exec(message)?.[1] ?? loaded;
  const found = importIn(pathOf(importer), pathOf(wanted));
  return { place: found?.place, hint: found && hintForImport(error, found.specifier, pathOf(wanted)) };
}

/** What is to be written instead of an import that leads nowhere. */
function hintForImport(error: Error, specifier: string, wanted: string): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (code === 'ERR_IMPORT_ATTRIBUTE_MISSING') return `write from '${specifier}' with { type: 'json' }`;
  if (code === 'ERR_UNKNOWN_FILE_EXTENSION') return 'only TypeScript, JavaScript and JSON can be imported';
  if (code === 'ERR_UNSUPPORTED_DIR_IMPORT' || code === 'ERR_MODULE_NOT_FOUND')
    return hintForMissing(specifier, wanted);
  return undefined;
}

function hintForMissing(specifier: string, wanted: string): string | undefined {
  if (!/^[./]|^file:/.test(specifier)) return hintForPackage(specifier);
  const ending = endingFor(wanted);
  if (ending !== undefined) return `write '${withEnding(specifier, ending)}'`;
  const files = filesIn(wanted).filter((name) => ENDINGS.includes(extname(name)));
  if (files.length > 0) return `name a file in it: '${specifier.replace(/\/$/, '')}/${files[0]}', for one`;
  const near = nearMissOf(basename(wanted), filesIn(dirname(wanted)));
  return near && `write '${specifier.slice(0, -basename(specifier).length)}${near}'`;
}

function hintForPackage(specifier: string): string {
  const near = PROVIDED.find((one) => specifier.startsWith(`${one}/`)) ?? nearMissOf(specifier, PROVIDED);
  if (near !== undefined) return `write '${near}'`;
  // No package is called so: what a bundler or tsc would make of it, Node does not.
  if (/^[~#]|^@\/|\.[mc]?[jt]s$/.test(specifier))
    return "a file is named by its path from this one, such as '../types/note.ts'";
  return 'where its name is right, install it: npm install in your folder';
}

/** None where it is not there, or may not be read. */
function filesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function importIn(file: string, wanted: string): { specifier: string; place: Place } | undefined {
  const text = readFileSync(file, 'utf8');
  for (const { 1: specifier = '', index } of text.matchAll(/(?:from|import)\s*\(?\s*['"]([^'"\n]+)['"]/g)) {
    const isWanted = specifier.startsWith('.')
      ? resolve(dirname(file), specifier) === resolve(wanted)
      : specifier === wanted || specifier.startsWith(wanted.endsWith(':') ? wanted : `${wanted}/`);
    if (!isWanted) continue;
    const at = text.indexOf(specifier, index);
    const before = text.slice(0, at).split('\n');
    const column = (before.at(-1)?.length ?? 0) + 1;
    return { specifier, place: { file, line: before.length, column } };
  }
  return undefined;
}

/** The ending with which the file is there. */
function endingFor(wanted: string): string | undefined {
  const bare = wanted.replace(/\.[mc]?js$/, '');
  return ENDINGS.find((ending) => existsSync(`${bare}${ending}`));
}

function withEnding(specifier: string, ending: string): string {
  const bare = /^\.[mc]?js$/.test(extname(specifier)) ? specifier.replace(/\.[mc]?js$/, '') : specifier;
  return `${bare.replace(/\/$/, '')}${ending}`;
}

/** An import of a name that the module does not export: which one is meant, or all that there are. */
function hintForName({ message }: Error, importer: string | undefined): string | undefined {
  const [, specifier, name] = /module '(.+)' does not provide an export named '(.+)'/.exec(message) ?? [];
  if (specifier === undefined || name === undefined) return undefined;
  const text = textOf(specifier, importer);
  if (text === undefined) return 'if it is a type, write import type; otherwise look how it is called there';
  if (new RegExp(`export (?:type|interface) (?:\\{[^}]*)?\\b${name}\\b`).test(text))
    return 'it is a type: write import type';
  const names = exportsIn(text);
  const near = nearMissOf(name, names);
  if (near !== undefined) return `did you mean ${near}?`;
  if (names.length > 0) return `there are ${names.join(', ')}`;
  return /^export default\b/m.test(text)
    ? `it is exported there as the default: write export const ${name} = there`
    : 'nothing is exported there';
}

/** What stands in the module, where it is one of the owner's or ours. */
function textOf(specifier: string, importer: string | undefined): string | undefined {
  try {
    const isPath = specifier.startsWith('.');
    if (isPath && importer === undefined) return undefined;
    const file = isPath
      ? resolve(dirname(importer ?? ''), specifier)
      : fileURLToPath(import.meta.resolve(specifier));
    return file.includes('/node_modules/') ? undefined : readFileSync(file, 'utf8');
  } catch {
    return undefined;
  }
}

/** The values that a module exports, as far as it names them itself. */
function exportsIn(text: string): string[] {
  const declared = [...text.matchAll(/^export (?:const|let|async function|function|class) ([\w$]+)/gm)];
  const listed = [...text.matchAll(/^export \{([^}]*)\}/gm)].flatMap(([, names = '']) => names.split(','));
  const names = listed.map(
    (one) =>
      one
        .trim()
        .split(/\s+as\s+/)
        .at(-1) ?? '',
  );
  return [...declared.map(([, name = '']) => name), ...names.filter((one) => /^[\w$]+$/.test(one))];
}

function hintFor(error: Error): string | undefined {
  const { code } = error as NodeJS.ErrnoException;
  if (error instanceof SyntaxError && /[`']<eof>[`']|Unexpected (?:eof|end)/.test(error.message)) {
    return 'the file ends too early: a bracket or a quotation mark before is not closed';
  }
  if (error instanceof SyntaxError && error.message.includes('\uFFFD')) return 'save the file as UTF-8';
  if (/before initialization$/.test(error.message)) {
    return 'where files import each other, move what both need into a third one; a rule has the own record of its own type as caller.own()';
  }
  if (code === 'ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX') {
    return 'Node takes types away and translates nothing: write it in plain JavaScript';
  }
  return undefined;
}

function pathOf(place: string): string {
  return place.startsWith('file:') ? fileURLToPath(place) : place;
}
