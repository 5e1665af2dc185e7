import { type Html, html } from '../html.ts';
import { badge } from '../kit/notices.ts';
import { section } from '../kit/sections.ts';
import { dataTable } from '../kit/tables.ts';
import { layout, type Site, type Viewer } from '../layout.ts';

type FindingView = { level: 'ok' | 'warn' | 'fail'; about: string; found: string; todo?: string };

const LEVELS = {
  ok: badge('active', 'Good'),
  warn: badge('expiring', 'Look at it'),
  fail: badge('problem', 'Wrong'),
};

/** /admin/settings */
export function settingsPage(
  site: Site,
  viewer: Viewer,
  props: {
    settings: readonly { key: string; value: string; from: string }[];
    findings: readonly FindingView[];
  },
): Html {
  return layout(site, {
    title: 'Settings',
    lead: html`As they are in force. Change them in <code>settings.ts</code> or in the environment, and start the server again.`,
    viewer,
    current: '/admin/settings',
    body: [
      section({
        title: 'What to look at',
        lead: html`<code>latchkey doctor</code> also asks the mail server, the public URL and the store.`,
        body: dataTable({
          caption: 'What to look at',
          columns: ['About', 'State', 'Found'],
          rows: props.findings.map(({ level, about, found, todo }) => [
            about,
            LEVELS[level],
            html`${found}${todo !== undefined && html`<br><span class="fine">→ ${todo}</span>`}`,
          ]),
        }),
      }),
      dataTable({
        caption: 'Settings',
        columns: ['Setting', 'Value', 'From'],
        rows: props.settings.map(({ key, value, from }) => [html`<code>${key}</code>`, value, from]),
        look: 'low',
      }),
    ],
  });
}
