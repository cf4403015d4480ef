// What the tests stand on: the simulator, the exporter, Chromium. Each of them real.

import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { chromium } from 'playwright-core';

const BUILD = process.env.BUILD_DIR ?? 'build/dev';
const KEY = 'browser-test-key';

export const SCREENSHOTS = join(BUILD, 'screenshots');
mkdirSync(SCREENSHOTS, { recursive: true });

/** Starts a program and waits for the line that tells its address. */
function start(program, options, address, environment = {}) {
  const child = spawn(join(BUILD, program), options, { env: { ...process.env, ...environment } });
  let said = '';
  const url = new Promise((resolve, reject) => {
    const listen = (bytes) => {
      said += bytes;
      const found = address.exec(said);
      if (found) resolve(found[1]);
    };
    child.stdout.on('data', listen);
    child.stderr.on('data', listen);
    child.on('exit', (code) => reject(new Error(`${program} ended with ${code}:\n${said}`)));
  });
  const stop = () =>
    new Promise((resolve) => {
      if (child.exitCode !== null) return resolve();
      child.on('exit', resolve);
      child.kill('SIGTERM');
    });
  return { url, stop, said: () => said };
}

export class Simulator {
  static async start(...options) {
    const simulator = new Simulator();
    simulator.program = start(
      'serverless_simulator',
      ['--key', KEY, '--no-rate-limits', ...options],
      /listening (http:\S+)/,
    );
    simulator.url = await simulator.program.url;
    return simulator;
  }

  async admin(method, what) {
    const answer = await fetch(`${this.url}/admin/${what}`, { method });
    if (!answer.ok) throw new Error(`${what}: ${answer.status} ${await answer.text()}`);
    return answer.json();
  }

  fault(parameters) {
    return this.admin('POST', `fault?${new URLSearchParams(parameters)}`);
  }

  /** Answers requests whose path has this part with exactly this JSON. */
  answer(api, path, json) {
    const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n\r\n';
    return this.fault({ api, path, kind: 'raw', before: head + JSON.stringify(json) });
  }

  /** One [[accounts]] table. */
  account(name, provider, more = '') {
    const urls = {
      runpod: `api_url = "${this.url}/runpod-api"\nqueue_url = "${this.url}/runpod-queue"`,
      'runpod-v1': `api_url = "${this.url}/runpod-rest/v1"\nqueue_url = "${this.url}/runpod-queue"`,
      vast: `api_url = "${this.url}/vast-console"\nautoscaler_url = "${this.url}/vast-run"`,
      den: `api_url = "${this.url}/den"`,
    };
    return `[[accounts]]\nname = "${name}"\nprovider = "${provider}"\napi_key_env = "KEY"\n` +
      `${urls[provider]}\n${more}\n`;
  }

  stop() {
    return this.program.stop();
  }
}

export class Exporter {
  static async start(config, ...options) {
    const exporter = new Exporter();
    exporter.directory = mkdtempSync(join(tmpdir(), 'browser-'));
    const file = join(exporter.directory, 'config.toml');
    writeFileSync(file, `[web]\nlisten = ["127.0.0.1:0"]\n${config}`);
    exporter.program = start(
      'serverless_exporter',
      ['--config', file, ...options],
      /address=(\S+)/,
      { KEY },
    );
    exporter.url = `http://${await exporter.program.url}`;
    return exporter;
  }

  async stop() {
    await this.program.stop();
    rmSync(this.directory, { recursive: true });
  }
}

/** Chromium, and what must never happen in it. */
export class Browser {
  static async start() {
    const browser = new Browser();
    browser.chromium = await chromium.launch({
      executablePath: '/usr/bin/chromium',
      args: [
        '--headless',
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    });
    return browser;
  }

  /** A window at the page. What went wrong in it is in `wrong`. */
  async open(url, options = {}) {
    const context = await this.chromium.newContext({
      viewport: { width: 1280, height: 900 },
      ...options,
    });
    const page = await context.newPage();
    page.wrong = [];
    page.on('console', (message) => {
      if (['error', 'warning'].includes(message.type())) page.wrong.push(message.text());
    });
    page.on('pageerror', (error) => page.wrong.push(String(error)));
    page.on('dialog', (dialog) => {
      page.wrong.push(`a dialog: ${dialog.message()}`);
      dialog.dismiss();
    });
    page.on('request', (request) => {
      const to = new URL(request.url());
      if (to.origin !== new URL(url).origin) page.wrong.push(`a request to ${to.origin}`);
    });
    await page.goto(url);
    return page;
  }

  stop() {
    return this.chromium.close();
  }
}

export async function screenshot(page, name) {
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), fullPage: true });
}

/** Waits until it is true. */
export async function until(what, condition, patienceMs = 20000) {
  for (const end = Date.now() + patienceMs; Date.now() < end; await pause(100)) {
    if (await condition()) return;
  }
  throw new Error(`never: ${what}`);
}
