import { z } from 'zod';
import { OVERVIEW_PERIODS, type Overview, type OverviewTotals } from '../../management/overview.ts';
import { timesOf } from '../times.ts';
import { type ManagementEndpoint, queryOf } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

const overviewQuery = z.strictObject({ period: z.enum(OVERVIEW_PERIODS).default('day') });

/** `/overview`: what is called, what goes wrong and what there is. */
export function overviewEndpoints({ overview }: ManagementDependencies): ManagementEndpoint[] {
  return [
    {
      method: 'GET',
      path: '/overview',
      async answer({ ctx }) {
        const { period } = queryOf(ctx, overviewQuery);
        return overviewJson(await overview.of(period));
      },
    },
  ];
}

function overviewJson({ period, from, stepSeconds, whole, steps, figures, mail }: Overview) {
  return {
    period,
    ...timesOf('from', from),
    ...totalsJson(whole),
    step_seconds: stepSeconds,
    steps: steps.map((step) => ({
      ...timesOf('started', step.startsAt),
      ...totalsJson(step),
    })),
    figures: figures === undefined ? null : figuresJson(figures),
    mail,
  };
}

function totalsJson({ success, refused, failed, signedIn, signInsRefused, latency }: OverviewTotals) {
  return {
    calls: { success, refused, failed },
    sign_ins: { success: signedIn, refused: signInsRefused },
    latency:
      latency === undefined ? null : { median_ms: msOf(latency.medianMs), p95_ms: msOf(latency.p95Ms) },
  };
}

/** Longer than the last bound is null. */
function msOf(ms: number): number | null {
  return Number.isFinite(ms) ? ms : null;
}

function figuresJson(figures: NonNullable<Overview['figures']>) {
  const { usedCredentials: used, unusedCredentials: unused, neverUsedCredentials: neverUsed } = figures;
  return {
    ...timesOf('counted', figures.countedAt),
    accounts: figures.accounts,
    suspended_accounts: figures.suspendedAccounts,
    admins: figures.admins,
    services: figures.services,
    apps: figures.apps,
    credentials: {
      live: used + unused + neverUsed,
      used,
      unused,
      never_used: neverUsed,
      paused: figures.pausedCredentials,
    },
  };
}
