/** Names by which a machine calls itself (RFC 8252 section 8.3), as `URL.hostname` writes them. */
const LOOPBACK_HOSTS: readonly string[] = ['localhost', '127.0.0.1', '[::1]'];

/** Loopback: http is safe here. */
export function isLoopback(url: URL): boolean {
  return LOOPBACK_HOSTS.includes(url.hostname);
}

/** Whether a host, an address or a name with or without brackets, is one of this machine only. */
export function isLoopbackHost(host: string): boolean {
  return LOOPBACK_HOSTS.includes(host) || host === '::1' || /^127(\.\d{1,3}){3}$/.test(host);
}
