import ipaddr from 'ipaddr.js';

/** Addresses that have the first so many bits in common. */
export type IpRange = readonly [range: ipaddr.IPv4 | ipaddr.IPv6, bits: number];

/** What a spelling that `isIpRange` accepts, or any of ipaddr.js, stands for. Of IPv4-mapped IPv6, the IPv4. */
export function ipRangeOf(text: string): IpRange {
  const [address, bits] = ipaddr.isValidCIDR(text)
    ? ipaddr.parseCIDR(text)
    : ([ipaddr.parse(text), undefined] as const);
  const plain = ipaddr.process(address.toString());
  // Of IPv4-mapped IPv6, the first 96 bits are the same for all.
  if (plain.kind() !== address.kind()) return [plain, Math.max(0, (bits ?? 128) - 96)];
  return [address, bits ?? (address.kind() === 'ipv4' ? 32 : 128)];
}

/** Whether an address, however written, lies in one of these. What is no address lies in none. */
export function isInRanges(ranges: readonly IpRange[], address: string): boolean {
  if (ranges.length === 0 || !ipaddr.isValid(address)) return false;
  const parsed = ipaddr.process(address);
  return ranges.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits));
}

/**
 * An address or a CIDR in its one spelling: `192.0.2.7/24` is `192.0.2.0/24`, `::FFFF:192.0.2.7` is `192.0.2.7`. Undefined
 * for what not everybody reads the same way: octal and shortened IPv4 (`010.1`), zones (`fe80::1%eth0`), masks.
 */
export function normalisedRange(text: string): string | undefined {
  const [address = '', bits, ...more] = text.split('/');
  const isV4 = ipaddr.IPv4.isValidFourPartDecimal(address);
  const isPlain = isV4 || (ipaddr.IPv6.isValid(address) && !address.includes('%'));
  if (!isPlain || more.length > 0 || /(^|[.:])0\d+(\.|$)/.test(address)) return undefined;
  if (bits !== undefined && (!/^(0|[1-9]\d{0,2})$/.test(bits) || Number(bits) > (isV4 ? 32 : 128)))
    return undefined;
  const [range, length] = ipRangeOf(text);
  const whole = range.kind() === 'ipv4' ? 32 : 128;
  if (length === whole) return range.toString();
  const cidr = `${range.toString()}/${length}`;
  const first =
    whole === 32 ? ipaddr.IPv4.networkAddressFromCIDR(cidr) : ipaddr.IPv6.networkAddressFromCIDR(cidr);
  return `${first.toString()}/${length}`;
}
