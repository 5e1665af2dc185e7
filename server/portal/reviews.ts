import type { RouterContext } from '@koa/router';
import { answerReviewPage, reviewAnsweredPage, reviewsPage } from '../../views/reviews.ts';
import { linkDamaged } from '../accounts/mailed-links.ts';
import { ANSWERS, type Answer } from '../credentials/review.ts';
import { type Asked, answersFor, type WhichItem } from '../credentials/reviews.ts';
import { Problem } from '../ground/errors.ts';
import { readForm } from '../http/body.ts';
import { seeOther, sendPage } from '../http/page.ts';
import { queryOne } from '../http/query.ts';
import { actorOf } from '../http/request.ts';
import type { PortalDependencies } from './dependencies.ts';

/** What names an item in a link and a form: its mailed token, or its id where its owner is signed in. */
type Named = { id: string; token: string; item: string };

/**
 * The monthly review: its mailed links, which need no sign-in since who has one has the owner's mailbox, and can only keep,
 * pause or revoke; and for who is signed in the same on a page, with what was asked and answered so far.
 */
export function createReviewPages(parts: PortalDependencies) {
  const { site, clock, signedIn, reviews, forms } = parts;

  /** Throws Problem for a mailed link that is spent or none, and where somebody else is signed in. */
  async function find(ctx: RouterContext, { id, token, item }: Named): Promise<Asked & { which: WhichItem }> {
    if (token === '' && item !== '') {
      const { account } = await signedIn.account(ctx, ctx.method === 'POST' ? '/account/reviews' : undefined);
      const which = { id, itemId: item, accountId: account.id };
      return { ...(await reviews.find(which)), which };
    }
    const asked = await reviews.find({ id, token });
    const viewer = (await signedIn.find(ctx))?.account;
    if (viewer !== undefined && viewer.id !== asked.account.id) throw ofAnother(viewer.email);
    return { ...asked, which: { id, token } };
  }

  return {
    /** GET /account/reviews */
    async list(ctx: RouterContext): Promise<void> {
      const { account } = await signedIn.account(ctx);
      const views = (await reviews.list(account.id)).map((review) => ({
        ...review,
        items: review.items.map((item) => ({ ...item, answers: answersFor(item) })),
      }));
      sendPage(ctx, reviewsPage(site, account, { reviews: views, now: clock() }));
    },

    /** GET /review: what a link is about, with the button that does it. It changes nothing: mail scanners come here. */
    async show(ctx: RouterContext): Promise<void> {
      const done = ANSWERS.find((one) => one === queryOne(ctx, 'done'));
      if (done !== undefined) return sendPage(ctx, reviewAnsweredPage(site, done));
      const named = namedIn((field) => queryOne(ctx, field));
      const answer = answerFrom(queryOne(ctx, 'answer'));
      const { item, account } = await find(ctx, named);
      const answers = answersFor(item);
      const { email } = account;
      const link =
        named.token === '' ? { id: named.id, item: named.item } : { id: named.id, token: named.token };
      sendPage(ctx, answerReviewPage(site, { item, answer, answers, link, email, now: clock() }));
    },

    /** POST /review */
    async answer(ctx: RouterContext): Promise<void> {
      const form = await readForm(ctx);
      const named = namedIn((field) => form.one(field));
      const answer = answerFrom(form.one('answer'));
      // A double click sees what the first one did.
      const post = { who: named.token || named.item, path: ctx.path, formId: form.one('form_id') };
      const { location } = await forms.once(post, async () => {
        const { account, which } = await find(ctx, named);
        await reviews.answer({ ...which, answer }, actorOf(ctx, account.id));
        return { location: `/review?done=${answer}` };
      });
      seeOther(ctx, location);
    },
  };
}

function namedIn(read: (field: string) => string): Named {
  return { id: read('id'), token: read('token'), item: read('item') };
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
