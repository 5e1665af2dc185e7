import { existsSync } from 'node:fs';
import { isIP } from 'node:net';
import { join, resolve } from 'node:path';
import ipaddr from 'ipaddr.js';
import { z } from 'zod';
import { configFolder, faultOfConfig, importOwned, shownPath } from './config-folder.ts';
import { faultOfFile, faultOfFolder, faultOfImage, keptSecret, SecretFault } from './data-folder.ts';
import {
  APP_NAME_LENGTH_MAX,
  NAME_LENGTH_MAX,
  RETENTION_DAYS_DEFAULT,
  RETENTION_DAYS_MAX,
  SERVER_SECRET_BYTES_MIN,
  TOKEN_DAYS_DEFAULT,
  TOKEN_DAYS_MAX,
} from './limits.ts';
import { loadFaultOf } from './load-fault.ts';
import { isLoopback } from './loopback.ts';
import { isMongodbUrl, PERCENT_ENCODE, readSmtpUrl } from './service-urls.ts';
import { shownSetting, slipIn } from './setting-values.ts';
import { signUpSetting } from './sign-up-setting.ts';

/** What an app owner writes in settings.ts of their folder. Every key may be left out. */
export type OwnerSettings = z.input<typeof ownerSchema>;
/** All settings, checked and filled in. */
export type Settings = ReturnType<typeof readSettings>;

const URL_WANTED = 'a URL like https://id.example.com';

const publicUrl = z
  .url({ protocol: /^https?$/, error: URL_WANTED, abort: true })
  .refine((value) => new URL(value).pathname === '/' && !/[?#]/.test(value), {
    message: 'a URL without a path, like https://id.example.com',
    abort: true,
  })
  .refine((value) => new URL(value).username + new URL(value).password === '', {
    message: 'a URL without a user and a password, like https://id.example.com',
  });

const storeUrl = z
  .string('sqlite:PATH or mongodb://HOST/DATABASE')
  .regex(/^(sqlite:.+|mongodb(\+srv)?:\/\/.+)$/, {
    message: 'sqlite:PATH or mongodb://HOST/DATABASE',
    abort: true,
  })
  // Another program would read these otherwise, and here they would name a new file.
  .refine((value) => !/^sqlite:(:|file:|\/\/(?!\/)|.*\?)/i.test(value), {
    message:
      'sqlite:PATH with the path of a file right behind the colon, like sqlite:/var/lib/latchkey/latchkey.db',
  })
  .refine((value) => value.startsWith('sqlite:') || isMongodbUrl(value), {
    message: `mongodb://USER:PASSWORD@HOST/DATABASE, ${PERCENT_ENCODE}`,
  });

const mailUrl = z
  .string('smtp://…, smtps://… or file:DIR')
  .regex(/^(smtps?:\/\/.+|file:.+)$/, { message: 'smtp://…, smtps://… or file:DIR', abort: true })
  .refine((value) => !/^file:\/\/(?!\/)/.test(value), {
    message: 'file:DIR with the path right behind the colon, like file:/var/lib/latchkey/mail',
  })
  .refine((value) => value.startsWith('file:') || readSmtpUrl(value) !== undefined, {
    message: `smtp://USER:PASSWORD@HOST:PORT or smtps://…, ${PERCENT_ENCODE}`,
  });

const issuerUrl = z
  .url({ protocol: /^https?$/, error: 'a URL like https://accounts.google.com', abort: true })
  .refine((value) => !new URL(value).pathname.includes('/.well-known/'), {
    message: 'the issuer alone, which ends before /.well-known/',
    abort: true,
  })
  .refine((value) => !/[?#]/.test(value) && new URL(value).username + new URL(value).password === '', {
    message: 'a URL without a user, a query and a fragment, like https://accounts.google.com',
    abort: true,
  })
  .refine((value) => new URL(value).protocol === 'https:' || isLoopback(new URL(value)), {
    message: 'a URL with https://, since its answers say who somebody is',
  });

const KEYS_WANTED = 'a URL with https://, since its keys say whose messages are believed';
const keysUrl = z
  .url({ protocol: /^https?$/, error: KEYS_WANTED, abort: true })
  .refine((value) => new URL(value).protocol === 'https:' || isLoopback(new URL(value)), {
    message: KEYS_WANTED,
  });

