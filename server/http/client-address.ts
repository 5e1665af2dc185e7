import type { IncomingMessage } from 'node:http';
import ipaddr from 'ipaddr.js';
import type { Logger } from 'pino';
import { ipRangeOf, isInRanges } from '../ground/ip-ranges.ts';
import { withoutSecrets } from '../ground/without-secrets.ts';

export type ClientAddress = ReturnType<typeof createClientAddress>;

/** So much of what is no address is shown in the log. */
const SHOWN_LENGTH = 60;

/** Where requests come from, as far as the proxies that we trust say. What they get wrong is logged once. */
export function createClientAddress(parts: { proxies: readonly string[]; log: Pick<Logger, 'warn'> }) {
  const ranges = parts.proxies.map(ipRangeOf);
  const warned = new Set<string>();

  function warnOnce(what: string, fields: object, message: string): void {
    if (warned.has(what)) return;
    warned.add(what);
    parts.log.warn(fields, message);
  }

  function warnOfForeignProxy(peer: string): void {
    warnOnce(
      'foreign proxy',
      { from: peer },
      'a request came with X-Forwarded-For or Forwarded from a machine that is not in LATCHKEY_PROXIES: if that is ' +
        'your reverse proxy, add its address, or all its callers count as one',
    );
  }

  function warnOfNoAddress(entry: string, peer: string): void {
    const said = withoutSecrets(entry.slice(0, SHOWN_LENGTH));
    warnOnce(
      'no address',
      { from: peer, said },
      'a proxy named something that is no IP address as its client',
    );
  }

  return {
    /**
     * Walks X-Forwarded-For (where it is absent, `Forwarded`, RFC 7239) from its near end for as long as the machine
     * that added an entry is a proxy of ours. What a client writes into the header itself stands at the far end and
     * is never reached. IPv4-mapped IPv6 is written as IPv4.
     */
    of(req: IncomingMessage): string {
      const peer = plainAddress(req.socket.remoteAddress ?? '');
      const { forwarded, 'x-forwarded-for': forwardedFor } = req.headers;
      if (forwardedFor === undefined && forwarded === undefined) return peer;
      if (!isInRanges(ranges, peer)) {
        warnOfForeignProxy(peer);
        return peer;
      }
      const entries =
        forwardedFor === undefined ? clientsIn(forwarded ?? '') : [forwardedFor].flat().join().split(',');
      let address = peer;
      while (entries.length > 0 && isInRanges(ranges, address)) {
        const entry = (entries.pop() ?? '').trim();
        const next = plainAddress(hostOf(entry));
        if (!ipaddr.isValid(next)) {
          warnOfNoAddress(entry, peer);
          break;
        }
        address = next;
      }
      return address;
    },

    /** Whether what the other end of this connection says of its clients is believed. */
    isProxy: (req: IncomingMessage): boolean =>
      isInRanges(ranges, plainAddress(req.socket.remoteAddress ?? '')),
  };
}

/** What an operator should know who has set no proxies on a public server, or everybody, and what to do; undefined where it is fine. */
export function adviceOnProxies(settings: {
  production: boolean;
  proxies: readonly string[];
}): { found: string; todo: string } | undefined {
  if (settings.proxies.some((range) => range.endsWith('/0'))) {
    return {
      found: 'LATCHKEY_PROXIES takes in every address: whoever calls chooses which one they come from',
      todo: 'set it to the addresses of your proxies alone',
    };
  }
  if (!settings.production || settings.proxies.length > 0) return undefined;
  return {
    found: 'LATCHKEY_PROXIES is not set: behind a reverse proxy all callers count as one',
    todo: 'set it to the address of the proxy',
  };
}

/** The values of `for` (RFC 7239 section 4), one for each machine; '' where it names none. */
function clientsIn(forwarded: string): string[] {
  return splitOutsideQuotes(forwarded, ',').map((element) => {
    const pairs = splitOutsideQuotes(element, ';').map((pair) => pair.trim());
    const pair = pairs.find((one) => /^for\s*=/i.test(one)) ?? '';
    return pair.slice(pair.indexOf('=') + 1).trim();
  });
}

function splitOutsideQuotes(text: string, separator: string): string[] {
  const parts = [''];
  let isQuoted = false;
  for (const letter of text) {
    if (letter === '"') isQuoted = !isQuoted;
    if (letter === separator && !isQuoted) parts.push('');
    else parts[parts.length - 1] += letter;
  }
  return parts;
}

/** Without quotes, brackets and port: some proxies write `IP:port`, RFC 7239 section 6 `"[IPv6]:port"`. */
function hostOf(entry: string): string {
  const bare = entry.replace(/^"(.*)"$/, '$1');
  const bracketed = /^\[([^\]]*)\](?::\w*)?$/.exec(bare);
  if (bracketed !== null) return bracketed[1] ?? '';
  return /^([^:]*):\w*$/.exec(bare)?.[1] ?? bare;
}

function plainAddress(address: string): string {
  // No IPv6 at all, the usual case.
  if (!address.includes(':') || !ipaddr.isValid(address)) return address;
  return ipaddr.process(address).toString();
}
