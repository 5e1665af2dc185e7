import Bowser, { BROWSER_MAP, OS_MAP } from 'bowser';

/** Real ones have at most about 250 characters; what is longer tells nobody more. */
const USER_AGENT_LENGTH_MAX = 400;

/** Which browser it is on which system, as far as it says so itself; `label` has the versions too. */
export type Browser = { name: string; system: string; label: string };

// Of what it does not know the library takes the name from the header, where anybody may write what they like.
const BROWSER_NAMES = new Set(Object.values(BROWSER_MAP));
const SYSTEM_NAMES = new Set(Object.values(OS_MAP));

/** What is kept of the header `User-Agent` (RFC 9110 section 10.1.5). */
export function boundedUserAgent(header: string): string {
  return header.slice(0, USER_AGENT_LENGTH_MAX);
}

/** Reads the header; every word of the answer is from a list of ours, since mails and pages show it. */
export function browserOf(userAgent: string | undefined): Browser {
  // The library refuses an empty text.
  const { browser, os } = Bowser.parse(boundedUserAgent(userAgent ?? '') || 'none');
  const name = BROWSER_NAMES.has(browser.name ?? '') ? browser.name : undefined;
  const system = SYSTEM_NAMES.has(os.name ?? '') ? os.name : undefined;
  const withVersion = (word: string, version?: string) => `${word} ${majorOf(version)}`.trim();
  const of = name === undefined ? UNKNOWN.browser : withVersion(name, browser.version);
  const on = system === undefined ? UNKNOWN.system : withVersion(system, os.versionName ?? os.version);
  return { name: name ?? UNKNOWN.browser, system: system ?? UNKNOWN.system, label: `${of} on ${on}` };
}

const UNKNOWN = { browser: 'Unknown browser', system: 'unknown system' } as const;

/** The first number of a version; '' where there is none. */
function majorOf(version: string | undefined): string {
  return /^\d{1,4}(?![\w])/.exec(version ?? '')?.[0] ?? '';
}