const ADDRESSES_WANTED = 'an address or a range of each proxy, between commas, like 127.0.0.1,10.0.0.0/8';

/** No short, octal or hexadecimal IPv4, which one program reads as another address than the next: 010.0.0.1 as 8.0.0.1. */
function isAddressRange(written: string): boolean {
  if (!ipaddr.isValidCIDR(written) && !ipaddr.isValid(written)) return false;
  const [address = ''] = written.split('/', 1);
  return address.includes(':') || ipaddr.IPv4.isValidFourPartDecimal(address);
}

const addressRange = z.string(ADDRESSES_WANTED).refine(isAddressRange, { message: ADDRESSES_WANTED });

/** No short or hexadecimal IPv4 either: 0 would be every address of this machine, and 127.1 be read as a name. */
function isHostName(written: string): boolean {
  return /^[a-z\d_]([a-z\d._-]*[a-z\d_])?$/i.test(written) && !/(^|\.)(0x[\da-f]*|\d+)$/i.test(written);
}

const HOST_WANTED = 'an address or a name without port and brackets, like 127.0.0.1, ::1 or localhost';
const PORT_WANTED = 'a whole number from 0 to 65535';
const DAYS_WANTED = `a whole number of days from 1 to ${TOKEN_DAYS_MAX}`;

const port = z
  .union(
    [
      z.number(),
      z
        .string()
        .regex(/^\d{1,5}$/)
        .transform(Number),
    ],
    PORT_WANTED,
  )
  .pipe(z.number().int(PORT_WANTED).min(0, PORT_WANTED).max(65_535, PORT_WANTED));

const days = z.number(DAYS_WANTED).int(DAYS_WANTED).min(1, DAYS_WANTED).max(TOKEN_DAYS_MAX, DAYS_WANTED);

const RETENTION_WANTED = `a whole number of days from 1 to ${RETENTION_DAYS_MAX}`;
const retentionDays = z
  .number(RETENTION_WANTED)
  .int(RETENTION_WANTED)
  .min(1, RETENTION_WANTED)
  .max(RETENTION_DAYS_MAX, RETENTION_WANTED)
  .default(RETENTION_DAYS_DEFAULT);

const PROVIDER_NAME_WANTED = `a name of at most ${NAME_LENGTH_MAX} characters`;
const NAME_WANTED = `a name of at most ${APP_NAME_LENGTH_MAX} characters`;
const ID_WANTED = 'the client id that the provider gave';
const CLIENT_SECRET_WANTED = 'the client secret that the provider gave';
const SECRET_WANTED = `at least ${SERVER_SECRET_BYTES_MIN} bytes, for example the output of: openssl rand -base64 48`;

/** A switch, as a value of TypeScript or as a word of the environment. */
const switchValue = z.union([z.boolean(), z.stringbool({ error: 'true or false' })], {
  error: 'true or false',
});

const REGISTER_WANTED = 'anyone or admins';
const registerSetting = z.enum(['anyone', 'admins'], REGISTER_WANTED).default('anyone');

const RETURN_URLS_WANTED =
  'addresses of your app with https://, between commas, like https://app.example.com/account';
const returnUrl = z
  .url({ protocol: /^https?$/, error: RETURN_URLS_WANTED, abort: true })
  .refine((value) => new URL(value).protocol === 'https:' || isLoopback(new URL(value)), {
    message: RETURN_URLS_WANTED,
  });

const AUDIENCES_WANTED = 'client ids at the provider, between commas';
const audience = z.string(AUDIENCES_WANTED).min(1, AUDIENCES_WANTED);

