import { performance } from 'node:perf_hooks';
import { showApp } from './apps.ts';
import { showFilled } from './filled.ts';
import { showActivity, showFirstAdmin, showIntrospection, showIssueToken } from './owner.ts';
import { openScene, type Scene } from './scene.ts';
import { showService } from './services.ts';
import { showGoogle, showReset, showSignUp } from './sign-in.ts';
import { createTelling, Surprise } from './telling.ts';
import { showToken, showTokenWithoutPassword } from './tokens.ts';
import { showWorkflow } from './workflows.ts';

/**
 * `npm run demo`: the main job over real HTTP, against a server of its own on a free port with a temporary
 * folder. Prints each request and answer; ends with 1 and a word at the first thing that is not as it should
 * be. With `--fill` instead a server with much in it, see filled.ts.
 */

async function showAll(scene: Scene): Promise<void> {
  const newcomer = await showSignUp(scene);
  const user = await showReset(scene, newcomer);
  const googleUser = await showGoogle(scene);
  const token = await showTokenWithoutPassword(scene, googleUser);
  await showToken(scene, user);
  await showService(scene, user);
  await showApp(scene, googleUser, user);
  await showWorkflow(scene, googleUser, token);
  const admin = await showFirstAdmin(scene);
  const issued = await showIssueToken(scene, admin, user);
  await showIntrospection(scene, admin, issued);
  await showActivity(scene, user);
}

async function showMainJob(): Promise<void> {
  const startedAt = performance.now();
  const telling = createTelling();
  const opening = openScene(telling);
  let stopping = false;

  /** Leaves nothing behind, also when it is stopped before all is there. */
  async function stop(code: number): Promise<void> {
    if (stopping) return;
    stopping = true;
    const scene = await opening.catch(() => undefined);
    await scene?.close();
    process.exit(code);
  }

  async function explain(error: unknown): Promise<void> {
    const said =
      error instanceof Surprise ? error.message : error instanceof Error ? error.stack : String(error);
    console.error(`\nSurprise at ${telling.place()}: ${said}`);
    const scene = await opening.catch(() => undefined);
    for (const line of scene?.complaints() ?? []) console.error(`   the server: ${line}`);
  }

  process.on('SIGINT', () => stop(130));
  process.on('SIGTERM', () => stop(143));
  // Who reads along may stop reading.
  process.stdout.on('error', () => stop(1));

  try {
    const scene = await opening;
    console.log(`A server of its own listens on ${scene.url}. Secrets are shown cut short.`);
    await showAll(scene);
    const seconds = (performance.now() - startedAt) / 1000;
    console.log(`\nAll as it should be, in ${seconds.toFixed(1)} seconds. Nothing of it is left behind.`);
    await stop(0);
  } catch (error) {
    if (!stopping) await explain(error);
    await stop(1);
  }
}

if (process.argv.includes('--fill')) await showFilled();
else await showMainJob();
