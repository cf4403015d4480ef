// What Grafana does with variables and results, as far as the checks need it.

import { variableQuery, type Dashboard, type Panel, type Variable } from './dashboards.js';
import type { Labels, Prometheus, Series } from './prometheus.js';

/** The values of each variable; [] stands for "All". */
export type Choice = Record<string, string[]>;

export interface Times {
  now: number;
  /** $__range, in whole seconds. */
  range: number;
  /** $__rate_interval. */
  rate: string;
}

function escapeRegex(value: string): string {
  return value.replace(/[\\^$*+?.()|[\]{}]/g, '\\\\$&');
}

function interpolated(variable: Variable, values: string[]): string {
  if (values.length === 0) return variable.allValue ?? '.*';
  if (!variable.multi && !variable.includeAll) {
    return values[0]!.replace(/\\/g, '\\\\').replace(/"/g, '\\"');
  }
  const escaped = values.map(escapeRegex);
  return escaped.length === 1 ? escaped[0]! : `(${escaped.join('|')})`;
}

export function interpolate(
  text: string,
  dashboard: Dashboard,
  choice: Choice,
  times: Times,
): string {
  return text.replace(/\$\{?(\w+)\}?/g, (whole, name: string) => {
    if (name === '__rate_interval') return times.rate;
    if (name === '__interval') return '1s';
    if (name === '__range') return `${times.range}s`;
    const variable = dashboard.templating.list.find((each) => each.name === name);
    const values = choice[name];
    if (!variable || !values) throw new Error(`${whole} has no value in ${text}`);
    return interpolated(variable, values);
  });
}

/** `name{label="value",...} value time`, to which a variable's regex is applied. */
function written({ labels, values }: Series): string {
  const { __name__: name = '', ...others } = labels;
  const list = Object.entries(others).map(([label, value]) => `${label}="${value}"`);
  return `${name}{${list.join(',')}} ${values[0]} 0`;
}

export interface Option {
  text: string;
  value: string;
}

function byRegex(texts: string[], regex: string | undefined): Option[] {
  if (!regex) return texts.map((text) => ({ text, value: text }));
  const [, pattern = '', flags = ''] = /^\/(.*)\/([a-z]*)$/s.exec(regex) ?? [];
  return texts.flatMap((text) => {
    const groups = [...text.matchAll(new RegExp(pattern, flags))].map((found) => found.groups ?? {});
    const value = groups.find((group) => group['value'])?.['value'];
    const shown = groups.find((group) => group['text'])?.['text'];
    const either = value ?? shown;
    return either ? [{ text: shown ?? either, value: value ?? either }] : [];
  });
}

export async function optionsOf(
  variable: Variable,
  dashboard: Dashboard,
  chosen: Choice,
  prometheus: Prometheus,
  times: Times,
): Promise<Option[]> {
  const { call, selector, label } = variableQuery(variable.query);
  const query = interpolate(selector, dashboard, chosen, times);
  const texts =
    call === 'label_values'
      ? await prometheus.labelValues(query, label)
      : (await prometheus.instant(query, times.now)).map(written);
  const options = byRegex(texts, variable.regex);
  return options.filter(
    ({ value }, i) => options.findIndex((other) => other.value === value) === i,
  );
}

/** Every way to choose: "All" where there is one, else each value, but at most so many of the last. */
export async function choicesOf(
  dashboard: Dashboard,
  prometheus: Prometheus,
  times: Times,
  most: number,
): Promise<Choice[]> {
  const variables = dashboard.templating.list.filter((variable) => variable.type === 'query');
  let choices: Choice[] = [{}];
  for (const [i, variable] of variables.entries()) {
    const next: Choice[] = [];
    for (const choice of choices) {
      const options = await optionsOf(variable, dashboard, choice, prometheus, times);
      if (options.length === 0) continue;
      if (variable.includeAll) {
        next.push({ ...choice, [variable.name]: [] });
        continue;
      }
      const last = i === variables.length - 1;
      for (const { value } of last ? spread(options, most) : options) {
        next.push({ ...choice, [variable.name]: [value] });
      }
    }
    choices = next;
  }
  return choices;
}

function spread<T>(values: T[], most: number): T[] {
  if (values.length <= most) return values;
  return Array.from({ length: most }, (_, i) => values[Math.floor((i * values.length) / most)]!);
}

export function legend(format: string, labels: Labels): string {
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, label: string) => labels[label] ?? '').trim();
}

/** The columns of a table panel before they are renamed, and what each is called. */
export function columnsOf(results: { refId: string; series: Series[] }[]): Set<string> {
  const columns = new Set<string>();
  for (const { refId, series } of results) {
    for (const { labels } of series) Object.keys(labels).forEach((label) => columns.add(label));
    if (series.length) columns.add(results.length === 1 ? 'Value' : `Value #${refId}`);
  }
  return columns;
}

export function organizeOf(panel: Panel): {
  excludeByName: Record<string, unknown>;
  renameByName: Record<string, unknown>;
} {
  const { excludeByName = {}, renameByName = {} } =
    panel.transformations?.find(({ id }) => id === 'organize')?.options ?? {};
  return { excludeByName, renameByName };
}