const ownerSchema = z.strictObject({
  /** Name of the app, on pages, in mails and on consent. */
  appName: z
    .string(NAME_WANTED)
    .min(1, NAME_WANTED)
    .max(APP_NAME_LENGTH_MAX, NAME_WANTED)
    .default('Latchkey'),
  /** Path of an image file (svg, png) shown beside the name. */
  logo: z.string('the path of a .svg or .png file').optional(),
  /** Colour of the primary action, `#rrggbb`; needs a contrast of 4.5 against white. */
  accentColour: z
    .string('a colour like #0b57d0')
    .regex(/^#[0-9a-f]{6}$/i, { message: 'a colour like #0b57d0', abort: true })
    .refine((colour) => contrastWithWhite(colour) >= 4.5, {
      message: 'a colour dark enough for white text (contrast 4.5)',
    })
    .default('#0b57d0'),
  /** From line of mails; default `APP NAME <no-reply@HOST>`. */
  mailFrom: z.string('one address, like "My app" <no-reply@example.com>').optional(),
  /** Life of personal access tokens. */
  tokens: z
    .strictObject({
      defaultDays: days.default(TOKEN_DAYS_DEFAULT),
      maxDays: days.default(TOKEN_DAYS_MAX),
      allowNever: z.boolean('true or false').default(false),
    })
    .prefault({}),
  /** How many days are kept: calls, changes (audit), and credentials and clients after their end. */
  retention: z
    .strictObject({ calls: retentionDays, audit: retentionDays, credentials: retentionDays })
    .prefault({}),
  /** Who may make an account by themselves: `anyone`, `invited`, `nobody`, or `{ domains: ['example.com'] }`. */
  signUp: signUpSetting.prefault('anyone'),
  /** Who may register apps and make services. */
  register: z.strictObject({ apps: registerSetting, services: registerSetting }).prefault({}),
  /** Whether GitHub's secret scanning may report leaks, and where the keys are that it signs with. */
  leaks: z
    .strictObject({
      github: switchValue.default(false),
      githubKeys: keysUrl.default('https://api.github.com/meta/public_keys/secret_scanning'),
    })
    .prefault({}),
  /** Public URL and issuer; default `http://localhost:PORT`. */
  url: publicUrl.optional(),
  /** Default `127.0.0.1`, or `::1` where that is the host of the URL. */
  host: z
    .string(HOST_WANTED)
    .refine((value) => isIP(value) !== 0 || isHostName(value), { message: HOST_WANTED })
    .optional(),
  port: port.default(3000),
  data: z.string('the path of a folder').min(1, 'the path of a folder').default('data'),
  store: storeUrl.optional(),
  secret: z
    .string(SECRET_WANTED)
    .refine((value) => Buffer.byteLength(value) >= SERVER_SECRET_BYTES_MIN, { message: SECRET_WANTED })
    .optional(),
  mail: mailUrl.optional(),
  /** Reverse proxies whose X-Forwarded-For is believed. Empty: nobody's. */
  proxies: z
    .union(
      [z.array(addressRange), z.string().transform((list) => list.split(',').map((item) => item.trim()))],
      ADDRESSES_WANTED,
    )
    .pipe(z.array(addressRange))
    .default([]),
  /** Where portal links may lead back to, each letter by letter. */
  portalReturnUrls: z
    .union(
      [z.array(returnUrl), z.string().transform((list) => list.split(',').map((item) => item.trim()))],
      RETURN_URLS_WANTED,
    )
    .pipe(z.array(returnUrl))
    .default([]),
  google: z
    .strictObject({
      clientId: z.string(ID_WANTED).min(1, ID_WANTED),
      clientSecret: z.string(CLIENT_SECRET_WANTED).min(1, CLIENT_SECRET_WANTED),
      issuer: issuerUrl.default('https://accounts.google.com'),
      /** Further client ids there, of mobile apps say, whose ID tokens are exchanged for API tokens. */
      audiences: z
        .union(
          [z.array(audience), z.string().transform((list) => list.split(',').map((item) => item.trim()))],
          AUDIENCES_WANTED,
        )
        .pipe(z.array(audience))
        .optional(),
      /** The issuer never says `email_verified`, and each address that it names was checked. */
      trustsEmails: switchValue.optional(),
      /** What people call the provider; default `Google`, or the issuer's host. */
      name: z
        .string(PROVIDER_NAME_WANTED)
        .trim()
        .min(1, PROVIDER_NAME_WANTED)
        .max(NAME_LENGTH_MAX, PROVIDER_NAME_WANTED)
        .optional(),
      /** Path of an image file (svg, png) shown on its button. */
      icon: z.string('the path of a .svg or .png file').optional(),
    })
    .optional(),
});

/** Where the mistake is a value, it is of these that nobody may read it. */
const isSecret = (key: string): boolean => /secret$/i.test(key);

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
  signUp: 'LATCHKEY_SIGN_UP',
  portalReturnUrls: 'LATCHKEY_PORTAL_RETURN_URLS',
};
const GOOGLE_VARIABLES: Record<string, string> = {
  clientId: 'GOOGLE_CLIENT_ID',
  clientSecret: 'GOOGLE_CLIENT_SECRET',
  issuer: 'GOOGLE_ISSUER',
  audiences: 'GOOGLE_AUDIENCES',
  trustsEmails: 'GOOGLE_TRUSTS_EMAILS',
  name: 'GOOGLE_NAME',
  icon: 'GOOGLE_ICON',
};

