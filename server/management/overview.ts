import type { Collection } from '../../adapters/port.ts';
import {
  type Latency,
  latencyOf,
  SERIES_SECONDS,
  sumOf,
  type Totals,
  type TotalsOf,
} from '../activity/totals.ts';
import type { Clock } from '../ground/clock.ts';
import { OVERVIEW_STEPS } from '../ground/limits.ts';
import { DAY_SECONDS } from '../ground/time.ts';
import type { Message } from '../mail/message.ts';
import type { createFigures, Figures } from './figures.ts';

/** What may be looked at. */
export const OVERVIEW_PERIODS = ['day', 'week', 'month'] as const;

type OverviewPeriod = (typeof OVERVIEW_PERIODS)[number];

/** What there was in some time; `latency` is undefined where no call was answered. */
export type OverviewTotals = Omit<TotalsOf, 'lengths'> & { latency: Latency | undefined };

export type Overview = {
  period: OverviewPeriod;
  /** The first moment, and how long each of `steps` is. */
  from: number;
  stepSeconds: number;
  whole: OverviewTotals;
  /** Each hour or day, the oldest first. */
  steps: OverviewTotals[];
  /** Undefined while they are counted for the first time. */
  figures: Figures | undefined;
  /** Those of the days of the period on which they were counted. */
  figuresByDay: Figures[];
  /** Mails that wait, and those of the period that were given up. */
  mail: { waiting: number; failed: number };
};

/** What whoever runs the app wants to see first: how much is called and goes wrong, and what there is. */
export function createOverview(parts: {
  totals: Pick<Totals, 'last'>;
  figures: ReturnType<typeof createFigures>;
  outbox: Collection<Message>;
  clock: Clock;
}) {
  const { totals, figures, outbox, clock } = parts;

  return {
    async of(period: OverviewPeriod): Promise<Overview> {
      const series = period === 'day' ? 'hour' : 'day';
      const periods = OVERVIEW_STEPS[period];
      const steps = await totals.last(series, periods);
      const from = steps[0]?.startsAt ?? clock();
      const midnight = from - (from % DAY_SECONDS);
      const [latest, byDay, waiting, failed] = await Promise.all([
        figures.latest(),
        figures.since(midnight, periods + 1),
        outbox.count([['dueAt', '>', 0]]),
        outbox.count([['failedAt', '>=', from]]),
      ]);
      return {
        period,
        from,
        stepSeconds: SERIES_SECONDS[series],
        whole: shown(sumOf(steps)),
        steps: steps.map(shown),
        figures: latest,
        figuresByDay: byDay,
        mail: { waiting, failed },
      };
    },
  };
}

function shown({ lengths, ...totals }: TotalsOf): OverviewTotals {
  return { ...totals, latency: latencyOf(lengths) };
}
