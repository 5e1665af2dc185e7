import type { Command } from 'commander';
import { type Narrowing, typedNarrowing, type WantedNarrowing } from '../credentials/narrowing.ts';

/** What narrows a token, as options give it; absent where nothing is said. */
export type NarrowingOptions = { ipRange?: string[]; idleDays?: string; origin?: string; bound?: string[] };

/** The options that narrow a token. */
export function addNarrowingOptions(command: Command): Command {
  return command
    .option('--ip-range <range...>', 'only from this address or range; one or more')
    .option('--idle-days <days>', 'ends when it is not used for so many days')
    .option('--origin <origin>', 'only from the pages of this web origin')
    .option(
      '--bound <bound...>',
      'like create_transaction.amount<=100 or create_transaction=20/day; one or more',
    );
}

/** What they ask for; undefined where none is given. What is not named stays as it is in `before`. */
export function narrowingIn(given: NarrowingOptions, before?: Narrowing): WantedNarrowing | undefined {
  const { ipRange, idleDays, origin, bound } = given;
  if ([ipRange, idleDays, origin, bound].every((option) => option === undefined)) return undefined;
  const kept = typedNarrowing(before);
  return {
    ipRanges: ipRange ?? kept.ipRanges,
    idleDays: idleDays ?? kept.idleDays,
    origin: origin ?? kept.origin,
    bounds: bound ?? kept.bounds,
  };
}
