import type { OwnerSettings } from 'latchkey';

/** Your settings. Every key may be left out; the environment overrides what stands here. */
export const settings: OwnerSettings = {
  appName: 'My app',
};
