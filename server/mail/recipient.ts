import { normalised } from '../ground/normalised.ts';

/** RFC 5321 section 4.5.3.1: the octets of a local part, and of a path less its two brackets. */
const LOCAL_BYTES_MAX = 64;
const ADDRESS_BYTES_MAX = 254;

/** Nothing that means something in an address list: quotes, brackets, commas, spaces, control characters. */
const LOCAL_PART = /^[^\s\p{C}"(),:;<>@[\\\]]+$/u;
const DOMAIN_LABEL = /^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}-]{0,61}[\p{L}\p{M}\p{N}])?$/u;

/**
 * Whether `to` is exactly one bare address. What the outbox holds was checked when it came in; this is the
 * last look before the mail library, whose parser also takes lists, groups, display names and comments, and
 * has been led astray by them (CVE-2025-14874 and others).
 */
export function isOneAddress(to: string): boolean {
  if (Buffer.byteLength(to) > ADDRESS_BYTES_MAX) return false;
  // Compatibility characters would be mapped to others on the way: to another mailbox than the one that was
  // proved.
  if (normalised(to, 'NFKC', ADDRESS_BYTES_MAX)?.text !== to) return false;
  const [local = '', domain = '', ...rest] = to.split('@');
  if (rest.length > 0 || Buffer.byteLength(local) > LOCAL_BYTES_MAX) return false;
  return (
    LOCAL_PART.test(local) &&
    local.split('.').every((atom) => atom !== '') &&
    domain.split('.').every((label) => DOMAIN_LABEL.test(label))
  );
}