/** Names the folder in which settings.ts lies, so it cannot stand in there. */
export const CONFIG_VARIABLE = 'LATCHKEY_CONFIG';
export const SETTINGS_FILE = 'settings.ts';

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
 * missing. Throws `WrongSettings` with one line for each mistake. The secret of a first start is made, unless
 * `firstStart` says that this is none: then its absence is a mistake too.
 */
export function readSettings(
  owner: OwnerSettings,
  environment: Environment,
  { firstStart = 'allowed' }: { firstStart?: 'allowed' | 'refused' } = {},
) {
  const { values, url, production, store, mail, config, given } = checkSettings(owner, environment);

  // The command line makes nothing; it says itself what is not there.
  const paths = firstStart === 'allowed' ? pathFaultsIn({ data: values.data, store, mail }, given) : [];
  if (paths.length > 0) throw new WrongSettings(paths);
  const secret =
    values.secret === undefined
      ? secretIn(values.data, firstStart, given)
      : { value: values.secret, made: false };
  return {
    ...values,
    host: values.host ?? (url.hostname === '[::1]' ? '::1' : '127.0.0.1'),
    mailFrom: values.mailFrom ?? `${JSON.stringify(values.appName)} <no-reply@${mailHostOf(url)}>`,
    /** Origin and issuer, without a trailing slash. */
    url: url.origin,
    production,
    data: resolve(values.data),
    store,
    secret: secret.value,
    /** Whether the secret lies in the data folder and was there before this start. */
    secretIsOld: values.secret === undefined && !secret.made,
    mail,
    /** By key (`tokens.maxDays`), where those that were given came from: a variable's name, or settings.ts. */
    origins: originsOf(given, environment),
    /** The owner's folder: settings.ts, types/, workflows/. */
    config,
  };
}

/** The same without a look at anything outside of the settings: folders, files, the secret. Throws `WrongSettings`. */
export function checkSettings(owner: OwnerSettings, environment: Environment) {
  const overrides = valuesOf(VARIABLES, environment);
  const merged: Record<string, unknown> = { ...owner, ...overrides };
  const google = valuesOf(GOOGLE_VARIABLES, environment);
  if (Object.keys(google).length > 0) merged.google = { ...owner.google, ...google };
  const config = configFolder(environment[CONFIG_VARIABLE]);
  const given = { merged, overrides, google, file: shownPath(join(config, SETTINGS_FILE)) };

  const slipped = slipsOf(given);
  const lines = [
    ...unknownVariables(environment),
    ...slipped.map(({ path, slip }) => `${nameOf(path, given)} is ${shownAt(path, given)}: ${slip}`),
    ...mistakesIn(given, slipped),
  ];
  const parsed = ownerSchema.safeParse(merged);
  if (lines.length > 0 || !parsed.success) throw new WrongSettings(lines);
  const values = parsed.data;
  const url = new URL(values.url ?? `http://localhost:${values.port}`);
  const production = url.protocol === 'https:';
  const store = values.store ?? `sqlite:${join(values.data, 'latchkey.db')}`;
  const mail = values.mail ?? `file:${join(values.data, 'mail')}`;
  const contradictions = contradictionsIn({ ...values, mailGiven: values.mail, mail, store }, url, given);
  if (contradictions.length > 0) throw new WrongSettings(contradictions);
  return { values, url, production, store, mail, config, given };
}

