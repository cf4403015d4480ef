// Queries. Every selector of a dashboard is made here, so that none forgets a variable, and nothing
// is added up before the series of several exporters have become one.

import { STATUSES } from './statuses.js';

/** What tells the series of two exporters apart; `pod` is what service discovery adds. */
const EXPORTER_LABELS = 'instance, pod';

export const BY_ACCOUNT = 'provider, account';
export const BY_ENDPOINT = 'provider, account, endpoint_id';
export const BY_WORKER = 'provider, account, endpoint_id, worker_id';

export type Level = 'exporter' | 'account' | 'endpoint' | 'worker';

const LEVELS: Level[] = ['exporter', 'account', 'endpoint', 'worker'];

function levelOf(metric: string): Level {
  if (/^(serverless_exporter|process)_/.test(metric)) return 'exporter';
  if (/^serverless_(account|api)_/.test(metric)) return 'account';
  return metric.startsWith('serverless_worker_') ? 'worker' : 'endpoint';
}

/** The part of the fleet that the variables of one dashboard choose. */
export class Selection {
  /**
   * @param depth the last variable of the dashboard; each has those before it.
   * @param single whether one account, endpoint and worker is chosen, or any number of them.
   */
  constructor(
    readonly depth: Level,
    readonly single: boolean,
  ) {}

  /** `metric{...}`: for variables and annotations, and what is built on it. */
  selector(metric: string, more = '', level: Level = levelOf(metric)): string {
    const sign = this.single ? '=' : '=~';
    const matchers = [
      ['job=~"$job"', 'instance=~"$instance"'],
      [`provider${sign}"$provider"`, `account${sign}"$account"`],
      [`endpoint_id${sign}"$endpoint_id"`],
      [`worker_id${sign}"$worker_id"`],
    ];
    const shown = Math.min(LEVELS.indexOf(level), LEVELS.indexOf(this.depth)) + 1;
    const all = matchers.slice(0, shown).flat();
    if (more) all.push(more);
    return `${metric}{${all.join(', ')}}`;
  }

  /** A gauge, as one exporter that has it shows it. */
  one(metric: string, more = ''): string {
    return `max without (${EXPORTER_LABELS}) (${this.selector(metric, more)})`;
  }

  /** Seconds since a time that a metric tells. */
  age(metric: string, more = ''): string {
    return `(time() - ${this.one(metric, more)})`;
  }

  rate(counter: string, more = ''): string {
    return this.over('rate', counter, '$__rate_interval', more);
  }

  increase(counter: string, range = '$__range', more = ''): string {
    return this.over('increase', counter, range, more);
  }

  private over(call: string, counter: string, range: string, more: string): string {
    return `max without (${EXPORTER_LABELS}) (${call}(${this.selector(counter, more)}[${range}]))`;
  }

  /** A quantile of a histogram, of all exporters together. */
  quantile(q: number, histogram: string, by: string): string {
    const buckets = this.selector(`${histogram}_bucket`, '', levelOf(histogram));
    const labels = by ? `le, ${by}` : 'le';
    return `histogram_quantile(${q}, sum by (${labels}) (rate(${buckets}[$__rate_interval])))`;
  }

  /**
   * A number for the status of each worker. Where two exporters disagree for a moment, the higher
   * number is shown, which is the worse.
   */
  statusCode(by: string): string {
    const codes = STATUSES.map(
      ({ name, code }) => `${this.one('serverless_worker_status', `status="${name}"`)} * ${code}`,
    );
    return `max by (${by}) (${codes.join(' or ')})`;
  }

  /** The endpoint's `name` beside its id. A renamed one has two names for a moment: either does. */
  named(expression: string): string {
    const info = `max by (${BY_ENDPOINT}, name) (${this.selector('serverless_endpoint_info')})`;
    return `${expression} * on (${BY_ENDPOINT}) group_left (name) topk by (${BY_ENDPOINT}) (1, ${info})`;
  }
}

export function sum(expression: string, by = ''): string {
  return by ? `sum by (${by}) (${expression})` : `sum(${expression})`;
}

export function max(expression: string, by = ''): string {
  return by ? `max by (${by}) (${expression})` : `max(${expression})`;
}

export function min(expression: string, by = ''): string {
  return by ? `min by (${by}) (${expression})` : `min(${expression})`;
}

/** A share of something that may be nothing. */
export function ratio(part: string, whole: string): string {
  return `${part} / (${whole} > 0)`;
}
