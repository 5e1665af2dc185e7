import type { Actor } from './audit.ts';

const NAMES: Record<Actor['kind'], string> = {
  account: 'the pages of this site',
  client: 'the app or service itself',
  operator: 'the operator of this site',
  system: 'this site itself',
};

/** Where a change came from, as mails say it: the network address, or who it was where there is none. */
export function originOf(actor: Actor): string {
  return actor.from ?? NAMES[actor.kind];
}
