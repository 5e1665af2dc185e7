import { PERIOD_DAYS } from '../../server/ground/limits.ts';
import { type Html, html } from '../html.ts';
import { select } from './choices.ts';
import { field } from './fields.ts';

/** What a list is asked for in time; '' asks for nothing. */
export type Period = {
  /** `today`, a number of days, or `date` with its first and last day or minute. */
  period: string;
  /** `2026-11-24`, `2026-11-24T09:00` */
  from: string;
  to: string;
};

/** The fields of a form that ask for a period. `today` is the last day that there can be something of. */
export function periodFields(
  { period, from, to }: Period,
  { today, exact }: { today: string; exact: 'day' | 'minute' },
): Html[] {
  const isDay = exact === 'day';
  const end = (label: string, name: string, value: string) =>
    html`<div class="on-date">${field({
      type: isDay ? 'date' : 'datetime-local',
      max: isDay ? today : `${today}T23:59`,
      label: isDay ? `${label} day` : `${label} minute (UTC)`,
      name,
      value,
    })}</div>`;
  return [
    select({
      label: 'Period',
      name: 'period',
      value: period,
      options: [
        { value: '', label: 'Any time' },
        { value: 'today', label: 'Today (UTC)' },
        ...PERIOD_DAYS.map((days) => ({ value: String(days), label: `The last ${days} days` })),
        { value: 'date', label: isDay ? 'From day to day' : 'From minute to minute' },
      ],
    }),
    end('First', 'from', isDay ? from.slice(0, 10) : minuteOf(from, '00:00')),
    end('Last', 'to', isDay ? to.slice(0, 10) : minuteOf(to, '23:59')),
  ];
}

/** A day alone as the field of a minute has it. */
function minuteOf(written: string, time: string): string {
  return written === '' || written.includes('T') ? written : `${written}T${time}`;
}
