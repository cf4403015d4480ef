// What we hold our dashboards to beyond the rules of others. No server is needed for it.

import { contract, metricOf, SCRAPE_LABELS } from './contract.js';
import {
  panelsOf,
  placeOf,
  queriesOf,
  read,
  type Dashboard,
  type Panel,
  type Variable,
} from './dashboards.js';
import { labelsIn, selectorsOf, type Selector } from './promql.js';

const metrics = contract();

/** Of Prometheus itself, and allowed in an annotation. */
const ALERTS = { name: 'ALERTS', labels: ['alertname', 'alertstate', 'severity'] };

export const STATUSES = [
  'running',
  'idle',
  'active',
  'initializing',
  'throttled',
  'unhealthy',
  'stopped',
  'unknown',
];

/** Each exporter sends its own requests: these add up. */
const ADD_UP = /^serverless_api_requests_total$|_bucket$/;

function repeated<T>(values: T[]): T[] {
  return values.filter((value, i) => values.indexOf(value) !== i);
}

function ids(dashboard: Dashboard): string[] {
  const all = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  return [
    ...repeated(all.map(({ id }) => id)).map((id) => `id ${id} twice`),
    ...repeated(panelsOf(dashboard).map(({ title }) => title)).map((title) => `"${title}" twice`),
    ...panelsOf(dashboard).flatMap((panel) =>
      repeated((panel.targets ?? []).map(({ refId }) => refId)).map(
        (refId) => `${panel.title}: refId ${refId} twice`,
      ),
    ),
  ];
}

function overlap(a: Panel, b: Panel): boolean {
  const [p, q] = [a.gridPos, b.gridPos];
  return p.x < q.x + q.w && q.x < p.x + p.w && p.y < q.y + q.h && q.y < p.y + p.h;
}

function grid(dashboard: Dashboard): string[] {
  const groups = [
    dashboard.panels,
    ...dashboard.panels.filter((panel) => panel.panels?.length).map((panel) => panel.panels!),
  ];
  return groups.flatMap((group) => [
    ...group
      .filter(({ gridPos }) => gridPos.x < 0 || gridPos.x + gridPos.w > 24)
      .map(({ title }) => `${title}: outside of the grid`),
    ...group.flatMap((a, i) =>
      group
        .slice(i + 1)
        .filter((b) => overlap(a, b))
        .map((b) => `${a.title} and ${b.title} overlap`),
    ),
  ]);
}

const BUILT_IN = /^__/;

