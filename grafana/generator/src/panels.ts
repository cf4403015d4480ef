// The kinds of panels that the dashboards are made of. Each takes what differs; what all panels of a
// kind share is decided here once.

import type { Builder } from '@grafana/grafana-foundation-sdk/cog';
import * as common from '@grafana/grafana-foundation-sdk/common';
import * as dashboard from '@grafana/grafana-foundation-sdk/dashboard';
import { PanelBuilder as BarGauge } from '@grafana/grafana-foundation-sdk/bargauge';
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus';
import { PanelBuilder as Stat } from '@grafana/grafana-foundation-sdk/stat';
import { PanelBuilder as StateTimeline } from '@grafana/grafana-foundation-sdk/statetimeline';
import { PanelBuilder as Table } from '@grafana/grafana-foundation-sdk/table';
import { PanelBuilder as TimeSeries } from '@grafana/grafana-foundation-sdk/timeseries';

import { STATUSES } from './statuses.js';

/** A panel before it has its place. */
export interface Part {
  width: number;
  height: number;
  build(gridPos: dashboard.GridPos, id: number): dashboard.Panel;
}

type Properties = dashboard.DynamicConfigValue[];
type Mappings = dashboard.ValueMapping[];

export const DATASOURCE: common.DataSourceRef = { type: 'prometheus', uid: '${datasource}' };

const NOTHING = 'no data';

/** From a value on, a colour; the first one is for everything below the others. */
export type Steps = [base: string, ...steps: [value: number, colour: string][]];

export const NEUTRAL: Steps = ['text'];
export const BAD_ABOVE_0: Steps = ['green', [1, 'red']];
export const ODD_ABOVE_0: Steps = ['green', [1, 'orange']];

function thresholds([base, ...steps]: Steps): dashboard.ThresholdsConfig {
  return {
    mode: dashboard.ThresholdsMode.Absolute,
    steps: [{ value: null, color: base }, ...steps.map(([value, color]) => ({ value, color }))],
  };
}

function built<T>(value: T): Builder<T> {
  return { build: () => value };
}

export function words(texts: Record<number, [text: string, colour?: string]>): Mappings {
  const options = Object.fromEntries(
    Object.entries(texts).map(([value, [text, color]], index) => [value, { text, color, index }]),
  );
  return [{ type: dashboard.MappingType.ValueToText, options }];
}

/** What stands where nothing is told. Without a colour of its own it had that of the lowest value. */
function nothingIs(text: string, color: string): Mappings {
  return [
    {
      type: dashboard.MappingType.SpecialValue,
      options: { match: dashboard.SpecialValueMatch.Null, result: { text, color, index: 99 } },
    },
  ];
}

export const YES_NO = words({ 0: ['no'], 1: ['yes'] });
export const ODD_IF_1 = words({ 0: ['no', 'green'], 1: ['yes', 'orange'] });
export const FRESH_WORDS = words({ 0: ['expired', 'red'], 1: ['fresh', 'green'] });
export const STATUS_WORDS = words(
  Object.fromEntries(STATUSES.map(({ code, name, colour }) => [code, [name, colour]])),
);

function query(expr: string, refId: string): DataqueryBuilder {
  return new DataqueryBuilder().datasource(DATASOURCE).expr(expr).refId(refId);
}

function refId(index: number): string {
  return String.fromCharCode('A'.charCodeAt(0) + index);
}

/** The id is the dashboard's business, which the builders leave to it. */
function place(
  panel: {
    gridPos(at: dashboard.GridPos): { id(id: number): Builder<dashboard.Panel> };
  },
  gridPos: dashboard.GridPos,
  id: number,
): dashboard.Panel {
  return panel.gridPos(gridPos).id(id).build();
}

interface What {
  title: string;
  description: string;
  width: number;
  height?: number;
}

export interface Link {
  title: string;
  url: string;
}

