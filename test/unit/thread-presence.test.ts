import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MessageChannel } from 'node:worker_threads';
import { createPresence } from '../../server/workflows/thread-presence.ts';

test('from the begin of a stop on the end of the process waits for no thread, until all are gone', async () => {
  const presence = createPresence({ error: assert.fail });
  const { port1: port, port2 } = new MessageChannel();
  presence.enter({ threadId: 1, port });
  const before = process.listenerCount('exit');
  const gone = presence.allGone(undefined);
  assert.equal(process.listenerCount('exit'), before + 1);
  port2.close();
  await gone;
  assert.equal(process.listenerCount('exit'), before);
});
