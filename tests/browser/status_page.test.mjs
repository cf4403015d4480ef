// The status page as people meet it: in a real browser, against the simulated providers.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { Browser, Exporter, screenshot, Simulator, until } from './stage.mjs';

const PHONE = { viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, isMobile: true };
const POLL = '[poll]\ninterval = "1s"\ntimeout = "1s"\nmax_age = "3s"\nmax_body = "64KiB"\n';

let browser;
before(async () => {
  browser = await Browser.start();
});
after(() => browser?.stop());

const verdict = (page) => page.locator('#verdict').innerText();
const card = (page, id) => page.locator('.endpoint', { hasText: id });
const column = (page, name) => page.locator('th a', { hasText: name });
const workers = (page) => page.locator('tbody tr');

/** Each element that is wider than the window. */
const overflowing = (page) =>
  page.evaluate(() =>
    [...document.querySelectorAll('body *')]
      .filter((element) => element.getBoundingClientRect().right > innerWidth + 1)
      .map((element) => element.outerHTML.slice(0, 80)),
  );

/** Contrast of each text against what is behind it, where it is below WCAG's AA. */
const faint = (page) =>
  page.evaluate(() => {
    const channels = (colour) => colour.match(/[\d.]+/g).map(Number);
    const luminance = (colour) => {
      const [r, g, b] = channels(colour).map((c) => {
        const v = c / 255;
        return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
      });
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const behind = (element) => {
      for (let at = element; at; at = at.parentElement) {
        const colour = getComputedStyle(at).backgroundColor;
        if (channels(colour)[3] !== 0) return colour;
      }
      return 'rgb(255, 255, 255)';
    };
    const found = [];
    for (const element of document.querySelectorAll('body *')) {
      const own = [...element.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== '');
      if (!own || element.closest('[hidden], noscript, option')) continue;
      const style = getComputedStyle(element);
      const both = [luminance(style.color), luminance(behind(element))];
      const ratio = (Math.max(...both) + 0.05) / (Math.min(...both) + 0.05);
      const text = element.textContent.trim().slice(0, 30);
      if (ratio < 4.5) found.push(`${ratio.toFixed(2)} ${element.tagName} ${text}`);
    }
    return found;
  });

describe('the demo fleet', () => {
  let simulator;
  let exporter;
  before(async () => {
    simulator = await Simulator.start();
    exporter = await Exporter.start(
      '[poll]\ninterval = "2s"\ntimeout = "1s"\n' +
        simulator.account('runpod-demo', 'runpod') +
        simulator.account('runpod-v1-demo', 'runpod-v1') +
        simulator.account('vast-demo', 'vast') +
        simulator.account('den-demo', 'den', 'interval = "65s"'),
    );
    await until('ready', async () => (await fetch(`${exporter.url}/-/ready`)).ok);
  });
  after(async () => {
    await exporter?.stop();
    await simulator?.stop();
  });

  for (const colorScheme of ['light', 'dark']) {
    test(`is readable when it is ${colorScheme}`, async () => {
      const page = await browser.open(exporter.url, { colorScheme });
      await screenshot(page, `demo-${colorScheme}`);
      assert.deepEqual(await faint(page), []);
      assert.match(await verdict(page), /^(All is well: \d+ workers at|Unhealthy: \d+ worker)/);
      assert.equal(await page.locator('.account').count(), 4);
      assert.ok((await workers(page).count()) > 10);
      assert.deepEqual(page.wrong, []);
    });

    test(`is readable on a phone when it is ${colorScheme}`, async () => {
      const page = await browser.open(exporter.url, { ...PHONE, colorScheme });
      await screenshot(page, `phone-${colorScheme}`);
      assert.deepEqual(await overflowing(page), []);
      assert.deepEqual(await faint(page), []);
      const small = await page.evaluate(() =>
        [...document.querySelectorAll('button, select, .links a')]
          .filter((element) => element.getBoundingClientRect().height < 40)
          .map((element) => element.outerHTML),
      );
      assert.deepEqual(small, [], 'a finger finds it');
      assert.deepEqual(page.wrong, []);
    });
  }

  test('is whole without script', async () => {
    const page = await browser.open(exporter.url, { javaScriptEnabled: false });
    assert.match(await verdict(page), /\d/);
    await page.selectOption('select[name=status]', 'idle');
    await page.click('button');
    assert.match(page.url(), /[?&]status=idle.*#workers$/);
    const shown = await page.locator('td[data-label=Status]').allInnerTexts();
    assert.ok(shown.length > 0 && shown.every((text) => text.startsWith('idle')), String(shown));
    await column(page, 'Worker').click();
    assert.match(page.url(), /status=idle.*sort=worker/);
    const ids = await page.locator('td[data-label=Worker] bdi:first-child').allInnerTexts();
    assert.deepEqual(ids, [...ids].sort());
    assert.deepEqual(page.wrong, []);
  });

  test('tells status by words, and every control by a label', async () => {
    const page = await browser.open(exporter.url);
    for (const text of await page.locator('td[data-label=Status]').allInnerTexts()) {
      assert.match(text, /[a-z]/);
    }
    for (const text of await page.locator('.mark').allInnerTexts()) assert.match(text, /[A-Z]/);
    const nameless = await page.evaluate(() =>
      [...document.querySelectorAll('input:not([type=hidden]), select, button, a')]
        .filter((e) => !(e.labels?.length || e.textContent.trim() || e.ariaLabel))
        .map((e) => e.outerHTML),
    );
    assert.deepEqual(nameless, []);
  });

  test('can be used with the keyboard alone', async () => {
    const page = await browser.open(exporter.url);
    const steps = [];
    for (let i = 0; i < 400; ++i) {
      await page.keyboard.press('Tab');
      const at = await page.evaluate(() => document.activeElement.name ?? '');
      if (at === 'text') break;
      steps.push(at);
    }
    await page.keyboard.type('zzz-nothing');
    await until('no worker', async () => (await workers(page).count()) === 0);
    await page.keyboard.press('Tab');
    const outline = await page.evaluate(
      () => getComputedStyle(document.activeElement).outlineStyle,
    );
    assert.equal(outline, 'solid', 'the focus is seen');
    assert.equal(await page.evaluate(() => document.activeElement.name), 'status');
    assert.deepEqual(page.wrong, []);
  });

  test('counts ages on and fetches itself again without moving the reader', async () => {
    const page = await browser.open(`${exporter.url}/?text=e&sort=worker#workers`);
    await column(page, 'Worker').focus();
    await page.evaluate(() => window.scrollTo(0, 300));
    const at = () => page.evaluate(() => document.querySelector('#totals time').textContent);
    const told = await at();
    const age = () => page.evaluate(() => document.querySelector('[data-age]').textContent);
    const first = await age();
    await until('an age counts', async () => (await age()) !== first, 5000);
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    await until('another page', async () => (await at()) !== told);
    assert.equal(await page.evaluate(() => scrollY), 300);
    assert.equal(await page.evaluate(() => document.activeElement.textContent.trim()), 'Worker ▴');
    assert.equal(await page.inputValue('[name=text]'), 'e');
    assert.match(page.url(), /text=e&sort=worker#workers$/);
    assert.deepEqual(page.wrong, []);
  });

  test('every link of it leads somewhere', async () => {
    const page = await browser.open(exporter.url);
    const links = await page.evaluate(() => [
      ...new Set([...document.querySelectorAll('a, link, script[src]')].map((a) => a.href ?? a.src)),
    ]);
    assert.ok(links.length > 10);
    for (const link of links) {
      const answer = await fetch(link);
      assert.equal(answer.status, 200, link);
      assert.equal(answer.headers.get('x-content-type-options'), 'nosniff', link);
      assert.equal(answer.headers.get('referrer-policy'), 'no-referrer', link);
      assert.match(answer.headers.get('content-security-policy'), /frame-ancestors 'none'/, link);
      assert.doesNotMatch(answer.headers.get('content-security-policy'), /unsafe/, link);
      await answer.arrayBuffer();
    }
  });
});

describe('faults', () => {
  // One endpoint each: what it meets, and what the page says.
  const FAULTS = [
    { kind: 'status', code: 500, says: 'server_error' },
    { kind: 'status', code: 403, says: 'forbidden' },
    { kind: 'status', code: 404, says: 'not_found' },
    { kind: 'status', code: 418, says: 'client_error' },
    { kind: 'auth', says: 'auth' },
    { kind: 'slow_first_byte', seconds: 20, says: 'timeout' },
    { kind: 'drip', bytes_per_second: 10, says: 'timeout' },
    { kind: 'hang', says: 'timeout' },
    { kind: 'reset', says: 'connect' },
    { kind: 'truncated', says: 'parse' },
    { kind: 'short_body', says: 'connect' },
    { kind: 'wrong_shape', says: 'schema' },
    { kind: 'html', says: 'parse' },
    { kind: 'empty', says: 'parse' },
    { kind: 'huge', bytes: 8000000, says: 'too_large' },
    { kind: 'deep', depth: 20000, says: 'parse' },
    { kind: 'invalid_utf8', says: 'parse' },
    { kind: 'nan', says: 'parse' },
    { kind: 'error_200', says: 'schema' },
    { kind: 'redirect', to: 'http://127.0.0.1:1/', says: 'client_error' },
    { kind: 'gone', says: 'gone' },
    { kind: 'gzip_bomb', says: 'too_large' },
    { kind: 'malformed_worker', says: 'left out' },
    { kind: 'empty_list', says: 'no workers' },
  ];
  let simulator;
  let exporter;
  let ids;
  before(async () => {
    simulator = await Simulator.start('--endpoints', String(FAULTS.length + 1), '--workers', '4');
    ids = (await simulator.admin('GET', 'truth')).apis.runpod.endpoints.map((one) => one.id);
    exporter = await Exporter.start(POLL + simulator.account('prod', 'runpod', 'max_in_flight = 32'));
    await until('ready', async () => (await fetch(`${exporter.url}/-/ready`)).ok);
    for (const [i, { says, ...fault }] of FAULTS.entries()) {
      await simulator.fault({ api: 'runpod-api', path: '/workers', endpoint: ids[i], ...fault });
    }
  });
  after(async () => {
    await exporter?.stop();
    await simulator?.stop();
  });

  test('each is told in words with what to do, and what is old is not shown', async () => {
    const page = await browser.open(exporter.url);
    const failing = FAULTS.filter((fault) => !fault.says.includes(' '));
    await until('all have expired', async () => {
      await page.reload();
      return (await page.locator('.mark', { hasText: 'too old' }).count()) >= failing.length;
    }, 30000);
    await screenshot(page, 'faults');
    assert.match(
      await verdict(page),
      /^Too old: workers of .+ and 2 more endpoints \(prod\)\. timeout: The provider did not answer in time\.\s+Look at/,
    );
    for (const [i, fault] of FAULTS.entries()) {
      const text = await card(page, ids[i]).innerText();
      assert.ok(text.includes(fault.says), `${fault.kind}: ${text}`);
      if (!failing.includes(fault)) continue;
      assert.match(text, /workers not known/, fault.kind);
      assert.match(text, /too old/, fault.kind);
      assert.equal(await card(page, ids[i]).locator('.error em').first().isVisible(), true);
    }
    assert.match(await card(page, ids.at(-1)).innerText(), /idle|running/, 'it met nothing');
    const troubles = await page.locator('#troubles').innerText();
    assert.match(troubles, /Too old: workers of [^.]+ \(prod\)\. auth: The key is not accepted\. Write a key/);
    assert.match(troubles, /Too old: workers of [^.]+ and 5 more endpoints \(prod\)\. parse: /);
    const marks = await page.locator('.mark').allInnerTexts();
    const bad = marks.map((text) => text.includes('Too old'));
    assert.deepEqual(bad, [...bad].sort((a, b) => b - a), 'the worst stands first');
    assert.deepEqual(page.wrong, []);
    const phone = await browser.open(exporter.url, PHONE);
    await screenshot(phone, 'faults-phone');
    assert.deepEqual(await overflowing(phone), []);
    assert.deepEqual(await faint(phone), []);
  });

  test('when the exporter is gone, an open page says so', async () => {
    const page = await browser.open(exporter.url);
    await exporter.program.stop();
    await page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')));
    const banner = page.locator('#lost');
    await banner.waitFor({ state: 'visible' });
    assert.match(await banner.innerText(), /^The exporter does not answer: what you see is \d+ s old\.$/);
    await screenshot(page, 'lost');
    await until('data become old by themselves', async () =>
      (await card(page, ids.at(-1)).locator('.old').count()) > 0);
  });
});

describe('sources that are refused from the start', () => {
  let simulator;
  let exporter;
  let ids;
  before(async () => {
    simulator = await Simulator.start('--endpoints', '6', '--workers', '4');
    ids = (await simulator.admin('GET', 'truth')).apis.runpod.endpoints.map((one) => one.id);
    await simulator.fault({ api: 'runpod-queue', endpoint: ids[0], kind: 'status', code: 403 });
    await simulator.fault({ api: 'runpod-api', path: '/billing', kind: 'status', code: 500 });
    // Where the fleet has unhealthy workers of its own, these stand first.
    await simulator.answer('runpod-api', '/workers', {
      endpointVersion: 1,
      workers: [{ id: 'w1', status: 'RUNNING', version: '1' }],
      summary: { running: 1, total: 1 },
    });
    exporter = await Exporter.start(POLL + simulator.account('prod', 'runpod'));
    await until('ready', async () => (await fetch(`${exporter.url}/-/ready`)).ok);
  });
  after(async () => {
    await exporter?.stop();
    await simulator?.stop();
  });

  test('are named in the first sentence, with what to do, in one look', async () => {
    for (const options of [{}, PHONE]) {
      const page = await browser.open(exporter.url, options);
      await screenshot(page, options.isMobile ? 'refused-phone' : 'refused');
      assert.match(
        await verdict(page),
        new RegExp(
          `^Missing: queue of .*${ids[0]} \\(prod\\)\\. forbidden: The key is valid and may not read this\\.` +
            '\\s+Give the key the permission to read, or use another key\\.',
        ),
      );
      assert.equal(await page.title(), '2 troubles - serverless_exporter');
      assert.match(
        await page.locator('#troubles').innerText(),
        /^1 more to look at\s+Missing: billing of .+ and 5 more endpoints \(prod\)\. server_error: /,
      );
      const end = await page.locator('#troubles').evaluate((e) => e.getBoundingClientRect().bottom);
      assert.ok(end < page.viewportSize().height, `all of it is in sight, to ${end}`);
      assert.deepEqual(await overflowing(page), []);
      assert.deepEqual(await faint(page), []);
      assert.deepEqual(page.wrong, []);
    }
  });

  test('leave the workers known', async () => {
    const page = await browser.open(exporter.url);
    const text = await card(page, ids[0]).innerText();
    assert.match(text, /! Missing: queue and billing\s/);
    assert.match(text, /1 running/);
    assert.equal(await workers(page).count(), 6);
    assert.equal(await card(page, ids[0]).locator('details').getAttribute('open'), null);
  });
});

describe('one of several shards', () => {
  let simulator;
  let exporter;
  before(async () => {
    simulator = await Simulator.start();
    exporter = await Exporter.start(simulator.account('prod', 'runpod'), '--shard=1/3');
    await until('ready', async () => (await fetch(`${exporter.url}/-/ready`)).ok);
  });
  after(async () => {
    await exporter?.stop();
    await simulator?.stop();
  });

  test('says that others have other endpoints', async () => {
    const page = await browser.open(exporter.url);
    assert.match(
      await page.locator('#totals').innerText(),
      /\sShard 1 of 3: other endpoints are on the pages of the other shards\./,
    );
    assert.deepEqual(page.wrong, []);
  });
});

describe('hostile names', () => {
  const SCRIPT = '<script>alert(1)</script>';
  const TURNED = 'abc\u202Edetrevni';
  let simulator;
  let exporter;
  before(async () => {
    simulator = await Simulator.start();
    const row = (id, status) => ({
      id,
      destination: 'cloud',
      status,
      imageVersion: SCRIPT,
      createdAt: '2026-08-01T00:00:00.000Z',
      lastHeartbeatAt: new Date().toISOString(),
      lastActiveAt: new Date().toISOString(),
      instance: { provider: '"><img src=x onerror=alert(2)>', region: TURNED },
    });
    await simulator.answer('den', '', {
      workers: [row(SCRIPT, 'healthy'), row(TURNED, 'failed'), row('javascript:alert(3)', SCRIPT)],
    });
    exporter = await Exporter.start(simulator.account('den', 'den', 'interval = "65s"\norganization = "acme"'));
    await until('ready', async () => (await fetch(`${exporter.url}/-/ready`)).ok);
  });
  after(async () => {
    await exporter?.stop();
    await simulator?.stop();
  });

  test('are text and act on nothing', async () => {
    const page = await browser.open(exporter.url);
    await screenshot(page, 'hostile');
    const ids = await page.locator('td[data-label=Worker] bdi').allTextContents();
    assert.deepEqual(ids.sort(), [SCRIPT, TURNED, 'javascript:alert(3)'].sort());
    assert.equal(await page.locator('script').count(), 1);
    assert.equal(await page.locator('img').count(), 0);
    // What stands behind the worker keeps its direction: the id is isolated.
    for (const bdi of await page.locator('td[data-label=Worker] bdi').all()) {
      assert.equal(await bdi.evaluate((e) => getComputedStyle(e).unicodeBidi), 'isolate');
    }
    await page.fill('[name=text]', SCRIPT);
    await until('a filter by it', async () => /text=%3Cscript%3E/.test(page.url()));
    await until('one is left', async () => (await workers(page).count()) >= 1);
    assert.deepEqual(page.wrong, []);
  });

  test('are text where no script guards the page', async () => {
    const page = await browser.open(`${exporter.url}/?text=${encodeURIComponent('"><script>alert(4)</script>')}&account=<b>`, {
      javaScriptEnabled: false,
    });
    assert.equal(await page.locator('script').count(), 1);
    assert.equal(await page.inputValue('[name=text]'), '"><script>alert(4)</script>');
    assert.deepEqual(page.wrong, []);
  });
});

describe('five thousand workers', () => {
  let simulator;
  let exporter;
  before(async () => {
    simulator = await Simulator.start('--endpoints', '10', '--workers', '500');
    exporter = await Exporter.start(simulator.account('large', 'runpod'));
    await until('ready', async () => (await fetch(`${exporter.url}/-/ready`)).ok);
  });
  after(async () => {
    await exporter?.stop();
    await simulator?.stop();
  });

  test('are sorted, filtered and paged without freezing', async () => {
    const page = await browser.open(exporter.url);
    await screenshot(page, 'many');
    const status = () => page.locator('#results [role=status]').innerText();
    assert.match(await status(), /^\d{4} workers, 1 to 100 shown\.$/);
    assert.equal(await workers(page).count(), 100);
    await page.evaluate(() => {
      window.longest = 0;
      let last = performance.now();
      const frame = (now) => {
        window.longest = Math.max(window.longest, now - last);
        last = now;
        requestAnimationFrame(frame);
      };
      requestAnimationFrame(frame);
    });
    const first = page.locator('td[data-label=Worker] bdi').first();
    await column(page, 'Worker').click();
    await until('sorted', async () => page.url().includes('sort=worker'));
    const lowest = await first.innerText();
    await column(page, 'Worker').click();
    await until('turned round', async () => (await first.innerText()) > lowest);
    await page.locator('nav.pages a', { hasText: 'next' }).click();
    await until('the second page', async () => /101 to 200 shown/.test(await status()));
    const wanted = await first.innerText();
    await page.fill('[name=text]', wanted);
    await until('found', async () => (await status()) === '1 worker.');
    assert.equal(await first.innerText(), wanted);
    await page.selectOption('[name=status]', 'unhealthy');
    await until('by both', async () => /unhealthy/.test(page.url()));
    const longest = await page.evaluate(() => window.longest);
    assert.ok(longest < 2000, `the longest frame took ${longest} ms`);
    assert.deepEqual(page.wrong, []);
  });
});
