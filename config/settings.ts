import type { OwnerSettings } from 'latchkey';

/**
 * Your settings. Every key may be left out; the environment overrides what stands here (README, "Settings").
 * A wrong value stops the start with one line that says what is wanted.
 */
export const settings: OwnerSettings = {
  appName: 'Latchkey',
  accentColour: '#0b57d0',
};
