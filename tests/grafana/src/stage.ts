// The real parts: the simulator, two exporters that watch it, a Prometheus that scrapes both.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { read } from './dashboards.js';
import { Prometheus } from './prometheus.js';

const KEY = 'demo-key';
const PATIENCE_MS = 30_000;

export function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise<void>((resolve) => server.close(() => resolve()));
  return port;
}

async function answers(url: string, program: ChildProcess): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; Date.now() < end; await sleep(100)) {
    if (program.exitCode !== null) throw new Error(`${program.spawnfile} ended before ${url} answered`);
    const reply = await fetch(url).catch(() => undefined);
    if (reply?.ok) return;
  }
  throw new Error(`${url} does not answer`);
}

function account(name: string, provider: string, urls: Record<string, string>): string {
  const lines = Object.entries({ name, provider, api_key_env: 'STAGE_KEY', ...urls });
  return `\n[[accounts]]\n${lines.map(([key, value]) => `${key} = "${value}"\n`).join('')}`;
}

function exporterConfig(simulator: string): string {
  return (
    '[poll]\ninterval = "5s"\ndiscovery_interval = "15s"\n' +
    account('prod', 'runpod', {
      api_url: `${simulator}/runpod-api`,
      queue_url: `${simulator}/runpod-queue`,
    }) +
    account('legacy', 'runpod-v1', {
      api_url: `${simulator}/runpod-rest/v1`,
      queue_url: `${simulator}/runpod-queue`,
    }) +
    account('batch', 'vast', {
      api_url: `${simulator}/vast-console`,
      autoscaler_url: `${simulator}/vast-run`,
    }) +
    account('lab', 'den', { api_url: `${simulator}/den` })
  );
}

/** As a ServiceMonitor labels two pods of one service; `endpoint` is the name of the port. */
function scrapeConfig(addresses: string[]): string {
  const targets = addresses
    .map(
      (address, i) =>
        `  - targets: ["${address}"]\n    labels: {pod: exporter-${i}, namespace: monitoring, ` +
        'service: serverless, container: exporter, endpoint: web}\n',
    )
    .join('');
  return `global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
- job_name: monitoring/serverless
  static_configs:
${targets}`;
}

/** The project's rules as they are, but without patience. */
function impatientRules(): string {
  const rules = read('prometheus/serverless_exporter.rules.yml');
  return rules.replace(/^ *(for|keep_firing_for): .*\n/gm, '');
}

export class Stage {
  readonly prometheus: Prometheus;

  private constructor(
    private readonly directory: string,
    private readonly programs: Map<string, ChildProcess>,
    private readonly simulator: string,
    private readonly exporters: string[],
    prometheus: string,
    private readonly binaries: string,
  ) {
    this.prometheus = new Prometheus(prometheus);
  }

  /** @param binaries where the programs were built. */
  static async set(binaries: string): Promise<Stage> {
    const directory = mkdtempSync(join(tmpdir(), 'dashboards-'));
    const programs = new Map<string, ChildProcess>();
    try {
      const address = `127.0.0.1:${await freePort()}`;
      const program = spawn(`${binaries}/serverless_simulator`, ['--listen', address], {
        stdio: 'ignore',
      });
      programs.set('simulator', program);
      const simulator = `http://${address}`;
      await answers(`${simulator}/admin/faults`, program);
      writeFileSync(join(directory, 'exporter.toml'), exporterConfig(simulator));
      const exporters = [`127.0.0.1:${await freePort()}`, `127.0.0.1:${await freePort()}`];
      const prometheus = `127.0.0.1:${await freePort()}`;
      const stage = new Stage(
        directory,
        programs,
        simulator,
        exporters,
        `http://${prometheus}`,
        binaries,
      );
      await Promise.all(exporters.map((_, i) => stage.startExporter(i)));
      writeFileSync(join(directory, 'prometheus.yml'), scrapeConfig(exporters));
      writeFileSync(join(directory, 'rules.yml'), impatientRules());
      const server = spawn(
        '/usr/bin/prometheus',
        [
          `--config.file=${directory}/prometheus.yml`,
          `--web.listen-address=${prometheus}`,
          `--storage.tsdb.path=${directory}/data`,
          '--log.level=error',
        ],
        { stdio: ['ignore', 'inherit', 'inherit'] },
      );
      programs.set('prometheus', server);
      await answers(`http://${prometheus}/-/ready`, server);
      return stage;
    } catch (error) {
      for (const program of programs.values()) program.kill();
      throw error;
    }
  }

  private async startExporter(index: number): Promise<void> {
    const address = this.exporters[index]!;
    const program = spawn(
      `${this.binaries}/serverless_exporter`,
      [
        '--config',
        join(this.directory, 'exporter.toml'),
        '--web.listen-address',
        address,
        '--log.level',
        'error',
      ],
      { env: { ...process.env, STAGE_KEY: KEY }, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    this.programs.set(`exporter ${index}`, program);
    await answers(`http://${address}/-/healthy`, program);
  }

  private async end(name: string): Promise<void> {
    const program = this.programs.get(name);
    if (!program || program.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => program.once('exit', () => resolve()));
    program.kill();
    await ended;
  }

  async restartExporter(index: number): Promise<void> {
    await this.end(`exporter ${index}`);
    await this.startExporter(index);
  }

  /** An admin route of the simulator, such as `fault?kind=status`. */
  async admin(route: string): Promise<void> {
    const reply = await fetch(`${this.simulator}/admin/${route}`, { method: 'POST' });
    if (!reply.ok) throw new Error(`${route}: ${await reply.text()}`);
  }

  async strike(): Promise<void> {
    for (const name of ['prometheus', 'exporter 0', 'exporter 1', 'simulator']) await this.end(name);
    rmSync(this.directory, { recursive: true, force: true });
  }
}

