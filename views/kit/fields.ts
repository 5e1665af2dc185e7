import { type Html, html } from '../html.ts';
import { attribute, type Labelled, labelled } from './labels.ts';

type Field = Labelled & {
  type?: 'text' | 'email' | 'password' | 'date' | 'datetime-local' | undefined;
  value?: string | undefined;
  /** As in the HTML standard: `username`, `current-password`, `new-password`, `off`, … */
  autocomplete?: string | undefined;
  readonly?: boolean | undefined;
  lengthMin?: number | undefined;
  lengthMax?: number | undefined;
  /** Of a date or time. */
  min?: string | undefined;
  max?: string | undefined;
};

/** A labelled input. Passwords never carry a value back. */
export function field(props: Field): Html {
  const type = props.type ?? 'text';
  const value = type === 'password' ? undefined : props.value;
  return labelled(
    props,
    (ids) =>
      html`<input id="${ids.id}" name="${props.name}" type="${type}"${[
        attribute('value', value),
        attribute('autocomplete', props.autocomplete),
        attribute('minlength', props.lengthMin),
        attribute('maxlength', props.lengthMax),
        attribute('min', props.min),
        attribute('max', props.max),
        props.readonly === true && html` readonly`,
        // Addresses and names are no prose.
        type !== 'text' && html` autocapitalize="none" spellcheck="false"`,
        ids.attributes,
      ]}>`,
  );
}

/**
 * The account that a new password is for, in nobody's sight: password managers do not look at hidden fields, and without
 * it they keep the password under no name.
 */
export function managersField(email: string): Html {
  return html`<input type="text" name="username" value="${email}" autocomplete="username" class="for-managers" readonly tabindex="-1" aria-hidden="true">`;
}

/** A labelled text of several lines that machines read, such as one redirect URI a line. */
export function textArea(props: Labelled & { value?: string }): Html {
  return labelled(
    props,
    (
      ids,
    ) => html`<textarea id="${ids.id}" name="${props.name}" rows="4" class="mono" spellcheck="false" autocapitalize="none"${ids.attributes}>
${props.value}</textarea>`,
  );
}
