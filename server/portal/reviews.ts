import type { RouterContext } from '@koa/router';
import { answerReviewPage, reviewAnsweredPage, reviewsPage } from '../../views/reviews.ts';
import { linkDamaged } from '../accounts/mailed-links.ts';
import { ANSWERS, type Answer } from '../credentials/review.ts';
import { type Asked, answersFor } from '../credentials/reviews.ts';
import { Problem } from '../ground/errors.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import type { PortalDependencies } from './dependencies.ts';

/**
 * The monthly review: its mailed links, which need no sign-in since who has one has the owner's mailbox, and can only keep,
 * pause or revoke; and for who is signed in what was asked and answered so far.
 */
export function createReviewPages(parts: PortalDependencies) {
  const { site, clock, signedIn, reviews, forms } = parts;

  /** Throws Problem for a link that is spent or none, and where somebody else is signed in. */
  async function find(ctx: RouterContext, link: { id: string; token: string }): Promise<Asked> {
    const asked = await reviews.find(link);
    const viewer = (await signedIn.find(ctx))?.account;
    if (viewer !== undefined && viewer.id !== asked.account.id) throw ofAnother(viewer.email);
    return asked;
  }

  return {
    /** GET /account/reviews */
    async list(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      sendPage(ctx, reviewsPage(site, account, { reviews: await reviews.list(account.id), now: clock() }));
    },

    /** GET /review: what a mailed link is about, with the button that does it. It changes nothing: mail scanners come here. */
    async show(ctx: RouterContext): Promise<void> {
      const done = ANSWERS.find((one) => one === queryOne(ctx, 'done'));
      if (done !== undefined) return sendPage(ctx, reviewAnsweredPage(site, done));
      const link = { id: queryOne(ctx, 'id'), token: queryOne(ctx, 'token') };
      const answer = answerFrom(queryOne(ctx, 'answer'));
      const { item, account } = await find(ctx, link);
      const answers = answersFor(item);
      const { email } = account;
      sendPage(ctx, answerReviewPage(site, { item, answer, answers, link, email, now: clock() }));
    },

    /** POST /review */
    async answer(ctx: RouterContext): Promise<void> {
      const form = await readForm(ctx);
      const link = { id: form.one('id'), token: form.one('token') };
      const answer = answerFrom(form.one('answer'));
      // A double click sees what the first one did.
      const post = { who: link.token, path: ctx.path, formId: form.one('form_id') };
      const { location } = await forms.once(post, async () => {
        const { account } = await find(ctx, link);
        await reviews.answer({ ...link, answer }, actorOf(ctx, account.id));
        return { location: `/review?done=${answer}` };
      });
      seeOther(ctx, location);
    },
  };
}

/** Throws Problem for a link without one. */
function answerFrom(given: string): Answer {
  const answer = ANSWERS.find((one) => one === given);
  if (answer === undefined) throw linkDamaged('the mail');
  return answer;
}

function ofAnother(email: string): Problem {
  return new Problem({
    status: 403,
    code: 'OTHER_ACCOUNT',
    message: `This link is for another account, and you are signed in as ${email}. Nothing was done.`,
    hint: 'Sign out and open the link again if both are yours.',
  });
}
