/**
 * What makes a name look like another, or hides a part of it: control characters, line ends, signs that turn
 * the reading direction (CVE-2021-42574) and what nobody sees. Joiners and emoji selectors stay: words need
 * them.
 */
const UNFIT =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u2800[\p{Default_Ignorable_Code_Point}--[\u200c\u200d\ufe0e\ufe0f]]]/v;

/** Flags of Scotland and the like, and ideographs in the shape that a person writes their name in. */
const WHOLE = /\p{RGI_Emoji_Tag_Sequence}|\p{Ideographic}[\u{e0100}-\u{e01ef}]/gv;

/** Whether something in this text would make it look like another, or hide a part of it. */
export function isUnfit(text: string): boolean {
  return UNFIT.test(text.replace(WHOLE, ''));
}

/** A name must have something to see. */
export const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;
