import { mongodbStores } from '../support/stores.ts';
import { storeContract } from './store-contract.ts';

mongodbStores(storeContract);
