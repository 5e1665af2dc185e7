import { interactionPolicy, type KoaContextWithOIDC } from 'oidc-provider';
import { isLoopback } from '../ground/loopback.ts';

const { Check, Prompt, base } = interactionPolicy;

/** What a person may be asked for, in the order in which it is. */
export function promptPolicy() {
  const policy = base();
  const consent = policy.get('consent');
  consent?.checks.remove('native_client_prompt');
  consent?.checks.add(
    new Check('nameless_app', 'the app cannot prove its name', 'interaction_required', asksEachTime),
  );
  // OpenID Connect Core section 3.1.2.1, and "Initiating User Registration via OpenID Connect" for `create`.
  policy.add(new Prompt({ name: 'select_account', requestable: true }), 0);
  policy.add(new Prompt({ name: 'create', requestable: true }), 0);
  return policy;
}

/**
 * An app without a secret whose answer goes to this machine, where any program can take its name (RFC 8252 section
 * 8.6), is asked about each time. The engine by itself looks at what the app is registered as, not at this request.
 */
function asksEachTime({ oidc }: KoaContextWithOIDC): boolean {
  if (oidc.client?.clientAuthMethod !== 'none' || oidc.result?.consent !== undefined) return false;
  const uri = URL.parse(String(oidc.params?.redirect_uri));
  return uri === null || uri.protocol !== 'https:' || isLoopback(uri);
}
