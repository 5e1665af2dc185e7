/* Shows the copy buttons and makes values select themselves. Every page works without this file. */
for (const source of document.querySelectorAll('textarea[data-copy-from]')) {
  const selectWhole = () => {
    if (source.selectionStart === source.selectionEnd) source.select();
  };
  source.addEventListener('focus', selectWhole);
  // The click that gave the focus has set a caret since.
  source.addEventListener('click', selectWhole);
}

for (const button of document.querySelectorAll('button[data-copy]')) {
  const source = button.closest('.copy, .code')?.querySelector('[data-copy-from]');
  if (!source) continue;
  button.hidden = false;
  const label = button.textContent;
  const name = button.getAttribute('aria-label');
  let back;
  const say = (word) => {
    button.textContent = word;
    button.setAttribute('aria-label', word);
    clearTimeout(back);
    back = setTimeout(() => {
      button.textContent = label;
      button.setAttribute('aria-label', name);
    }, 2500);
  };
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(source.value ?? source.textContent);
      say('Copied');
    } catch {
      // No clipboard here (no https, or not allowed): leave the value selected for the keyboard.
      if (source.select) source.select();
      else getSelection().selectAllChildren(source);
      say('Press Ctrl+C');
    }
  });
}