/** Reads settings.ts of the owner's folder. Throws `WrongSettings` that says where it does not load. */
export async function loadOwnerSettings(environment: Environment): Promise<OwnerSettings> {
  const file = join(configFolderIn(environment), SETTINGS_FILE);
  try {
    const { settings } = await importOwned(file);
    if (typeof settings === 'object' && settings !== null) return settings;
  } catch (error) {
    throw new WrongSettings([`${shownPath(file)} does not load: ${loadFaultOf(error, file)}`], {
      cause: error,
    });
  }
  throw new WrongSettings([
    `${shownPath(file)}: it exports no settings: wanted export const settings = { … }`,
  ]);
}

/** The owner's folder, which is there and can be read. Throws `WrongSettings`. */
export function configFolderIn(environment: Environment): string {
  const named = environment[CONFIG_VARIABLE];
  const folder = configFolder(named);
  const slip = named ? slipIn('config', named) : undefined;
  const fault = slip ?? faultOfConfig(folder);
  if (fault === undefined) return folder;
  const said = named ? `${CONFIG_VARIABLE} is ${shownSetting('config', named)}` : shownPath(folder);
  throw new WrongSettings([`${said}: ${fault}`]);
}

/** Settings as they were given: all of them, those that are the environment's, and the file that has the rest. */
type Given = {
  file: string;
  merged: Record<string, unknown>;
  overrides: Record<string, unknown>;
  google: Record<string, unknown>;
};

function originsOf(given: Given, environment: Environment): Readonly<Record<string, string>> {
  const paths = pathsIn(given.merged).map(({ path }) => path);
  const origins = paths.map((path) => {
    const key = path.join('.');
    const name = nameOf(path, given);
    return [key, name === key ? given.file : name] as const;
  });
  const ofConfig = environment[CONFIG_VARIABLE] ? [['config', CONFIG_VARIABLE] as const] : [];
  return Object.fromEntries([...origins, ...ofConfig]);
}

/** What contradicts another setting. */
function contradictionsIn(
  values: z.output<typeof ownerSchema> & { mailGiven: string | undefined; mail: string; store: string },
  url: URL,
  given: Given,
): string[] {
  const lines: string[] = [];
  const production = url.protocol === 'https:';
  const said = (key: string) => `${nameOf([key], given)} is ${shownAt([key], given)}`;
  if (!production && !isLoopback(url)) {
    lines.push(
      `${said('url')}: passwords and tokens may not travel in the clear; use https:// (a reverse proxy can add it), or localhost for trying it out`,
    );
  }
  if (production && values.mail.startsWith('file:')) {
    lines.push(
      `${values.mailGiven === undefined ? 'LATCHKEY_MAIL is not set' : said('mail')}: with an https URL mails must be sent, not kept; set smtp://USER:PASSWORD@HOST or smtps://…`,
    );
  }
  if (production && values.store.startsWith('mongodb') && values.secret === undefined) {
    lines.push(
      'LATCHKEY_SECRET is not set: machines that share a MongoDB store must share one secret; set it to the output of: openssl rand -base64 48',
    );
  }
  if (production && values.mailFrom === undefined && !isLoopback(url) && !/^[a-z\d.-]+$/.test(url.hostname)) {
    lines.push(
      `mailFrom is not set: mails cannot come from the host of ${nameOf(['url'], given)} ${shownAt(['url'], given)}; set mailFrom in ${given.file}, like "My app" <no-reply@example.com>`,
    );
  }
  if (values.tokens.defaultDays > values.tokens.maxDays) {
    lines.push(
      `tokens.defaultDays is ${values.tokens.defaultDays}: at most tokens.maxDays (${values.tokens.maxDays}) is wanted`,
    );
  }
  if (values.google?.trustsEmails === true && isForAllTenants(values.google.issuer)) {
    lines.push(
      `GOOGLE_TRUSTS_EMAILS is true: whoever has a tenant at ${values.google.issuer} writes any address into it; set GOOGLE_ISSUER to the issuer of your own tenant`,
    );
  }
  lines.push(...wrongImage('logo', values.logo), ...wrongImage('GOOGLE_ICON', values.google?.icon));
  return lines;
}

