/**
 * What makes a name look like another, or hides a part of it: control characters, line ends, signs that turn
 * the reading direction (CVE-2021-42574) and what nobody sees. Joiners and emoji selectors stay: words need
 * them.
 */
export const UNFIT =
  /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\u2800[\p{Default_Ignorable_Code_Point}--[\u200c\u200d\ufe0e\ufe0f]]]/v;

/** A name must have something to see. */
export const VISIBLE = /[\p{L}\p{N}\p{P}\p{S}]/u;
