// The metrics that exist, as docs/metrics.md tells; a test of the exporter holds that to the code.

import { read } from './dashboards.js';

export interface Metric {
  name: string;
  type: string;
  labels: string[];
}

const OF_ENDPOINT = ['provider', 'account', 'endpoint_id'];

const LABELS: Record<string, string[]> = {
  Endpoint: OF_ENDPOINT,
  Worker: [...OF_ENDPOINT, 'worker_id'],
  'Polls and API': ['provider', 'account'],
  'The exporter itself': [],
};

/** Added by Prometheus to what it scrapes. */
export const SCRAPE_LABELS = ['job', 'instance'];

export function contract(): Map<string, Metric> {
  const metrics = new Map<string, Metric>();
  let common: string[] | undefined;
  for (const line of read('docs/metrics.md').split('\n')) {
    const heading = /^## (.*)$/.exec(line);
    if (heading) common = LABELS[heading[1]!];
    const row = /^\| `([a-z_]+)` \| (gauge|counter|histogram) \| ([^|]*)\|/.exec(line);
    if (!row) continue;
    if (!common) throw new Error(`docs/metrics.md has a table under an unknown heading: ${line}`);
    const [, name, type, more] = row as unknown as [string, string, string, string];
    const labels = [...more.matchAll(/`([a-z_]+)`/g)].map((found) => found[1]!);
    // Some have a row for each source.
    const known = metrics.get(name)?.labels ?? [];
    metrics.set(name, { name, type, labels: [...new Set([...common, ...known, ...labels])] });
  }
  return metrics;
}

/** The metric that a series' name belongs to: a histogram has three names. */
export function metricOf(series: string, metrics: Map<string, Metric>): Metric | undefined {
  const exact = metrics.get(series);
  if (exact) return exact.type === 'histogram' ? undefined : exact;
  const base = metrics.get(series.replace(/_(bucket|sum|count)$/, ''));
  return base?.type === 'histogram' ? base : undefined;
}
