import { sqliteStores } from '../support/stores.ts';
import { storeContract } from './store-contract.ts';

sqliteStores(storeContract);
