import { domainToASCII, domainToUnicode } from 'node:url';
import { z } from 'zod';
import { normalised } from './normalised.ts';

/** Who may make an account by themselves. Domains are in lower-case ASCII, `*.` before one means its subdomains. */
export type SignUpPolicy = 'anyone' | 'invited' | 'nobody' | { domains: readonly string[] };

/** RFC 1035 section 2.3.4. */
const DOMAIN_LENGTH_MAX = 255;
const WORDS = ['anyone', 'invited', 'nobody'] as const;
const DOMAIN = /^(?:\*\.)?(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?=[a-z])[a-z0-9-]{1,62}[a-z0-9]$/;
const WANTED =
  'anyone, invited, nobody or domains of e-mail addresses, like example.com or *.example.com (its subdomains)';

/** The setting `signUp`: a word, `{ domains: [...] }`, or domains between commas as the environment has them. */
export const signUpSetting = z
  .union([z.string(), z.strictObject({ domains: z.array(z.string()) })], WANTED)
  .transform((written, ctx): SignUpPolicy => {
    const policy = policyOf(written);
    if (policy !== undefined) return policy;
    ctx.addIssue({ code: 'custom', message: WANTED });
    return z.NEVER;
  });

function policyOf(written: string | { domains: readonly string[] }): SignUpPolicy | undefined {
  const word = WORDS.find((one) => one === written);
  if (word !== undefined) return word;
  const domains = (typeof written === 'string' ? written.split(',') : written.domains).map(domainFrom);
  if (domains.length === 0 || !domains.every((domain) => domain !== undefined)) return undefined;
  return { domains: [...new Set(domains)] };
}

/** A domain in the spelling in which addresses are kept (accounts/email.ts); undefined for what is none. */
function domainFrom(written: string): string | undefined {
  const name = (normalised(written, 'NFKC', DOMAIN_LENGTH_MAX)?.text ?? '').trim().replace(/\.$/, '');
  const [wildcard, host] = name.startsWith('*.') ? ['*.', name.slice(2)] : ['', name];
  // The URL parser behind domainToASCII would read past a slash, and unescape %61.
  if (/[^\p{L}\p{M}\p{N}.-]/u.test(host)) return undefined;
  const domain = `${wildcard}${domainToASCII(host)}`;
  return DOMAIN.test(domain) ? domain : undefined;
}

/** Whether an address is of one of these domains. `key` is as accounts/email.ts makes it: lower case, the domain in ASCII. */
export function isOfDomains(key: string, domains: readonly string[]): boolean {
  const domain = key.slice(key.lastIndexOf('@') + 1);
  return domains.some((one) => (one.startsWith('*.') ? domain.endsWith(one.slice(1)) : domain === one));
}

/** For people: `example.com or any subdomain of example.org`. */
export function domainsInWords(domains: readonly string[]): string {
  const words = domains.map((one) =>
    one.startsWith('*.') ? `any subdomain of ${domainToUnicode(one.slice(2))}` : domainToUnicode(one),
  );
  return [words.slice(0, -1).join(', '), ...words.slice(-1)].filter(Boolean).join(' or ');
}
