import { adviceOnSettings } from '../../http/settings-advice.ts';
import { shownSettings } from '../../management/shown-settings.ts';
import { type ManagementEndpoint, noQuery, queryOf } from './endpoint.ts';
import type { ManagementDependencies } from './routes.ts';

/** `/settings`: as they are in force, without secrets, and what is amiss with them. */
export function settingsEndpoints({ settings }: ManagementDependencies): ManagementEndpoint[] {
  return [
    {
      method: 'GET',
      path: '/settings',
      async answer({ ctx }) {
        queryOf(ctx, noQuery);
        const advice = (await adviceOnSettings(settings)).map((one) => ({ ...one, todo: one.todo ?? null }));
        return { items: shownSettings(settings), next_cursor: null, advice };
      },
    },
  ];
}
