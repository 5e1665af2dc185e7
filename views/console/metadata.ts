import { bulletList } from '../kit/sections.ts';

/** What whoever runs the app noted of a token or an account: its keys with their texts. */
export function metadataFact(metadata: Readonly<Record<string, string>> | undefined) {
  const value = metadata && bulletList(Object.entries(metadata).map((pair) => pair.join(': ')));
  return { label: 'Metadata', value };
}
