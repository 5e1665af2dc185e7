import { describe } from 'node:test';
import type { FreshStores } from '../support/stores.ts';
import { commits } from './commits.ts';
import { journals } from './journals.ts';
import { properties } from './properties.ts';
import { queries } from './queries.ts';
import { races } from './races.ts';
import { refusals } from './refusals.ts';
import { sentences } from './sentences.ts';

/**
 * The meaning of adapters/port.ts, for any engine: its sentences one by one, refusals, races, and properties.
 */
export function storeContract(stores: FreshStores): void {
  describe('sentences', () => sentences(stores));
  describe('refusals', () => refusals(stores));
  describe('journals', () => journals(stores));
  describe('races', () => races(stores));
  describe('commits', () => commits(stores));
  describe('properties', () => properties(stores));
  describe('queries', () => queries(stores));
}