function dataLinks(links: Link[]): Builder<dashboard.DashboardLink>[] {
  // A data link has three of the fields of a dashboard's link.
  return links.map((link) => built({ ...link, targetBlank: false } as dashboard.DashboardLink));
}

export function stat(
  what: What & {
    expr: string;
    unit: string;
    steps?: Steps;
    mappings?: Mappings;
    decimals?: number;
    /** Fills the panel with the colour: for a status, not for a number. */
    filled?: boolean;
    /** What stands where there is no number, and its colour, if that says something. */
    nothing?: string | [text: string, colour: string];
    links?: Link[];
  },
): Part {
  return {
    width: what.width,
    height: what.height ?? 4,
    build(gridPos, id) {
      const [nothing, colour] = [what.nothing ?? NOTHING, 'text'].flat() as [string, string];
      const panel = new Stat()
        .title(what.title)
        .description(what.description)
        .datasource(DATASOURCE)
        // What an instant query does not find is not there now; a range would show the last of it.
        .withTarget(query(what.expr, 'A').instant())
        .unit(what.unit)
        .noValue(nothing)
        .mappings([...(what.mappings ?? []), ...nothingIs(nothing, colour)])
        .thresholds(built(thresholds(what.steps ?? NEUTRAL)))
        .colorScheme(built({ mode: dashboard.FieldColorModeId.Thresholds }))
        .graphMode(common.BigValueGraphMode.None)
        .colorMode(
          what.filled ? common.BigValueColorMode.Background : common.BigValueColorMode.Value,
        )
        .textMode(common.BigValueTextMode.Value)
        .reduceOptions(built({ calcs: ['lastNotNull'], fields: '', values: false }));
      if (what.decimals !== undefined) panel.decimals(what.decimals);
      if (what.links) panel.dataLinks(dataLinks(what.links));
      return place(panel, gridPos, id);
    },
  };
}

export interface Series {
  expr: string;
  legend: string;
  /** A bound: dashed, not filled, not stacked. */
  bound?: boolean;
  /** For a legend without labels. */
  colour?: string;
}

export const STATUS_COLOURS: Record<string, string> = Object.fromEntries(
  STATUSES.map(({ name, colour }) => [name, colour]),
);

function fixed(colour: string): dashboard.DynamicConfigValue {
  return { id: 'color', value: { mode: 'fixed', fixedColor: colour } };
}

export function graph(
  what: What & {
    series: Series[];
    unit: string;
    stacked?: boolean;
    colours?: Record<string, string>;
    max?: number;
    /** It may be below 0. */
    signed?: boolean;
    decimals?: number;
    /** Lines at these values. */
    lines?: Steps;
    links?: Link[];
  },
): Part {
  return {
    width: what.width,
    height: what.height ?? 8,
    build(gridPos, id) {
      const panel = new TimeSeries()
        .title(what.title)
        .description(what.description)
        .datasource(DATASOURCE)
        .unit(what.unit)
        .noValue(NOTHING)
        .lineWidth(1)
        .lineInterpolation(common.LineInterpolation.StepAfter)
        .showPoints(common.VisibilityMode.Never)
        .fillOpacity(what.stacked ? 70 : 5)
        // A gap is data that were withdrawn: a line across would be a lie.
        .spanNulls(false)
        .colorScheme(built({ mode: dashboard.FieldColorModeId.PaletteClassicByName }))
        .thresholds(built(thresholds(what.lines ?? NEUTRAL)))
        .legend(
          built({
            displayMode: common.LegendDisplayMode.Table,
            placement: common.LegendPlacement.Bottom,
            showLegend: true,
            calcs: ['lastNotNull', 'max'],
          }),
        )
        .tooltip(
          built({ mode: common.TooltipDisplayMode.Multi, sort: common.SortOrder.Descending }),
        );
      what.series.forEach((series, i) => {
        panel.withTarget(query(series.expr, refId(i)).range().legendFormat(series.legend));
        const properties: Properties = [];
        if (series.bound) {
          properties.push(
            { id: 'custom.lineStyle', value: { fill: 'dash', dash: [8, 6] } },
            { id: 'custom.fillOpacity', value: 0 },
            { id: 'custom.stacking', value: { group: 'bounds', mode: 'none' } },
          );
        }
        if (series.colour) properties.push(fixed(series.colour));
        if (properties.length) panel.overrideByName(series.legend, properties);
      });
      for (const [name, colour] of Object.entries(what.colours ?? {})) {
        panel.overrideByName(name, [fixed(colour)]);
      }
      if (what.stacked) {
        panel.stacking(built({ mode: common.StackingMode.Normal, group: 'A' }));
      }
      if (what.lines) {
        panel.thresholdsStyle(built({ mode: common.GraphThresholdsStyleMode.Dashed }));
      }
      if (!what.signed) panel.min(0);
      if (what.max !== undefined) panel.max(what.max);
      if (what.decimals !== undefined) panel.decimals(what.decimals);
      if (what.links) panel.dataLinks(dataLinks(what.links));
      return place(panel, gridPos, id);
    },
  };
}