/** Files and folders that cannot be used, under the name of the setting that leads to them. */
function pathFaultsIn(
  { data, store, mail }: { data: string; store: string; mail: string },
  given: Given,
): string[] {
  const inData = given.merged.store === undefined || given.merged.mail === undefined;
  const ofData = inData ? faultOfFolder(resolve(data)) : undefined;
  const said = (key: string) =>
    given.merged[key] === undefined ? dataName(given) : `${nameOf([key], given)} is ${shownAt([key], given)}`;
  const [, file] = /^sqlite:(.*)$/s.exec(store) ?? [];
  const [, folder] = /^file:(.*)$/s.exec(mail) ?? [];
  const faults = [
    { key: 'store', fault: file === undefined ? undefined : faultOfFile(resolve(file)) },
    { key: 'mail', fault: folder === undefined ? undefined : faultOfFolder(resolve(folder)) },
  ];
  // One mistake, whatever lies in the folder.
  const standing = faults.filter(({ key }) => ofData === undefined || given.merged[key] !== undefined);
  const lines = standing.flatMap(({ key, fault }) => (fault === undefined ? [] : [`${said(key)}: ${fault}`]));
  if (ofData !== undefined) lines.unshift(`${dataName(given)}: ${ofData}`);
  return [...new Set(lines)];
}

function secretIn(data: string, firstStart: 'allowed' | 'refused', given: Given) {
  try {
    return keptSecret(resolve(data), { firstStart });
  } catch (error) {
    if (!(error instanceof SecretFault)) throw error;
    throw new WrongSettings([`${dataName(given)}: ${error.message}`], { cause: error });
  }
}

/** Where mails come from when nothing is said: an IPv6 address is no domain of one. */
function mailHostOf(url: URL): string {
  return url.hostname.startsWith('[') ? 'localhost' : url.hostname;
}

/** Whether Microsoft lets anybody's tenant sign in under this issuer. */
function isForAllTenants(issuer: string): boolean {
  const url = URL.parse(issuer);
  return (
    url?.hostname === 'login.microsoftonline.com' &&
    /^\/(common|organizations|consumers)\b/i.test(url.pathname)
  );
}

/** What is wrong with the file of an image, if one is set. */
function wrongImage(name: string, path: string | undefined): string[] {
  if (path === undefined) return [];
  if (!/\.(svg|png)$/i.test(path)) return [`${name} is ${path}: a .svg or .png file is wanted`];
  if (!existsSync(path)) return [`${name} is ${path}: there is no such file`];
  const fault = faultOfImage(path);
  return fault === undefined ? [] : [`${name} is ${path}: ${fault}`];
}

/** What the environment has for the keys of `variables`; an empty one is not set. */
function valuesOf(variables: Record<string, string>, environment: Environment): Record<string, unknown> {
  const values = Object.entries(variables).map(([key, variable]) => [key, environment[variable]]);
  return Object.fromEntries(values.filter(([, value]) => value !== undefined && value !== ''));
}

function unknownVariables(environment: Environment): string[] {
  const known = [...Object.values(VARIABLES), CONFIG_VARIABLE];
  const google = Object.values(GOOGLE_VARIABLES);
  const lines = (isUnknown: (name: string) => boolean, all: readonly string[]) =>
    Object.keys(environment)
      .filter(isUnknown)
      .map((name) => `${printable(name)} is set, but there is no such setting; known are ${all.join(', ')}`);
  return [
    ...lines((name) => /^latchkey_/i.test(name) && !known.includes(name), known),
    // Others have variables of this name too, so only what is one of ours but for its spelling is refused.
    ...lines((name) => !google.includes(name) && google.some((one) => plain(one) === plain(name)), google),
  ];
}

function plain(name: string): string {
  return name.replaceAll('_', '').toUpperCase();
}

type Slip = { path: string[]; slip: string };

/** The values of text that something slipped into on their way. */
function slipsOf({ merged }: Given): Slip[] {
  return pathsIn(merged).flatMap(({ path, value }) => {
    const slip = typeof value === 'string' ? slipIn(path.join('.'), value) : undefined;
    return slip === undefined ? [] : [{ path, slip }];
  });
}

