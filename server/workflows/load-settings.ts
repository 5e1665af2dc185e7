import { join } from 'node:path';
import { configFolder, shownPath } from '../ground/config-folder.ts';
import { CONFIG_VARIABLE, loadOwnerSettings, type OwnerSettings, SETTINGS_FILE } from '../ground/settings.ts';
import { guardProcess } from './guarded-process.ts';
import { doLoad } from './late-failures.ts';

/** Reads settings.ts of the owner's folder, which is code of theirs as much as a workflow. Throws `WrongSettings`. */
export async function loadSettings(
  environment: Readonly<Record<string, string | undefined>>,
): Promise<OwnerSettings> {
  guardProcess();
  const file = shownPath(join(configFolder(environment[CONFIG_VARIABLE]), SETTINGS_FILE));
  return doLoad(file, () => loadOwnerSettings(environment));
}
