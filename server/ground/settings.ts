import { randomBytes } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { SERVER_SECRET_BYTES_MIN, TOKEN_DAYS_DEFAULT, TOKEN_DAYS_MAX } from './limits.ts';
import { isLoopback } from './loopback.ts';

/** What an app owner writes in config/settings.ts. Every key may be left out. */
export type OwnerSettings = z.input<typeof ownerSchema>;
/** All settings, checked and filled in. */
export type Settings = ReturnType<typeof readSettings>;

const publicUrl = z
  .url({ protocol: /^https?$/, error: 'a URL like https://id.example.com', abort: true })
  .refine((value) => new URL(value).pathname === '/', {
    message: 'a URL without a path, like https://id.example.com',
    abort: true,
  })
  .refine((value) => new URL(value).username + new URL(value).password === '', {
    message: 'a URL without a user and a password, like https://id.example.com',
  });

const storeUrl = z.string().regex(/^(sqlite:.+|mongodb(\+srv)?:\/\/.+)$/, {
  message: 'sqlite:PATH or mongodb://HOST/DATABASE',
});

const mailUrl = z.string().regex(/^(smtps?:\/\/.+|file:.+)$/, { message: 'smtp://…, smtps://… or file:DIR' });

const addressRange = z.string().refine((value) => ipaddr.isValidCIDR(value) || ipaddr.isValid(value), {
  message: 'an address or a range like 10.0.0.0/8',
});

const ownerSchema = z.strictObject({
  /** Name of the app, on pages, in mails and on consent. */
  appName: z.string().min(1).max(60).default('Latchkey'),
  /** Path of an image file (svg, png) shown beside the name. */
  logo: z.string().optional(),
  /** Colour of the primary action, `#rrggbb`; needs a contrast of 4.5 against white. */
  accentColour: z
    .string()
    .regex(/^#[0-9a-f]{6}$/i, { message: 'a colour like #0b57d0' })
    .refine((colour) => contrastWithWhite(colour) >= 4.5, {
      message: 'a colour dark enough for white text (contrast 4.5)',
    })
    .default('#0b57d0'),
  /** From line of mails; default `APP NAME <no-reply@HOST>`. */
  mailFrom: z.string().optional(),
  /** Life of personal access tokens. */
  tokens: z
    .strictObject({
      defaultDays: z.number().int().min(1).max(TOKEN_DAYS_MAX).default(TOKEN_DAYS_DEFAULT),
      maxDays: z.number().int().min(1).max(TOKEN_DAYS_MAX).default(TOKEN_DAYS_MAX),
      allowNever: z.boolean().default(false),
    })
    .prefault({}),
  /** Public URL and issuer; default `http://localhost:PORT`. */
  url: publicUrl.optional(),
  host: z.string().min(1).default('127.0.0.1'),
  port: z.coerce.number().int().min(0).max(65535).default(3000),
  data: z.string().min(1).default('data'),
  store: storeUrl.optional(),
  secret: z
    .string()
    .refine((value) => Buffer.byteLength(value) >= SERVER_SECRET_BYTES_MIN, {
      message: `at least ${SERVER_SECRET_BYTES_MIN} bytes, for example the output of: openssl rand -base64 48`,
    })
    .optional(),
  mail: mailUrl.optional(),
  /** Reverse proxies whose X-Forwarded-For is believed. Empty: nobody's. */
  proxies: z
    .union([
      z.array(addressRange),
      z.string().transform((list) => list.split(',').map((item) => item.trim())),
    ])
    .pipe(z.array(addressRange))
    .default([]),
  google: z
    .strictObject({
      clientId: z.string().min(1),
      clientSecret: z.string().min(1),
      issuer: z.url().default('https://accounts.google.com'),
    })
    .optional(),
});

/** The variable that overrides each key. Any other LATCHKEY_ variable is refused as a slip of the pen. */
const VARIABLES: Record<string, string> = {
  url: 'LATCHKEY_URL',
  host: 'HOST',
  port: 'PORT',
  store: 'LATCHKEY_STORE',
  data: 'LATCHKEY_DATA',
  secret: 'LATCHKEY_SECRET',
  mail: 'LATCHKEY_MAIL',
  proxies: 'LATCHKEY_PROXIES',
};
const GOOGLE_VARIABLES: Record<string, string> = {
  clientId: 'GOOGLE_CLIENT_ID',
  clientSecret: 'GOOGLE_CLIENT_SECRET',
  issuer: 'GOOGLE_ISSUER',
};

type Environment = Record<string, string | undefined>;

/** Wrong settings: one line each, ready to be printed before exit 1. */
export class WrongSettings extends Error {
  readonly lines: readonly string[];
  constructor(lines: readonly string[], options?: ErrorOptions) {
    super(lines.join('\n'), options);
    this.name = 'WrongSettings';
    this.lines = lines;
  }
}

/**
 * Merges the owner's settings with the environment (which wins), checks them all at once and fills in what is
 * made on the first start. Throws `WrongSettings` with one line for each mistake.
 */
export function readSettings(owner: OwnerSettings, environment: Environment) {
  const overrides = valuesOf(VARIABLES, environment);
  const merged: Record<string, unknown> = { ...owner, ...overrides };
  const google = valuesOf(GOOGLE_VARIABLES, environment);
  if (Object.keys(google).length > 0) merged.google = { ...owner.google, ...google };

  const lines = unknownVariables(environment);
  const parsed = ownerSchema.safeParse(merged);
  if (!parsed.success) {
    lines.push(...parsed.error.issues.map((issue) => lineFor(issue, merged, overrides)));
    throw new WrongSettings(lines);
  }
  const values = parsed.data;
  const url = new URL(values.url ?? `http://localhost:${values.port}`);
  const production = url.protocol === 'https:';
  const store = values.store ?? `sqlite:${join(values.data, 'latchkey.db')}`;
  const mail = values.mail ?? `file:${join(values.data, 'mail')}`;

  if (!production && !isLoopback(url)) {
    lines.push(
      `LATCHKEY_URL is ${url.origin}: passwords and tokens may not travel in the clear; use https:// (a reverse proxy can add it), or localhost for trying it out`,
    );
  }
  if (production && mail.startsWith('file:')) {
    lines.push(
      `LATCHKEY_MAIL is ${values.mail ?? 'not set'}: with an https URL mails must be sent, not kept; set smtp://USER:PASSWORD@HOST or smtps://…`,
    );
  }
  if (production && store.startsWith('mongodb') && values.secret === undefined) {
    lines.push(
      'LATCHKEY_SECRET is not set: machines that share a MongoDB store must share one secret; set it to the output of: openssl rand -base64 48',
    );
  }
  if (values.tokens.defaultDays > values.tokens.maxDays) {
    lines.push(
      `tokens.defaultDays is ${values.tokens.defaultDays}: at most tokens.maxDays (${values.tokens.maxDays}) is wanted`,
    );
  }
  if (values.logo !== undefined && !/\.(svg|png)$/i.test(values.logo)) {
    lines.push(`logo is ${values.logo}: a .svg or .png file is wanted`);
  } else if (values.logo !== undefined && !existsSync(values.logo)) {
    lines.push(`logo is ${values.logo}: there is no such file`);
  }
  if (lines.length > 0) throw new WrongSettings(lines);

  return {
    ...values,
    mailFrom: values.mailFrom ?? `${JSON.stringify(values.appName)} <no-reply@${url.hostname}>`,
    /** Origin and issuer, without a trailing slash. */
    url: url.origin,
    production,
    data: resolve(values.data),
    store,
    secret: values.secret ?? generatedSecret(values.data),
    mail,
  };
}

/** What the environment has for the keys of `variables`; an empty one is not set. */
function valuesOf(variables: Record<string, string>, environment: Environment): Record<string, unknown> {
  const values = Object.entries(variables).map(([key, variable]) => [key, environment[variable]]);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined && value !== ''));
}

