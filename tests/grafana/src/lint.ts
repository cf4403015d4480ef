// The rules of Grafana's dashboard-linter by their documentation, without an exclusion. Where a rule
// there looks at some types of panels only, here it looks at all.

import { panelsOf, placeOf, variableQuery, type Dashboard, type Panel } from './dashboards.js';
import { selectorsOf, syntaxErrors, withoutVariables } from './promql.js';

type Rule = (dashboard: Dashboard) => string[];

/** Those of Grafana's units that are of use here; a new one is added with the panel that has it. */
const UNITS = new Set([
  'none',
  'string',
  'short',
  'percentunit',
  's',
  'bytes',
  'Bps',
  'cps',
  'currencyUSD',
  'dateTimeAsIso',
]);

const DATASOURCES = ['$datasource', '${datasource}'];

function perPanel(check: (panel: Panel) => string[]): Rule {
  return (dashboard) =>
    panelsOf(dashboard).flatMap((panel) =>
      check(panel).map((finding) => `${placeOf(dashboard, panel)}: ${finding}`),
    );
}

function perTarget(check: (expr: string) => string[]): Rule {
  return (dashboard) =>
    panelsOf(dashboard).flatMap((panel) =>
      (panel.targets ?? []).flatMap((target) =>
        check(target.expr).map(
          (finding) => `${placeOf(dashboard, panel, target)}: ${finding}: ${target.expr}`,
        ),
      ),
    );
}

function needsMatcher(label: string): Rule {
  return perTarget((expr) =>
    selectorsOf(expr)
      .filter(
        ({ matchers }) =>
          !matchers.some((m) => m.label === label && m.sign === '=~' && m.value === `$${label}`),
      )
      .map(({ metric }) => `${metric} has no ${label}=~"$${label}"`),
  );
}

function needsVariable(name: string, label: string): Rule {
  return (dashboard) => {
    const variable = dashboard.templating.list.find((v) => v.name === name);
    if (!variable) return [`${dashboard.uid}: no variable ${name}`];
    const findings: string[] = [];
    if (!DATASOURCES.includes(variable.datasource?.uid ?? '')) findings.push('another data source');
    if (variable.type !== 'query') findings.push('no query');
    if (variable.label !== label) findings.push(`not labelled ${label}`);
    if (!variable.multi) findings.push('not multi');
    if (variable.allValue !== '.+') findings.push('its allValue is not .+');
    return findings.map((finding) => `${dashboard.uid}: variable ${name}: ${finding}`);
  };
}

const queryVariables = (dashboard: Dashboard) =>
  dashboard.templating.list.filter((variable) => variable.type === 'query');

const otherDatasource = (panel: Panel) =>
  [panel, ...(panel.targets ?? [])]
    .map(({ datasource }) => datasource?.uid ?? 'none')
    .filter((uid) => !DATASOURCES.includes(uid));

/** Loki's rules hold where no data source is Loki; another type of data source is a finding. */
const noLoki: Rule = (dashboard) =>
  [
    ...dashboard.templating.list
      .filter((v) => v.type === 'datasource' && v.query !== 'prometheus')
      .map((v) => `variable ${v.name} is for ${v.query}`),
    ...panelsOf(dashboard)
      .flatMap((panel) => panel.targets ?? [])
      .filter((target) => target.datasource?.type !== 'prometheus')
      .map((target) => `target ${target.refId} is for ${target.datasource?.type ?? 'nothing'}`),
  ].map((finding) => `${dashboard.uid}: ${finding}`);

export const RULES: Record<string, Rule> = {
  'template-datasource-rule': (dashboard) => {
    const [variable, ...more] = dashboard.templating.list.filter((v) => v.type === 'datasource');
    const right = variable?.name === 'datasource' && variable.label === 'Data source';
    return right && more.length === 0
      ? []
      : [`${dashboard.uid}: not one variable "datasource", labelled "Data source"`];
  },
  'template-job-rule': needsVariable('job', 'Job'),
  'template-instance-rule': needsVariable('instance', 'Instance'),
  'template-label-promql-rule': (dashboard) =>
    queryVariables(dashboard).flatMap((variable) => {
      const { call, selector } = variableQuery(variable.query);
      return [
        ...(['label_values', 'query_result'].includes(call) ? [] : [`no function of a variable: ${call}`]),
        ...syntaxErrors(withoutVariables(selector)),
      ].map((finding) => `${dashboard.uid}: variable ${variable.name}: ${finding}`);
    }),
  'template-on-time-change-reload-rule': (dashboard) =>
    queryVariables(dashboard)
      .filter((variable) => variable.refresh !== 2)
      .map((variable) => `${dashboard.uid}: variable ${variable.name} does not refresh`),
  'panel-datasource-rule': perPanel((panel) =>
    otherDatasource(panel).map((uid) => `data source ${uid}`),
  ),
  'panel-title-description-rule': perPanel((panel) =>
    panel.title && panel.description ? [] : ['no title or no description'],
  ),
  'panel-units-rule': perPanel((panel) => {
    const set = panel.fieldConfig.overrides
      .flatMap((override) => override.properties)
      .filter((property) => property.id === 'unit')
      .map((property) => String(property.value));
    return [panel.fieldConfig.defaults.unit ?? 'no unit', ...set]
      .filter((unit) => !UNITS.has(unit))
      .map((unit) => `unit ${unit}`);
  }),
  'panel-no-targets-rule': perPanel((panel) => (panel.targets?.length ? [] : ['no target'])),
  'target-promql-rule': perTarget((expr) => syntaxErrors(withoutVariables(expr))),
  'target-rate-interval-rule': perTarget((expr) =>
    selectorsOf(expr)
      .filter(({ around }) => around[0] === 'rate' || around[0] === 'irate')
      .filter(({ range }) => range !== '$__rate_interval')
      .map(({ metric, range }) => `rate of ${metric} over ${range}`),
  ),
  'target-job-rule': needsMatcher('job'),
  'target-instance-rule': needsMatcher('instance'),
  'target-counter-agg-rule': perTarget((expr) =>
    selectorsOf(expr)
      .filter(({ metric }) => metric.endsWith('_total'))
      .filter(
        ({ around, range }) =>
          range === undefined || !['rate', 'irate', 'increase'].includes(around[0] ?? ''),
      )
      .map(({ metric }) => `counter ${metric} without rate, irate or increase`),
  ),
  'target-logql-rule': noLoki,
  'target-logql-auto-rule': noLoki,
  'uneditable-dashboard': (dashboard) => (dashboard.editable ? [`${dashboard.uid}: editable`] : []),
};

export function lint(dashboard: Dashboard): string[] {
  return Object.entries(RULES).flatMap(([name, rule]) =>
    rule(dashboard).map((finding) => `${name}: ${finding}`),
  );
}