export interface Column {
  name: string;
  expr: string;
  unit: string;
  steps?: Steps;
  mappings?: Mappings;
  decimals?: number;
  width?: number;
  /** A bar from 0 to 1. */
  gauge?: boolean;
}

export interface Label {
  label: string;
  name: string;
  width?: number;
  link?: Link;
}

/**
 * A row for each set of `labels` and of `hidden` ones, which each column's query has to leave. The
 * labels of `facts`, queries whose value is always 1, are columns as well.
 */
export function table(
  what: What & {
    labels: Label[];
    columns: Column[];
    facts?: string[];
    hidden?: string[];
    sortBy?: { name: string; descending: boolean };
  },
): Part {
  const facts = what.facts ?? [];
  const exprs = [...what.columns.map((column) => column.expr), ...facts];
  const valueName = (index: number) => (exprs.length === 1 ? 'Value' : `Value #${refId(index)}`);
  const dropped = [
    'Time',
    ...(what.hidden ?? []),
    ...facts.map((_, i) => valueName(what.columns.length + i)),
  ];
  return {
    width: what.width,
    height: what.height ?? 10,
    build(gridPos, id) {
      const panel = new Table()
        .title(what.title)
        .description(what.description)
        .datasource(DATASOURCE)
        // An id is a text, even if it is made of digits.
        .unit('string')
        .noValue('')
        .filterable(true)
        .minWidth(60)
        .cellOptions({ type: common.TableCellDisplayMode.Auto } as common.TableCellOptions)
        .cellHeight(common.TableCellHeight.Sm)
        .showHeader(true)
        .thresholds(built(thresholds(NEUTRAL)))
        .colorScheme(built({ mode: dashboard.FieldColorModeId.Thresholds }));
      exprs.forEach((expr, i) => {
        panel.withTarget(query(expr, refId(i)).instant().format(PromQueryFormat.Table));
      });
      const names = [
        ...what.labels.map(({ label, name }) => [label, name]),
        ...what.columns.map(({ name }, i) => [valueName(i), name]),
      ];
      panel.withTransformation({ id: 'merge', options: {} });
      panel.withTransformation({
        id: 'organize',
        options: {
          excludeByName: Object.fromEntries(dropped.map((name) => [name, true])),
          indexByName: Object.fromEntries(names.map(([from], i) => [from, i])),
          renameByName: Object.fromEntries(names),
        },
      });
      for (const { name, width, link } of what.labels) {
        const properties: Properties = [];
        if (width) properties.push({ id: 'custom.width', value: width });
        if (link) properties.push({ id: 'links', value: [{ ...link, targetBlank: false }] });
        if (properties.length) panel.overrideByName(name, properties);
      }
      for (const column of what.columns) panel.overrideByName(column.name, cell(column));
      if (what.sortBy) {
        panel.sortBy([built({ displayName: what.sortBy.name, desc: what.sortBy.descending })]);
      }
      const placed = place(panel, gridPos, id);
      // The builder's default, which Grafana 13 knows no more.
      delete (placed.options as Record<string, unknown>)['footer'];
      return placed;
    },
  };
}