/** Each value that was given, those of groups one by one. */
function pathsIn(merged: Record<string, unknown>): { path: string[]; value: unknown }[] {
  return Object.entries(merged).flatMap(([key, value]) =>
    typeof value === 'object' && value !== null && !Array.isArray(value)
      ? Object.entries(value).map(([inner, one]) => ({ path: [key, inner], value: one }))
      : [{ path: [key], value }],
  );
}

/** A line for each mistake that the schema finds, but for values of which a line was said already. */
function mistakesIn(given: Given, said: readonly Slip[]): string[] {
  const parsed = ownerSchema.safeParse(given.merged);
  if (parsed.success) return [];
  const issues = parsed.error.issues.filter(
    ({ path }) => !said.some((slip) => isAt(path, slip.path.join('.'))),
  );
  // One line for a value, though more than one thing may be wrong in a list.
  return [...new Set(issues.flatMap((issue) => linesFor(issue, given)))];
}

function isAt(path: readonly PropertyKey[], key: string): boolean {
  return path.join('.') === key || String(path[0]) === key;
}

/** Under the name by which the value was given: a key of the file, or a variable. */
function linesFor(issue: z.core.$ZodIssue, given: Given): string[] {
  if (issue.code === 'unrecognized_keys') {
    const within = issue.path.map(String);
    const known = knownKeys(within).map((key) => [...within, key].join('.'));
    return issue.keys.map(
      (key) =>
        `${given.file}: ${printable([...within, key].join('.'))} is set, but there is no such setting; known are ${known.join(', ')}`,
    );
  }
  // The places of a list are one value, as it was given.
  const path = issue.path.filter((part) => typeof part === 'string');
  return [`${nameOf(path, given)} is ${shownAt(path, given)}: wanted ${issue.message}`];
}

function knownKeys(within: readonly string[]): string[] {
  const example: Record<string, z.ZodType> = ownerSchema.shape;
  const [key] = within;
  if (key === undefined) return Object.keys(example);
  let schema: unknown = example[key];
  while (
    schema instanceof z.ZodOptional ||
    schema instanceof z.ZodDefault ||
    schema instanceof z.ZodPrefault
  ) {
    schema = schema.unwrap();
  }
  if (schema instanceof z.ZodPipe) schema = schema.in;
  if (schema instanceof z.ZodUnion) schema = schema.options.find((one) => one instanceof z.ZodObject);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

function nameOf(path: readonly string[], { merged, overrides, google }: Given): string {
  const [first = 'settings', inner] = path;
  if (first === 'google' && inner !== undefined) {
    const fromFile = !(inner in google) && valueAt(path, merged) !== undefined;
    return fromFile ? path.join('.') : (GOOGLE_VARIABLES[inner] ?? path.join('.'));
  }
  return first in overrides || !(first in merged) ? (VARIABLES[first] ?? path.join('.')) : path.join('.');
}

function valueAt(path: readonly string[], merged: object): unknown {
  return path.reduce<unknown>(
    (found, part) => (found as Record<string, unknown> | undefined)?.[part],
    merged,
  );
}

function shownAt(path: readonly string[], { merged }: Given): string {
  const value = valueAt(path, merged);
  if (value === undefined) return 'not set';
  const isGroup = typeof value === 'object' && value !== null && !Array.isArray(value);
  return isSecret(path.join('.')) || isGroup ? 'not good' : shownSetting(path.join('.'), value);
}

/** Names come from the environment or the file, and must not steer a terminal. */
function printable(name: string): string {
  return name.replace(/\p{C}/gu, '\ufffd');
}

/** By which name the data folder was given, with its value. */
function dataName(given: Given): string {
  const value = valueAt(['data'], given.merged);
  return value === undefined
    ? 'LATCHKEY_DATA is not set'
    : `${nameOf(['data'], given)} is ${shownSetting('data', value)}`;
}

/** Contrast ratio against white (WCAG 2.2, relative luminance). */
function contrastWithWhite(colour: string): number {
  const channel = (from: number) => {
    const value = Number.parseInt(colour.slice(from, from + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return 1.05 / (0.2126 * channel(1) + 0.7152 * channel(3) + 0.0722 * channel(5) + 0.05);
}
