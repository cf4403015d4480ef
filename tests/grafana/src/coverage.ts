// Every metric is looked at by somebody: on a panel, in a rule, or left out for a reason.

import { readdirSync } from 'node:fs';

import { contract, metricOf } from './contract.js';
import { queriesOf, read, ROOT, type Dashboard } from './dashboards.js';
import { selectorsOf } from './promql.js';

const UNUSED: Record<string, string> = {
  process_virtual_memory_bytes: 'address space is not memory; the resident part is shown',
  process_virtual_memory_max_bytes: 'the limit of address space, which nobody sets',
};

export function onDashboards(dashboards: Dashboard[]): Set<string> {
  return new Set(
    dashboards.flatMap(queriesOf).flatMap(({ expr }) => selectorsOf(expr).map((s) => s.metric)),
  );
}

/** Names in the rules; comments are no rules. */
export function inRules(): Set<string> {
  const files = readdirSync(`${ROOT}prometheus`).filter((file) => /\.ya?ml$/.test(file));
  const text = files.map((file) => read(`prometheus/${file}`).replace(/^\s*#.*$/gm, '')).join('\n');
  return new Set(
    [...text.matchAll(/(?<![a-z:_])(?:serverless|process)_[a-z_]+(?![a-z:_])/g)].map(([name]) => name),
  );
}

export function coverage(
  names: Set<string>,
  metrics = contract(),
  unused: Record<string, string> = UNUSED,
): string[] {
  const used = new Set([...names].map((name) => metricOf(name, metrics)?.name));
  return [
    ...[...metrics.keys()]
      .filter((name) => !used.has(name) && !(name in unused))
      .map(
        (name) =>
          `${name} is in docs/metrics.md and on no dashboard and in no rule. Show it on a panel ` +
          '(grafana/generator/src, then `npm run generate` there), or use it in a rule ' +
          '(prometheus/), or list it as unused with the reason (tests/grafana/src/coverage.ts).',
      ),
    ...Object.keys(unused)
      .filter((name) => used.has(name))
      .map((name) => `${name} is listed as unused and is used: take it off the list.`),
    ...Object.keys(unused)
      .filter((name) => !metrics.has(name))
      .map((name) => `${name} is listed as unused and does not exist: take it off the list.`),
  ];
}
