// What surrounds the panels of a dashboard: variables, links, annotations, rows.

import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { DashboardBuilder } from '@grafana/grafana-foundation-sdk/dashboard';

import { to, UIDS, type Name } from './links.js';
import { DATASOURCE, type Part } from './panels.js';
import type { Level, Selection } from './promql.js';

export interface Row {
  title: string;
  parts: Part[];
  collapsed?: boolean;
}

export interface Frame {
  name: Name;
  title: string;
  description: string;
  selection: Selection;
  /** To other dashboards, with the variables that they share with this one. */
  links: { to: Name; title: string; variables: string[] }[];
  annotations: Builder<dashboard.AnnotationQuery>[];
  rows: Row[];
}

const WIDTH = 24;

interface Choice {
  name: string;
  label: string;
  description: string;
  /** The level of the metric below decides which variables narrow this one. */
  query(selection: Selection): string;
  regex?: string;
}

/** Names are for people, ids for the queries. What vanished within the range is offered, too. */
const NAME_AND_ID = '/[{,]name="(?<text>[^"]+)|[{,]endpoint_id="(?<value>[^"]+)/g';

const EXPORTER: Choice[] = [
  {
    name: 'job',
    label: 'Job',
    description: 'The scrape job of the exporter, whatever its name is.',
    query: () => 'label_values(serverless_exporter_build_info, job)',
  },
  {
    name: 'instance',
    label: 'Instance',
    description: 'The exporters. Several that watch one fleet count it once.',
    query: () => 'label_values(serverless_exporter_build_info{job=~"$job"}, instance)',
  },
];

const CHOICES: Record<Level, Choice[]> = {
  exporter: EXPORTER,
  account: [
    {
      name: 'provider',
      label: 'Provider',
      description: 'runpod, vast or den.',
      query: (selection) =>
        `label_values(${selection.selector('serverless_account_endpoints', '', 'exporter')}, provider)`,
    },
    {
      name: 'account',
      label: 'Account',
      description: 'The name of the account in the configuration of the exporter.',
      query: (selection) => {
        const sign = selection.single ? '=' : '=~';
        const narrowed = selection.selector(
          'serverless_account_endpoints',
          `provider${sign}"$provider"`,
          'exporter',
        );
        return `label_values(${narrowed}, account)`;
      },
    },
  ],
  endpoint: [
    {
      name: 'endpoint_id',
      label: 'Endpoint',
      description: 'What an autoscaler scales; for Den the whole organisation.',
      query: (selection) =>
        `query_result(last_over_time(${selection.selector('serverless_endpoint_info', '', 'account')}[$__range]))`,
      regex: NAME_AND_ID,
    },
  ],
  worker: [
    {
      name: 'worker_id',
      label: 'Worker',
      description: 'The id of a worker at its provider.',
      query: (selection) =>
        `label_values(${selection.selector('serverless_worker_info', '', 'endpoint')}, worker_id)`,
    },
  ],
};

const LEVELS: Level[] = ['exporter', 'account', 'endpoint', 'worker'];

function variables(selection: Selection): Builder<dashboard.VariableModel>[] {
  const levels = LEVELS.slice(0, LEVELS.indexOf(selection.depth) + 1);
  return [
    new dashboard.DatasourceVariableBuilder('datasource').label('Data source').type('prometheus'),
    ...levels.flatMap((level) => {
      // Exporters are many everywhere: which of them has the data is not what is asked.
      const many = level === 'exporter' || !selection.single;
      return CHOICES[level].map((choice) => {
        const query = choice.query(selection);
        const variable = new dashboard.QueryVariableBuilder(choice.name)
          .label(choice.label)
          .description(choice.description)
          .datasource(DATASOURCE)
          .query(query)
          .refresh(dashboard.VariableRefresh.OnTimeRangeChanged)
          .sort(dashboard.VariableSort.AlphabeticalAsc)
          .multi(many)
          .includeAll(many);
        if (choice.regex) variable.regex(choice.regex);
        if (many) variable.allValue('.+').current({ selected: true, text: 'All', value: '$__all' });
        return variable;
      });
    }),
  ];
}

export function annotation(
  name: string,
  what: { expr: string; title: string; text: string; colour: string; enabled: boolean },
): Builder<dashboard.AnnotationQuery> {
  return new dashboard.AnnotationQueryBuilder()
    .name(name)
    .datasource(DATASOURCE)
    .enable(what.enabled)
    .iconColor(what.colour)
    .expr(what.expr)
    .step('60s')
    .titleFormat(what.title)
    .textFormat(what.text);
}

/** Alerts of whoever evaluates our rules. Off at first: regions of many alerts hide the graphs. */
export function alerts(more: string): Builder<dashboard.AnnotationQuery> {
  const matchers = ['alertname=~"Serverless.+"', 'alertstate="firing"', 'severity=~"warning|critical"'];
  if (more) matchers.push(more);
  return annotation('Alerts', {
    expr: `ALERTS{${matchers.join(', ')}}`,
    title: '{{alertname}}',
    text: '{{severity}} {{provider}} {{account}} {{endpoint_id}} {{worker_id}}',
    colour: 'red',
    enabled: false,
  });
}

/** A value that is not what it was a minute ago; annotations look once a minute. */
export function changed(expression: (offset: string) => string): string {
  return `${expression('')} != ${expression(' offset 1m')}`;
}

/** Places parts from left to right, as text flows. */
function layOut(rows: Row[]): dashboard.Panel[] {
  const panels: (dashboard.Panel | dashboard.RowPanel)[] = [];
  let id = 0;
  let y = 0;
  for (const row of rows) {
    const head = { h: 1, w: WIDTH, x: 0, y: y++ };
    const headId = ++id;
    const inside: dashboard.Panel[] = [];
    let x = 0;
    let height = 0;
    for (const part of row.parts) {
      if (x + part.width > WIDTH) {
        y += height;
        x = 0;
        height = 0;
      }
      inside.push(part.build({ h: part.height, w: part.width, x, y }, ++id));
      x += part.width;
      height = Math.max(height, part.height);
    }
    y += height;
    panels.push({
      type: 'row',
      title: row.title,
      id: headId,
      gridPos: head,
      collapsed: row.collapsed ?? false,
      panels: row.collapsed ? inside : [],
    });
    if (row.collapsed) {
      y = head.y + 1;
    } else {
      panels.push(...inside);
    }
  }
  return panels as dashboard.Panel[];
}

/** The builder gives every variable what only one of a kind `interval` has. */
function withoutIntervals(variable: dashboard.VariableModel): dashboard.VariableModel {
  return Object.fromEntries(
    Object.entries(variable).filter(([key]) => !key.startsWith('auto')),
  ) as unknown as dashboard.VariableModel;
}

export function assemble(frame: Frame): dashboard.Dashboard {
  const builder = new DashboardBuilder(frame.title)
    .uid(UIDS[frame.name])
    .description(frame.description)
    .tags(['serverless-exporter'])
    .readonly()
    .version(1)
    .timezone('browser')
    .time({ from: 'now-6h', to: 'now' })
    .refresh('30s')
    .tooltip(dashboard.DashboardCursorSync.Crosshair)
    .variables(variables(frame.selection))
    .annotations(frame.annotations)
    .links(
      frame.links.map((link) =>
        new dashboard.DashboardLinkBuilder(link.title)
          .type(dashboard.DashboardLinkType.Link)
          .url(to(link.to, link.variables))
          .keepTime(true),
      ),
    );
  const built = builder.build();
  return {
    ...built,
    templating: { list: built.templating?.list?.map(withoutIntervals) },
    panels: layOut(frame.rows),
  };
}
