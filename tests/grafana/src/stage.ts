// The real parts: the simulator, two exporters that watch it, two more that are a cluster on an etcd, a
// Prometheus that scrapes all.

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { read } from './dashboards.js';
import { Prometheus } from './prometheus.js';

const KEY = 'demo-key';
/** Other endpoints than the demo's. */
const MEMBERS_FLEET = ['--seed', '2', '--endpoints', '12', '--workers', '3'];
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

function memberConfig(simulator: string, etcd: string, name: string): string {
  return (
    '[poll]\ninterval = "5s"\ndiscovery_interval = "15s"\n' +
    `\n[cluster]\netcd = ["${etcd}"]\nmember = "${name}"\nlease_ttl = "5s"\n` +
    account('shared', 'runpod', {
      api_url: `${simulator}/runpod-api`,
      queue_url: `${simulator}/runpod-queue`,
    })
  );
}

/** Each service is a job; its pods are called SERVICE-0 and SERVICE-1. */
export const SERVICES = { alike: 'serverless', cluster: 'members' };

export function jobOf(service: string): string {
  return `monitoring/${service}`;
}

/** As a ServiceMonitor labels the pods of a service; `endpoint` is the name of the port. */
function scrapeConfig(exporters: Map<string, string>): string {
  const targets = (service: string) =>
    [...exporters]
      .filter(([name]) => name.startsWith(`${service}-`))
      .map(
        ([name, address]) =>
          `  - targets: ["${address}"]\n    labels: {pod: ${name}, namespace: monitoring, ` +
          `service: ${service}, container: exporter, endpoint: web}\n`,
      )
      .join('');
  const jobs = Object.values(SERVICES).map(
    (service) => `- job_name: ${jobOf(service)}\n  static_configs:\n${targets(service)}`,
  );
  return `global: {scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
scrape_configs:
${jobs.join('')}`;
}

/** @returns its address for clients. */
async function startEtcd(directory: string, programs: Map<string, ChildProcess>): Promise<string> {
  const client = `http://127.0.0.1:${await freePort()}`;
  const peer = `http://127.0.0.1:${await freePort()}`;
  const program = spawn(
    '/usr/bin/etcd',
    [
      `--data-dir=${directory}/etcd`,
      `--listen-client-urls=${client}`,
      `--advertise-client-urls=${client}`,
      `--listen-peer-urls=${peer}`,
      `--initial-advertise-peer-urls=${peer}`,
      `--initial-cluster=default=${peer}`,
      '--logger=zap',
      '--log-level=error',
    ],
    { stdio: ['ignore', 'inherit', 'inherit'] },
  );
  programs.set('etcd', program);
  await answers(`${client}/health`, program);
  return client;
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
    private readonly exporters: Map<string, string>,
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
      const startSimulator = async (name: string, options: string[]) => {
        const address = `127.0.0.1:${await freePort()}`;
        const program = spawn(
          `${binaries}/serverless_simulator`,
          ['--listen', address, '--key', KEY, ...options],
          { stdio: 'ignore' },
        );
        programs.set(name, program);
        await answers(`http://${address}/admin/faults`, program);
        return `http://${address}`;
      };
      const simulator = await startSimulator('simulator', []);
      const members = await startSimulator('simulator of the members', MEMBERS_FLEET);
      const etcd = await startEtcd(directory, programs);
      const exporters = new Map<string, string>();
      const add = async (name: string, config: string) => {
        exporters.set(name, `127.0.0.1:${await freePort()}`);
        writeFileSync(join(directory, `${name}.toml`), config);
      };
      for (const i of [0, 1]) {
        await add(`${SERVICES.alike}-${i}`, exporterConfig(simulator));
        const member = `${SERVICES.cluster}-${i}`;
        await add(member, memberConfig(members, etcd, member));
      }
      const prometheus = `127.0.0.1:${await freePort()}`;
      const stage = new Stage(
        directory,
        programs,
        simulator,
        exporters,
        `http://${prometheus}`,
        binaries,
      );
      await Promise.all([...exporters.keys()].map((name) => stage.startExporter(name)));
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

  private async startExporter(name: string): Promise<void> {
    const address = this.exporters.get(name)!;
    const program = spawn(
      `${this.binaries}/serverless_exporter`,
      [
        '--config',
        join(this.directory, `${name}.toml`),
        '--web.listen-address',
        address,
        '--log.level',
        'error',
      ],
      { env: { ...process.env, STAGE_KEY: KEY }, stdio: ['ignore', 'ignore', 'inherit'] },
    );
    this.programs.set(name, program);
    await answers(`http://${address}/-/healthy`, program);
  }

  private async end(name: string): Promise<void> {
    const program = this.programs.get(name);
    if (!program || program.exitCode !== null) return;
    const ended = new Promise<void>((resolve) => program.once('exit', () => resolve()));
    program.kill();
    await ended;
  }

  async restartExporter(name: string): Promise<void> {
    await this.end(name);
    await this.startExporter(name);
  }

  /** An admin route of the simulator, such as `fault?kind=status`. */
  async admin(route: string): Promise<void> {
    const reply = await fetch(`${this.simulator}/admin/${route}`, { method: 'POST' });
    if (!reply.ok) throw new Error(`${route}: ${await reply.text()}`);
  }

  async strike(): Promise<void> {
    for (const name of [...this.programs.keys()].reverse()) await this.end(name);
    rmSync(this.directory, { recursive: true, force: true });
  }
}
