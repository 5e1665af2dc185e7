import type { OwnerSettings } from 'latchkey';

/** Of the folder of an owner who declares what the bench asks for. */
export const settings: OwnerSettings = {};
