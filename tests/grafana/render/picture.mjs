// picture.mjs BUNDLE DATA OUTPUT: draws DATA, a JSON file of a dashboard with its results, into the PNG
// OUTPUT, and fails on what nobody should see on it.

import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname } from 'node:path';

import { chromium } from 'playwright-core';

const [bundle, data, output] = process.argv.slice(2);
const IMAGES = new URL('node_modules/@grafana/ui/dist/public/', import.meta.url).pathname;
const TYPES = { '.svg': 'image/svg+xml', '.png': 'image/png', '.js': 'text/javascript', '.css': 'text/css' };

const server = createServer((request, response) => {
  const path = new URL(request.url, 'http://x').pathname;
  try {
    let body = '<!doctype html><html><head><link rel="stylesheet" href="/page.css"></head><body><div id="root"></div><script src="/page.js"></script></body></html>';
    if (path === '/page.js') body = readFileSync(bundle);
    else if (path === '/page.css') body = readFileSync(bundle.replace(/js$/, 'css'));
    else if (path.startsWith('/public/')) body = readFileSync(IMAGES + path.replace(/^\/public\/(build\/)?/, ''));
    else if (path === '/favicon.ico') body = '';
    response.writeHead(200, { 'Content-Type': TYPES[extname(path)] ?? 'text/html; charset=utf-8' });
    response.end(body);
  } catch {
    response.writeHead(404).end();
  }
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

const problems = [];
const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
});
try {
  const page = await browser.newPage({ viewport: { width: 1600, height: 1200 } });
  page.on('pageerror', (error) => problems.push(`error on the page: ${error.message}`));
  page.on('response', (response) => {
    if (response.status() >= 400) problems.push(`${response.status()} for ${response.url()}`);
  });
  await page.goto(`http://127.0.0.1:${server.address().port}/`);
  await page.waitForFunction(() => 'draw' in window);
  const picture = JSON.parse(readFileSync(data, 'utf8'));
  await page.evaluate((what) => window.draw(what), picture);
  const shown = picture.panels.filter(({ panel }) => panel.type !== 'row');
  await page.waitForFunction(
    (count) => document.querySelectorAll('[data-testid*="Panel header"]').length >= count,
    shown.length,
    { timeout: 30000 },
  );
  await page.waitForLoadState('networkidle');
  const tall = await page.evaluate(() => document.getElementById('root').firstElementChild.offsetHeight);
  await page.setViewportSize({ width: 1600, height: tall });
  // The canvases of the graphs are drawn in the frame after.
  await page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
  await page.waitForTimeout(500);
  const text = await page.evaluate(() => document.body.innerText);
  const failed = await page.$$eval('.panel-failed', (all) => all.map((each) => each.textContent));
  problems.push(...failed.map((each) => `not drawn: ${each}`));
  for (const wrong of [/\bNaN\b/, /\bundefined\b/, /\[object Object\]/, /\bnull\b/, /\d+(\.\d+)? (Mil|Bil)\b/, /\bInvalid date\b/]) {
    const found = new RegExp(`.{0,40}${wrong.source}.{0,20}`).exec(text);
    if (found) problems.push(`shows "${found[0]}"`);
  }
  const graphs = shown.filter(({ panel, results }) => panel.type === 'timeseries' && results.some((r) => r.series.length));
  const canvases = await page.$$eval('canvas', (all) => all.length);
  if (canvases < graphs.length) problems.push(`${canvases} graphs drawn of ${graphs.length}`);
  await page.screenshot({ path: output, fullPage: true });
} finally {
  await browser.close();
  server.close();
}
for (const problem of problems) console.error(`${pictureName()}: ${problem}`);
process.exit(problems.length ? 1 : 0);

function pictureName() {
  return data.replace(/^.*\//, '').replace(/\.json$/, '');
}