function cell(column: Column): Properties {
  const properties: Properties = [{ id: 'unit', value: column.unit }];
  if (column.decimals !== undefined) properties.push({ id: 'decimals', value: column.decimals });
  if (column.width) properties.push({ id: 'custom.width', value: column.width });
  if (column.mappings) properties.push({ id: 'mappings', value: column.mappings });
  if (column.steps) properties.push({ id: 'thresholds', value: thresholds(column.steps) });
  if (column.gauge) {
    properties.push(
      { id: 'min', value: 0 },
      { id: 'max', value: 1 },
      { id: 'custom.cellOptions', value: { type: 'gauge', mode: 'basic', valueDisplayMode: 'text' } },
    );
  } else if (column.steps || column.mappings) {
    properties.push({ id: 'custom.cellOptions', value: { type: 'color-text' } });
  }
  properties.push({ id: 'custom.align', value: column.mappings ? 'left' : 'right' });
  return properties;
}

/** States over time, a row for each series. */
export function timeline(
  what: What & { expr: string; legend: string; mappings: Mappings; perPage?: number; links?: Link[] },
): Part {
  return {
    width: what.width,
    height: what.height ?? 8,
    build(gridPos, id) {
      const panel = new StateTimeline()
        .title(what.title)
        .description(what.description)
        .datasource(DATASOURCE)
        .withTarget(query(what.expr, 'A').range().legendFormat(what.legend))
        .unit('none')
        .noValue(NOTHING)
        .mappings(what.mappings)
        .thresholds(built(thresholds(NEUTRAL)))
        // With the mode "thresholds" Grafana leaves the colours of the mappings out when it merges
        // equal values.
        .colorScheme(built({ mode: dashboard.FieldColorModeId.Fixed, fixedColor: 'text' }))
        .mergeValues(true)
        .showValue(common.VisibilityMode.Never)
        .rowHeight(0.85)
        .fillOpacity(85)
        .lineWidth(0)
        .legend(
          built({
            displayMode: common.LegendDisplayMode.List,
            placement: common.LegendPlacement.Bottom,
            showLegend: true,
            calcs: [],
          }),
        )
        .tooltip(built({ mode: common.TooltipDisplayMode.Single, sort: common.SortOrder.None }));
      if (what.perPage) panel.perPage(what.perPage);
      if (what.links) panel.dataLinks(dataLinks(what.links));
      return place(panel, gridPos, id);
    },
  };
}

/** A bar for each series, the longest first. */
export function bars(
  what: What & {
    expr: string;
    legend: string;
    unit: string;
    decimals?: number;
    steps?: Steps;
    colours?: Record<string, string>;
  },
): Part {
  return {
    width: what.width,
    height: what.height ?? 8,
    build(gridPos, id) {
      const panel = new BarGauge()
        .title(what.title)
        .description(what.description)
        .datasource(DATASOURCE)
        .withTarget(query(what.expr, 'A').instant().legendFormat(what.legend))
        .unit(what.unit)
        .noValue(NOTHING)
        .min(0)
        .thresholds(built(thresholds(what.steps ?? ['blue'])))
        .colorScheme(built({ mode: dashboard.FieldColorModeId.Thresholds }))
        .orientation(common.VizOrientation.Horizontal)
        .displayMode(common.BarGaugeDisplayMode.Basic)
        .valueMode(common.BarGaugeValueMode.Text)
        .reduceOptions(built({ calcs: ['lastNotNull'], fields: '', values: false }));
      if (what.decimals !== undefined) panel.decimals(what.decimals);
      for (const [name, colour] of Object.entries(what.colours ?? {})) {
        panel.overrideByName(name, [fixed(colour)]);
      }
      return place(panel, gridPos, id);
    },
  };
}
