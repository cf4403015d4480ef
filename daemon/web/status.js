'use strict';

// The page is whole without this. It counts ages on, and fetches the page again without losing the
// reader's place, filter or focus.
(() => {
  const kRefreshMs = 10000;
  const kTimeoutMs = 8000;
  let shownAt = performance.now();  // When what is shown was told.
  let asking = null;

  const regions = () => document.querySelectorAll('[data-live]');

  function span(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    if (whole < 120) return `${whole} s`;
    if (whole < 7200) return `${Math.floor(whole / 60)} min`;
    if (whole < 172800) return `${Math.floor(whole / 3600)} h`;
    return `${Math.floor(whole / 86400)} d`;
  }

  function count() {
    const since = (performance.now() - shownAt) / 1000;
    for (const age of document.querySelectorAll('[data-age]')) {
      const seconds = Number(age.dataset.age) + since;
      age.textContent = span(seconds);
      if (seconds > Number(age.dataset.max)) age.parentElement.classList.add('old');
    }
    for (const wait of document.querySelectorAll('[data-in]')) {
      wait.textContent = span(Number(wait.dataset.in) - since);
    }
  }

  function lost(text) {
    const banner = document.getElementById('lost');
    banner.hidden = text === '';
    if (banner.textContent !== text) banner.textContent = text;
  }

  // What has the focus, so that it can be found in the next page: by where it leads, or else by its
  // name, for a column leads elsewhere once it was pressed.
  const places = () => [...document.querySelectorAll('[data-live] a, [data-live] summary')];
  const keyOf = (place) => place.href ?? place.parentElement.dataset.key;
  const nameOf = (place) => place.textContent.replace(/ [▴▾]$/, '');

  function focused() {
    const place = places().find((one) => one === document.activeElement);
    return place && { key: keyOf(place), name: nameOf(place) };
  }

  function focus(before) {
    if (!before) return;
    const all = places();
    const found =
      all.find((one) => keyOf(one) === before.key && nameOf(one) === before.name) ??
      all.find((one) => nameOf(one) === before.name);
    found?.focus({ preventScroll: true });
  }

  // What the reader opened or closed stays so.
  function keepOpen(next) {
    for (const details of document.querySelectorAll('details[data-key]')) {
      if (details.open === details.hasAttribute('data-open')) continue;
      const other = next.querySelector(`details[data-key="${CSS.escape(details.dataset.key)}"]`);
      if (other) other.open = details.open;
    }
  }

  function markOpen(page) {
    for (const details of page.querySelectorAll('details[open]')) details.dataset.open = '';
  }

  function show(next) {
    const before = focused();
    markOpen(next);
    keepOpen(next);
    const top = window.scrollY;
    for (const region of regions()) {
      const other = next.getElementById(region.id);
      if (!other || region.outerHTML === other.outerHTML) continue;
      region.replaceWith(document.adoptNode(other));
    }
    document.title = next.title;
    shownAt = performance.now();
    focus(before);
    window.scrollTo(window.scrollX, top);
    count();
  }

  // Another version of the exporter may have another script.
  function isOurs(next) {
    const script = (page) => page.querySelector('script[src]')?.getAttribute('src');
    return script(next) === script(document);
  }

  async function refresh() {
    asking?.abort();
    const mine = (asking = new AbortController());
    const timer = setTimeout(() => mine.abort('no answer'), kTimeoutMs);
    try {
      const answer = await fetch(location.pathname + location.search, {
        cache: 'no-store',
        signal: mine.signal,
      });
      if (!answer.ok) throw new Error(`it answered ${answer.status}`);
      const next = new DOMParser().parseFromString(await answer.text(), 'text/html');
      if (mine !== asking) return;
      if (!isOurs(next)) return location.reload();
      show(next);
      lost('');
    } catch {
      if (mine !== asking) return;
      const seconds = (performance.now() - shownAt) / 1000;
      lost(`The exporter does not answer: what you see is ${span(seconds)} old.`);
    } finally {
      clearTimeout(timer);
    }
  }

  // Somebody who marks a text wants to copy it.
  const isReading = () => !(getSelection()?.isCollapsed ?? true);

  function go(url) {
    history.replaceState(null, '', url.pathname + url.search + url.hash);
    refresh();
  }

  function filter(form) {
    const url = new URL(location.href);
    const keep = [...new FormData(form)].filter(([, value]) => value !== '');
    url.search = new URLSearchParams(keep).toString();
    go(url);
  }

  const form = document.getElementById('filter');
  let typing = 0;
  form.addEventListener('input', () => {
    clearTimeout(typing);
    typing = setTimeout(() => filter(form), 250);
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    clearTimeout(typing);
    filter(form);
    document.getElementById('results').scrollIntoView();
  });

  // The form follows a link: sorting and paging keep what was typed.
  function fill(url) {
    for (const field of [...form.querySelectorAll('input[type=hidden]')]) field.remove();
    for (const field of form.elements) if (field.name) field.value = '';
    for (const [name, value] of url.searchParams) {
      if (name === 'page') continue;
      const known = form.elements.namedItem(name);
      if (known) {
        known.value = value;
        continue;
      }
      const hidden = document.createElement('input');
      Object.assign(hidden, { type: 'hidden', name, value });
      form.append(hidden);
    }
  }

  document.addEventListener('click', (event) => {
    const link = event.target.closest?.('a');
    if (!link || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const url = new URL(link.href);
    if (url.origin !== location.origin || url.pathname !== '/' || url.hash !== '#workers') return;
    event.preventDefault();
    fill(url);
    go(url);
    if (!link.closest('th')) document.getElementById('workers').scrollIntoView();
  });

  markOpen(document);
  setInterval(count, 1000);
  setInterval(() => {
    if (!document.hidden && !isReading()) refresh();
  }, kRefreshMs);
  document.addEventListener('visibilitychange', () => {
    if (!document.hidden) refresh();
  });
})();
