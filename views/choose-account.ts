import { type Html, html } from './html.ts';
import { postForm, submit } from './kit/buttons.ts';
import { layout, type Site } from './layout.ts';

/** Where an app wants people to say which account they mean, or to make one, and somebody is signed in. */
export function chooseAccountPage(
  site: Site,
  props: { app: string; email: string; path: string; isNewWanted: boolean },
): Html {
  const { app, email, path, isNewWanted } = props;
  const other = isNewWanted ? 'Sign out and make an account' : 'Use another account';
  return layout(site, {
    title: 'Choose an account',
    heading: `Go on to ${app} with which account?`,
    narrow: true,
    body: html`<p>You are signed in as <strong>${email}</strong>.</p>
<div class="buttons stacked">${[
      postForm({ action: `${path}/keep-account`, body: submit(`Continue as ${email}`) }),
      postForm({ action: `${path}/switch-account`, body: submit(other, 'quiet') }),
    ]}</div>`,
  });
}
