import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { extname } from 'node:path';
import Router from '@koa/router';
import type { Settings } from '../ground/settings.ts';

const FOLDER = new URL('../../views/assets/', import.meta.url);

/** The few files that pages load, read once at the start and revalidated by ETag. */
export function createAssetRoutes(settings: Settings, names: readonly string[]): Router {
  const router = new Router({ strict: true, sensitive: true });
  const serve = (path: string, bytes: Buffer) => {
    const etag = `"${hash('sha256', bytes, 'base64url').slice(0, 22)}"`;
    router.get(path, (ctx) => {
      ctx.set('Cache-Control', 'public, max-age=300');
      ctx.set('ETag', etag);
      ctx.type = extname(path);
      ctx.body = bytes;
      ctx.status = 200;
      if (ctx.fresh) ctx.status = 304;
    });
  };
  for (const name of names) serve(`/assets/${name}`, readFileSync(new URL(name, FOLDER)));
  serve('/assets/accent.css', Buffer.from(`:root{--accent:${settings.accentColour}}\n`));
  for (const [name, file] of Object.entries({ logo: settings.logo, provider: settings.google?.icon })) {
    if (file !== undefined) serve(imagePath(name, file), readFileSync(file));
  }
  return router;
}

/** Where an image of the operator's is served, whatever its file is called. */
export function imagePath(name: string, file: string): string {
  return `/assets/${name}${extname(file).toLowerCase()}`;
}