function variablesIn(text: string): string[] {
  return [...text.matchAll(/\$\{?([a-z_]+)/g)]
    .map((found) => found[1]!)
    .filter((name) => !BUILT_IN.test(name));
}

function variables(dashboard: Dashboard): string[] {
  const list = dashboard.templating.list;
  const known = list.map(({ name }) => name);
  const used = new Set(queriesOf(dashboard).flatMap(({ expr }) => variablesIn(expr)));
  const inPanels = panelsOf(dashboard).flatMap((panel) =>
    (panel.targets ?? []).flatMap(({ expr }) => variablesIn(expr)),
  );
  return [
    ...repeated(known).map((name) => `variable ${name} twice`),
    ...[...used].filter((name) => !known.includes(name)).map((name) => `no variable ${name}`),
    ...known
      .filter((name) => name !== 'datasource' && !inPanels.includes(name))
      .map((name) => `no panel uses the variable ${name}`),
    ...list.flatMap((variable, i) => unchained(variable, list.slice(0, i))),
  ];
}

/** Each choice narrows those after it. */
function unchained(variable: Variable, before: Variable[]): string[] {
  if (variable.type !== 'query') return [];
  const used = variablesIn(variable.query);
  return before
    .filter(({ type, name }) => type === 'query' && !used.includes(name))
    .map(({ name }) => `variable ${variable.name} does not depend on ${name}`);
}

function knownSelector({ metric, matchers }: Selector, annotation: boolean): string[] {
  const found = annotation && metric === 'ALERTS' ? ALERTS : metricOf(metric, metrics);
  if (!found) return [`${metric} is not in docs/metrics.md`];
  const labels = [...found.labels, ...SCRAPE_LABELS];
  if (metric === 'ALERTS') labels.push('provider', 'account', 'endpoint_id', 'worker_id');
  return [
    ...matchers
      .filter(({ label }) => !labels.includes(label))
      .map(({ label }) => `${metric} has no label ${label}`),
    ...matchers
      .filter(({ label, value }) => label === 'status' && !STATUSES.includes(value))
      .map(({ value }) => `there is no status ${value}`),
  ];
}

function counted(selector: Selector): string[] {
  const inner = selector.around.filter((call) => !/^(rate|increase|last_over_time|operator)$/.test(call))[0] ?? '';
  const once =
    /^(max|min)\b/.test(inner) ||
    /\bby \([^)]*\binstance\b/.test(inner) ||
    ADD_UP.test(selector.metric);
  return once ? [] : [`${selector.metric} counts every exporter that shows it: ${inner || 'bare'}`];
}

function queries(dashboard: Dashboard): string[] {
  const ofPanels = new Set(
    panelsOf(dashboard).flatMap((panel) =>
      (panel.targets ?? []).map((target) => placeOf(dashboard, panel, target)),
    ),
  );
  return queriesOf(dashboard).flatMap(({ place, expr }) => {
    const selectors = selectorsOf(expr);
    const allowed = new Set([
      ...selectors.flatMap(({ metric }) => metricOf(metric, metrics)?.labels ?? []),
      ...SCRAPE_LABELS,
      'pod',
      'le',
    ]);
    const findings = [
      ...selectors.flatMap((selector) => knownSelector(selector, place.includes(': annotation '))),
      ...labelsIn(expr)
        .filter((label) => !allowed.has(label))
        .map((label) => `none of its metrics has the label ${label}`),
    ];
    if (ofPanels.has(place)) findings.push(...selectors.flatMap(counted));
    return findings.map((finding) => `${place.slice(dashboard.uid.length + 2)}: ${finding}`);
  });
}

function legendLabels(legend: string): string[] {
  return [...legend.matchAll(/\{\{([a-z_]+)\}\}/g)].map((found) => found[1]!);
}

/** What the fields of a panel are called: columns, or legends without a label. */
function namesIn(panel: Panel): string[] {
  if (panel.type === 'table') {
    return Object.values(organize(panel)['renameByName'] ?? {}).map(String);
  }
  return (panel.targets ?? []).map(({ legendFormat }) => legendFormat ?? '');
}

function organize(panel: Panel): Record<string, Record<string, unknown>> {
  return panel.transformations?.find(({ id }) => id === 'organize')?.options ?? {};
}

function overrides(panel: Panel): string[] {
  const names = namesIn(panel);
  const byStatus =
    panel.type !== 'table' &&
    (panel.targets ?? []).some(({ legendFormat }) => legendFormat?.includes('{{status}}'));
  return [
    ...repeated(names.filter((name) => !legendLabels(name).length)).map((name) => `"${name}" twice`),
    ...panel.fieldConfig.overrides
      .map(({ matcher }) => matcher.options)
      .filter((name) => !names.includes(name) && !(byStatus && STATUSES.includes(name)))
      .map((name) => `an override is for "${name}", which is nowhere`),
  ];
}

function columns(panel: Panel): string[] {
  if (panel.type !== 'table') return [];
  const { renameByName = {}, excludeByName = {} } = organize(panel);
  const refIds = (panel.targets ?? []).map(({ refId }) => refId);
  const values = refIds.length === 1 ? ['Value'] : refIds.map((refId) => `Value #${refId}`);
  const treated = [...Object.keys(renameByName), ...Object.keys(excludeByName)];
  const units = panel.fieldConfig.overrides
    .filter(({ properties }) => properties.some(({ id }) => id === 'unit'))
    .map(({ matcher }) => matcher.options);
  return [
    ...values.filter((name) => !treated.includes(name)).map((name) => `${name} has no name`),
    ...treated
      .filter((name) => name.startsWith('Value') && !values.includes(name))
      .map((name) => `no query makes ${name}`),
    ...(panel.fieldConfig.defaults.unit === 'string' ? [] : ['a label is no number: unit string']),
    ...Object.entries(renameByName)
      .filter(([from, name]) => from.startsWith('Value') && !units.includes(String(name)))
      .map(([, name]) => `column ${String(name)} has no unit`),
    ...(panel.targets ?? [])
      .filter((target) => !target.instant || target.format !== 'table')
      .map(({ refId }) => `${refId} is not instant, or no table`),
  ];
}

function kinds(panel: Panel): string[] {
  const findings: string[] = [];
  const { noValue, color, mappings } = panel.fieldConfig.defaults as {
    noValue?: string;
    mappings?: { options: Record<string, unknown> }[];
    color?: { mode: string };
  };
  if (noValue === undefined) findings.push('says nothing where there is nothing: noValue');
  if (panel.type === 'stat' && panel.targets?.some((target) => !target.instant || target.range)) {
    findings.push('shows the last value of what has gone: not instant');
  }
  if (panel.type === 'stat' && !mappings?.some(({ options }) => 'result' in options)) {
    findings.push('nothing has the colour of the lowest number: no mapping for null');
  }
  if (panel.type === 'state-timeline' && color?.mode !== 'fixed') {
    findings.push('loses the colours of its mappings: color.mode is not fixed');
  }
  return findings;
}

export function pageColours(): Map<string, string> {
  const page = read('daemon/web/status.css');
  return new Map(
    STATUSES.map((status) => {
      const found = new RegExp(`(?:\\.|--)${status}\\b[^#;}]*(#[0-9a-f]{6})\\b`).exec(page);
      return [status, found?.[1] ?? 'none'];
    }),
  );
}

/** A status has one colour, on the status page and on every panel. */
function colours(panel: Panel): string[] {
  const page = pageColours();
  const shown: [string, string | undefined][] = [
    ...panel.fieldConfig.overrides.map(
      ({ matcher, properties }): [string, string | undefined] => [
        matcher.options,
        (properties.find(({ id }) => id === 'color')?.value as { fixedColor?: string } | undefined)
          ?.fixedColor,
      ],
    ),
    ...[
      ...(panel.fieldConfig.defaults.mappings ?? []),
      ...panel.fieldConfig.overrides
        .flatMap(({ properties }) => properties)
        .filter(({ id }) => id === 'mappings')
        .flatMap(({ value }) => value as NonNullable<Panel['fieldConfig']['defaults']['mappings']>),
    ].flatMap(({ options }) =>
      Object.values(options).map(({ text, color }): [string, string | undefined] => [text, color]),
    ),
  ];
  const byStatus = (panel.targets ?? []).some(({ legendFormat }) => legendFormat === '{{status}}');
  const named = shown.map(([name]) => name);
  return [
    ...shown
      .filter(([name, colour]) => page.has(name) && page.get(name) !== colour)
      .map(([name, colour]) => `${name} is ${colour}, and ${page.get(name)} on the status page`),
    ...(byStatus ? STATUSES.filter((status) => !named.includes(status)) : []).map(
      (status) => `${status} has no colour`,
    ),
  ];
}

interface Found {
  place: string;
  url: string;
  panel?: Panel;
}

function linksOf(dashboard: Dashboard): Found[] {
  return [
    ...dashboard.links.map(({ title, url }) => ({ place: `link ${title}`, url })),
    ...panelsOf(dashboard).flatMap((panel) =>
      [
        ...(panel.fieldConfig.defaults.links ?? []),
        ...panel.fieldConfig.overrides
          .flatMap(({ properties }) => properties)
          .filter(({ id }) => id === 'links')
          .flatMap(({ value }) => value as { title: string; url: string }[]),
      ].map(({ title, url }) => ({ place: `${panel.title}: ${title}`, url, panel })),
    ),
  ];
}

/** Where a dashboard leads to. */
export function leadsTo(dashboard: Dashboard): Set<string> {
  return new Set(
    linksOf(dashboard).map(({ url }) => /^\/d\/([a-z-]+)\?/.exec(url)?.[1] ?? 'nowhere'),
  );
}

function links(dashboard: Dashboard, all: Dashboard[]): string[] {
  const mine = dashboard.templating.list.map(({ name }) => name);
  return linksOf(dashboard).flatMap(({ place, url, panel }) => {
    const uid = /^\/d\/([a-z-]+)\?/.exec(url)?.[1];
    const target = all.find((other) => other.uid === uid);
    if (!target) return [`${place}: there is no dashboard ${uid ?? url}`];
    const there = target.templating.list;
    const passed = [...url.matchAll(/\$\{([a-z_]+):queryparam\}/g)].map((found) => found[1]!);
    const set = [...url.matchAll(/var-([a-z_]+)=/g)].map((found) => found[1]!);
    const fields = [...url.matchAll(/__data\.fields\.(\w+)/g)].map((found) => found[1]!);
    const labels = [...url.matchAll(/__field\.labels\.(\w+)/g)].map((found) => found[1]!);
    const named = panel ? namesIn(panel) : [];
    const by = panel ? (panel.targets ?? []).flatMap(({ expr }) => labelsIn(expr)) : [];
    return [
      ...passed
        .filter((name) => !mine.includes(name))
        .map((name) => `${place}: there is no variable ${name} here`),
      ...[...passed, ...set]
        .filter((name) => !there.some((variable) => variable.name === name))
        .map((name) => `${place}: ${uid} has no variable ${name}`),
      // "All" means nothing to a variable with one value.
      ...passed
        .filter((name) => {
          const [from, to] = [dashboard.templating.list, there].map((list) =>
            list.find((variable) => variable.name === name),
          );
          return from?.includeAll && to && to.type === 'query' && !to.includeAll;
        })
        .map((name) => `${place}: ${uid} cannot show all of ${name}`),
      ...fields
        .filter((name) => !named.includes(name))
        .map((name) => `${place}: there is no column ${name}`),
      ...labels
        .filter((name) => !by.includes(name))
        .map((name) => `${place}: its series have no label ${name}`),
    ];
  });
}

/** Where the rules send a reader of an alert: a dashboard that exists, with variables that it has. */
export function linksOfRules(rules: string, all: Dashboard[]): string[] {
  return [...rules.matchAll(/\/d\/([a-z-]+)\?(.*)$/gm)].flatMap(([, uid, query]) => {
    const names = all.find((each) => each.uid === uid)?.templating.list.map(({ name }) => name);
    if (!names) return [`there is no dashboard ${uid}`];
    return [...query!.matchAll(/\bvar-([a-z_]+)=/g)]
      .map((found) => found[1]!)
      .filter((name) => !names.includes(name))
      .map((name) => `${uid} has no variable ${name}`);
  });
}

export function conventions(dashboard: Dashboard, all: Dashboard[]): string[] {
  return [
    ...ids(dashboard),
    ...grid(dashboard),
    ...variables(dashboard),
    ...queries(dashboard),
    ...links(dashboard, all),
    ...panelsOf(dashboard).flatMap((panel) =>
      [overrides, columns, kinds, colours]
        .flatMap((check) => check(panel))
        .map((finding) => `${panel.title}: ${finding}`),
    ),
  ].map((finding) => `${dashboard.uid}: ${finding}`);
}
