import { mongodbStores } from '../support/stores.ts';
import { properties } from './properties.ts';

mongodbStores(properties);
