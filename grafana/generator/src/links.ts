// The four dashboards and the ways between them.

import type { Link } from './panels.js';

export const UIDS = {
  fleet: 'serverless-fleet',
  endpoint: 'serverless-endpoint',
  worker: 'serverless-worker',
  exporter: 'serverless-exporter',
} as const;

export type Name = keyof typeof UIDS;

const TIME = '${__url_time_range}';
const ALWAYS = ['datasource', 'job', 'instance'];

/** Variables that go along as they are, from a dashboard that has them. */
export function to(name: Name, variables: string[] = []): string {
  const kept = [...ALWAYS, ...variables].map((variable) => `\${${variable}:queryparam}`);
  return `/d/${UIDS[name]}?${kept.join('&')}`;
}

function drill(name: Name, values: Record<string, string>): string {
  const set = Object.entries(values).map(([variable, value]) => `var-${variable}=${value}`);
  return `${to(name)}&${set.join('&')}&${TIME}`;
}

const ENDPOINT_FIELDS = { provider: 'Provider', account: 'Account', endpoint_id: 'Endpoint' };
const ENDPOINT_LABELS = { provider: 'provider', account: 'account', endpoint_id: 'endpoint_id' };

function fields(columns: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(columns).map(([variable, column]) => [
      variable,
      `\${__data.fields.${column}:percentencode}`,
    ]),
  );
}

function labels(names: Record<string, string>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(names).map(([variable, label]) => [
      variable,
      `\${__field.labels.${label}:percentencode}`,
    ]),
  );
}

const SHOW_ENDPOINT = 'Show this endpoint';
const SHOW_WORKER = 'Show this worker';

/** From a row of a table that has the columns Provider, Account and Endpoint. */
export const ENDPOINT_OF_ROW: Link = {
  title: SHOW_ENDPOINT,
  url: drill('endpoint', fields(ENDPOINT_FIELDS)),
};

/** From a series with the labels of an endpoint. */
export const ENDPOINT_OF_SERIES: Link = {
  title: SHOW_ENDPOINT,
  url: drill('endpoint', labels(ENDPOINT_LABELS)),
};

/** From the Endpoint dashboard, whose variables say which endpoint it is. */
function workerOf(worker: string): Link {
  const chosen = ['provider', 'account', 'endpoint_id'];
  return {
    title: SHOW_WORKER,
    url: `${to('worker', chosen)}&var-worker_id=${worker}&${TIME}`,
  };
}

export const WORKER_OF_ROW = workerOf('${__data.fields.Worker:percentencode}');
export const WORKER_OF_SERIES = workerOf('${__field.labels.worker_id:percentencode}');
