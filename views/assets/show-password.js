/* Lets people look at the password that they type. Every page works without this file. */
for (const input of document.querySelectorAll('input[type="password"]')) {
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'quiet show-password';
  button.setAttribute('aria-controls', input.id);
  const show = (shown) => {
    input.type = shown ? 'text' : 'password';
    button.textContent = shown ? 'Hide' : 'Show';
    button.setAttribute('aria-label', shown ? 'Hide the password' : 'Show the password');
    button.setAttribute('aria-pressed', String(shown));
  };
  show(false);
  button.addEventListener('click', () => {
    show(input.type === 'password');
    input.focus();
  });
  // Browsers remember what was sent as text, and some keep the page as it was left.
  input.form?.addEventListener('submit', () => show(false));
  addEventListener('pageshow', () => show(false));
  const row = document.createElement('div');
  row.className = 'password-row';
  const hadFocus = document.activeElement === input;
  input.replaceWith(row);
  row.append(input, button);
  if (hadFocus) input.focus();
}
