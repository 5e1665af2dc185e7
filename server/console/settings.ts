import type { RouterContext } from '@koa/router';
import { settingsPage } from '../../views/console/settings.ts';
import { sendPage } from '../http/page.ts';
import { adviceOnSettings } from '../http/settings-advice.ts';
import { shownSettings } from '../management/shown-settings.ts';
import { adminOf } from './admin.ts';
import type { ConsoleDependencies } from './dependencies.ts';

/** /admin/settings: all settings as they are in force, without secrets, and what is amiss with them. */
export function createSettingsPage(parts: ConsoleDependencies) {
  return async (ctx: RouterContext): Promise<void> => {
    const admin = await adminOf(parts, ctx);
    const { site, settings } = parts;
    const findings = await adviceOnSettings(settings);
    sendPage(ctx, settingsPage(site, admin, { settings: shownSettings(settings), findings }));
  };
}
