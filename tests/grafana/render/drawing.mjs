// Draws dashboards in a browser, and looks at what has been drawn.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';

import { build } from 'esbuild';
import { chromium } from 'playwright-core';

const here = (path) => new URL(path, import.meta.url).pathname;
const IMAGES = here('node_modules/@grafana/ui/dist/public/');
const TYPES = { '.svg': 'image/svg+xml', '.png': 'image/png', '.js': 'text/javascript', '.css': 'text/css' };
const PAGE =
  '<!doctype html><html><head><link rel="stylesheet" href="/page.css"></head>' +
  '<body><div id="root"></div><script src="/page.js"></script></body></html>';
const WRONG = [
  /\bNaN\b/,
  /\bundefined\b/,
  /\[object Object\]/,
  /\bnull\b/,
  /\d+(\.\d+)? (Mil|Bil)\b/,
  /\bInvalid date\b/,
];

/** page.tsx and all that it needs as one script and one style: DIRECTORY/page.js, page.css. */
async function bundle(directory) {
  const nothing = {
    name: 'what a browser has not',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^(stream|tty|util|fs|path|os|crypto)$/ }, ({ path }) => ({ path, namespace: 'nothing' }));
      onLoad({ filter: /.*/, namespace: 'nothing' }, () => ({ contents: 'module.exports = {};' }));
    },
  };
  await build({
    entryPoints: [here('page.tsx')],
    bundle: true,
    outfile: `${directory}/page.js`,
    format: 'iife',
    platform: 'browser',
    mainFields: ['browser', 'module', 'main'],
    jsx: 'automatic',
    define: { 'process.env.NODE_ENV': '"production"', global: 'window' },
    loader: { '.svg': 'text', '.png': 'empty', '.woff2': 'empty', '.ttf': 'empty' },
    plugins: [nothing],
    logLevel: 'warning',
  });
}

async function serve(directory) {
  const server = createServer((request, response) => {
    const path = new URL(request.url, 'http://x').pathname;
    try {
      let body = PAGE;
      if (path === '/page.js' || path === '/page.css') body = readFileSync(directory + path);
      else if (path.startsWith('/public/')) body = readFileSync(IMAGES + path.replace(/^\/public\/(build\/)?/, ''));
      else if (path === '/favicon.ico') body = '';
      response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'text/html; charset=utf-8' });
      response.end(body);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** In the page: what is missing on a panel; '' where all is there, or nothing is and that is said. */
function missingOn(box, { type, series, finite, noValue }) {
  if (box.querySelector('.panel-failed')) return '';
  const title = box.querySelector('h2');
  if (title.scrollWidth > title.clientWidth) return 'its title is cut off';
  const text = box.querySelector('[data-body]')?.innerText.trim() ?? '';
  if (series === 0) return text === noValue ? '' : `"${text}" and not "${noValue}"`;
  if (type === 'timeseries') {
    const [canvas, plot] = [box.querySelector('canvas'), box.querySelector('.u-over')];
    if (!canvas || !plot) return 'no graph';
    const scale = canvas.width / canvas.offsetWidth;
    const [x, y, width, height] = [plot.offsetLeft, plot.offsetTop, plot.offsetWidth, plot.offsetHeight];
    const area = [x, y - 1, width, height + 2].map((length) => Math.round(length * scale));
    const pixels = canvas.getContext('2d').getImageData(...area).data;
    // The grid and what is filled can be seen through.
    const line = pixels.some((byte, i) => i % 4 === 3 && byte > 128);
    if (finite > 0 && !line) return 'no line';
    const names = box.querySelectorAll('tbody tr').length;
    return names < series ? `${names} names for ${series} lines` : '';
  }
  if (type === 'state-timeline') return box.querySelector('rect[fill^="#"], rect[fill^="rgb"]') ? '' : 'no colour';
  if (type === 'table') {
    const cut = [...box.querySelectorAll('[role="columnheader"]')].filter((header) => {
      const text = document.createRange();
      text.selectNodeContents(header);
      return text.getBoundingClientRect().width > header.clientWidth;
    });
    if (cut.length) return `cut off: ${cut.map((header) => header.innerText.trim()).join(', ')}`;
    return box.querySelectorAll('[role="row"]').length > 1 ? '' : 'no row';
  }
  return text ? '' : 'no text';
}

/** How much a panel has to draw: how many series, and how many that have a number. */
function amount(results) {
  const all = results.flatMap(({ series }) => series);
  const isNumber = (value) => value !== null && Number.isFinite(Number(value));
  return { series: all.length, finite: all.filter(({ values }) => values.some(isNumber)).length };
}

/** @param directory for what is made on the way. */
export async function open(directory) {
  await bundle(directory);
  const server = await serve(directory);
  const browser = await chromium.launch({
    executablePath: '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
  });

  /** @return what nobody should see; the picture is in the PNG `output`, where one is named. */
  async function draw(picture, output) {
    const problems = [];
    const page = await browser.newPage({ viewport: { width: 1600, height: 1200 } });
    page.on('pageerror', (error) => problems.push(`error on the page: ${error.message}`));
    page.on('response', (response) => {
      if (response.status() >= 400) problems.push(`${response.status()} for ${response.url()}`);
    });
    await page.goto(`http://127.0.0.1:${server.address().port}/`);
    await page.waitForFunction(() => 'draw' in window);
    await page.evaluate((what) => window.draw(what), picture);
    const shown = picture.panels.filter(({ panel }) => panel.type !== 'row');
    await page.waitForFunction(
      (count) => document.querySelectorAll('[data-panel]').length === count,
      shown.length,
      { timeout: 30000 },
    );
    await page.waitForLoadState('networkidle');
    const tall = await page.evaluate(() => document.getElementById('root').firstElementChild.offsetHeight);
    await page.setViewportSize({ width: 1600, height: tall });
    const missing = async () => {
      const found = [];
      for (const { panel, results } of shown) {
        const what = {
          type: panel.type,
          ...amount(results),
          noValue: panel.fieldConfig.defaults.noValue || 'no data',
        };
        const lack = await page.locator(`[data-panel="${panel.id}"]`).evaluate(missingOn, what);
        if (lack) found.push(`${panel.title}: ${lack}`);
      }
      return found;
    };
    // The canvases of the graphs are drawn in a frame after.
    let lacking = await missing();
    for (const end = Date.now() + 10000; lacking.length && Date.now() < end; lacking = await missing()) {
      await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
    }
    problems.push(...lacking);
    const failed = await page.$$eval('.panel-failed', (all) => all.map((each) => each.textContent));
    problems.push(...failed.map((each) => `not drawn: ${each}`));
    const text = await page.evaluate(() => document.body.innerText);
    for (const wrong of WRONG) {
      const found = new RegExp(`.{0,40}${wrong.source}.{0,20}`).exec(text);
      if (found) problems.push(`shows "${found[0]}"`);
    }
    if (output) await page.screenshot({ path: output, fullPage: true });
    await page.close();
    return problems;
  }

  async function close() {
    await browser.close();
    server.close();
  }

  return { draw, close };
}
