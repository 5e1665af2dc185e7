import { sqliteStores } from '../support/stores.ts';
import { properties } from './properties.ts';

sqliteStores(properties);