function unknownVariables(environment: Environment): string[] {
  const known = Object.values(VARIABLES);
  return Object.keys(environment)
    .filter((name) => name.startsWith('LATCHKEY_') && !known.includes(name))
    .map((name) => `${name} is set, but there is no such setting; known are ${known.join(', ')}`);
}

/** Under the name by which the value was given: a key of the file, or a variable. */
function lineFor({ path, message }: z.core.$ZodIssue, merged: object, overrides: object): string {
  const [first, ...rest] = path.map(String);
  if (first === undefined) return `settings: ${message}`;
  let name = [first, ...rest].join('.');
  if (first === 'google') name = GOOGLE_VARIABLES[rest.join('.')] ?? 'GOOGLE_';
  else if (first in overrides) name = VARIABLES[first] ?? name;
  const value = path.reduce<unknown>(
    (found, part) => (found as Record<PropertyKey, unknown>)?.[part],
    merged,
  );
  const shown = first === 'secret' || name.includes('SECRET') ? 'not good' : shownValue(value);
  return `${name} is ${shown}: wanted ${message}`;
}

/** A value without what may be a password in it: whatever stands before the last @, but for the scheme of a URL. */
function shownValue(value: unknown): string {
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return 'not good';
  const text = JSON.stringify(value) ?? 'not set';
  return text.replace(/^("(?:[a-z][a-z\d+.-]*:\/\/)?)?.*@/i, '$1***@');
}

/** The secret of a first start, kept for the next ones. Only its owner may read it. */
function generatedSecret(data: string): string {
  const path = join(data, 'secret');
  mkdirSync(data, { recursive: true, mode: 0o700 });
  try {
    writeFileSync(path, randomBytes(48).toString('base64url'), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    // One that is there already, of an earlier start or of another process, is the secret.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  chmodSync(path, 0o600);
  const secret = readFileSync(path, 'utf8').trim();
  if (Buffer.byteLength(secret) < SERVER_SECRET_BYTES_MIN) {
    throw new WrongSettings([
      `${path} holds too short a secret: remove the file to have one made, or set LATCHKEY_SECRET`,
    ]);
  }
  return secret;
}

/** Contrast ratio against white (WCAG 2.2, relative luminance). */
function contrastWithWhite(colour: string): number {
  const channel = (from: number) => {
    const value = Number.parseInt(colour.slice(from, from + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 1.05 / (0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5) + 0.05);
}
