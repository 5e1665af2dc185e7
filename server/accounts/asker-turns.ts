import { widestNetworkOf } from '../ground/limiter.ts';
import { mailboxOf } from './email.ts';

/** For whom some work is done: a network or a service, and one of the people who come from there. */
export type Asker = { network: string; mailbox: string };

/** Who asks, by the network address that they come from and the key of their e-mail address. */
export function askerFrom(from: string | undefined, emailKey: string): Asker {
  return { network: from === undefined ? 'no network' : widestNetworkOf(from), mailbox: mailboxOf(emailKey) };
}

/** How many may wait in all, from one network and for one mailbox. */
type Places = { all: number; network: number; mailbox: number };

type Waiter = { start: () => void; refuse: () => void };

/** Those who wait, by network and mailbox. Whoever had a turn stands behind the others again. */
type Waiting = Map<string, Map<string, Waiter[]>>;

/**
 * Does work for many with only some of it at a time. Networks are served in turn, and the mailboxes of each in turn,
 * so that whoever asks often waits for themselves. Where the places are taken, the one who has most of them gives
 * one up to who has none.
 */
export function createAskerTurns(parts: { inFlightMax: number; places: Places; refusal: () => Error }) {
  const { inFlightMax, places, refusal } = parts;
  const waiting: Waiting = new Map();
  let inFlight = 0;

  function waitAs(asker: Asker): Promise<void> {
    if (!makeRoom(waiting, asker, places)) throw refusal();
    return new Promise((start, reject) => {
      const mailboxes = waiting.get(asker.network) ?? new Map<string, Waiter[]>();
      const waiters = mailboxes.get(asker.mailbox) ?? [];
      waiters.push({ start, refuse: () => reject(refusal()) });
      mailboxes.set(asker.mailbox, waiters);
      waiting.set(asker.network, mailboxes);
    });
  }

  return {
    /** Waits for a turn and does the work. Throws the refusal where there is no place to wait. */
    async take<T>(asker: Asker, work: () => Promise<T>): Promise<T> {
      if (inFlight >= inFlightMax) await waitAs(asker);
      else inFlight += 1;
      try {
        return await work();
      } finally {
        // The place is handed on without being given up, so that nobody slips in between.
        const next = takeNext(waiting);
        if (next === undefined) inFlight -= 1;
        else next.start();
      }
    },
  };
}

/** Whether there is a place for this asker, after somebody with more of them gave one up if need be. */
function makeRoom(waiting: Waiting, { network, mailbox }: Asker, places: Places): boolean {
  const own = waiting.get(network)?.get(mailbox)?.length ?? 0;
  if (own >= places.mailbox) return false;
  const ofNetwork = countIn(waiting, network);
  if (ofNetwork >= places.network) return giveUpLongest(waiting, [network], own + 1);
  const networks = [...waiting.keys()];
  const all = networks.reduce((sum, name) => sum + countIn(waiting, name), 0);
  if (all < places.all || giveUpLongest(waiting, networks, own + 1)) return true;
  // Everybody has one place: then those of the network with most of them.
  const larger = networks.filter((name) => countIn(waiting, name) > ofNetwork + 1);
  const most = Math.max(...larger.map((name) => countIn(waiting, name)));
  return giveUpLongest(
    waiting,
    larger.filter((name) => countIn(waiting, name) === most),
    0,
  );
}

/** The mailbox of these networks that has most places gives up its last one, if it has more than `least`. */
function giveUpLongest(waiting: Waiting, networks: readonly string[], least: number): boolean {
  let longest: { network: string; mailbox: string; waiters: Waiter[] } | undefined;
  for (const network of networks) {
    for (const [mailbox, waiters] of waiting.get(network) ?? []) {
      if (waiters.length > (longest?.waiters.length ?? least)) longest = { network, mailbox, waiters };
    }
  }
  if (longest === undefined) return false;
  const { network, mailbox, waiters } = longest;
  waiters.pop()?.refuse();
  if (waiters.length === 0) waiting.get(network)?.delete(mailbox);
  if (waiting.get(network)?.size === 0) waiting.delete(network);
  return true;
}

/** Takes the first waiter of the first mailbox of the first network, and puts both of them behind the others. */
function takeNext(waiting: Waiting): Waiter | undefined {
  for (const [network, mailboxes] of waiting) {
    waiting.delete(network);
    for (const [mailbox, waiters] of mailboxes) {
      mailboxes.delete(mailbox);
      const next = waiters.shift();
      if (waiters.length > 0) mailboxes.set(mailbox, waiters);
      if (mailboxes.size > 0) waiting.set(network, mailboxes);
      if (next !== undefined) return next;
    }
  }
  return undefined;
}

function countIn(waiting: Waiting, network: string): number {
  const mailboxes = waiting.get(network)?.values() ?? [];
  return [...mailboxes].reduce((sum, waiters) => sum + waiters.length, 0);
}
