// The dashboards as data, and the places of the project that they are held to.

import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

export interface Target {
  refId: string;
  expr: string;
  legendFormat?: string;
  instant?: boolean;
  range?: boolean;
  format?: string;
  datasource?: { type?: string; uid?: string };
}

export interface Override {
  matcher: { id: string; options: string };
  properties: { id: string; value: unknown }[];
}

export interface Panel {
  id: number;
  type: string;
  title: string;
  description?: string;
  gridPos: { x: number; y: number; w: number; h: number };
  datasource?: { type?: string; uid?: string };
  targets?: Target[];
  panels?: Panel[];
  collapsed?: boolean;
  options: Record<string, unknown> & { reduceOptions?: unknown };
  fieldConfig: {
    defaults: {
      unit?: string;
      noValue?: string;
      mappings?: { type: string; options: Record<string, { text: string; color?: string }> }[];
      thresholds?: unknown;
      links?: { title: string; url: string }[];
      custom?: Record<string, unknown>;
    };
    overrides: Override[];
  };
  transformations?: { id: string; options: Record<string, Record<string, unknown>> }[];
}

export interface Variable {
  name: string;
  type: string;
  label?: string;
  query: string;
  regex?: string;
  refresh?: number;
  multi?: boolean;
  includeAll?: boolean;
  allValue?: string;
  datasource?: { type?: string; uid?: string };
}

export interface Annotation {
  name: string;
  expr: string;
  titleFormat?: string;
  textFormat?: string;
  datasource?: { type?: string; uid?: string };
}

export interface Dashboard {
  uid: string;
  title: string;
  editable: boolean;
  panels: Panel[];
  links: { title: string; url: string }[];
  templating: { list: Variable[] };
  annotations: { list: Annotation[] };
}

export function read(path: string): string {
  return readFileSync(ROOT + path, 'utf8');
}

export function loadAll(): Dashboard[] {
  return readdirSync(`${ROOT}grafana/dashboards`)
    .sort()
    .map((file) => JSON.parse(read(`grafana/dashboards/${file}`)) as Dashboard);
}

/** All panels that show something; those of collapsed rows as well. */
export function panelsOf(dashboard: Dashboard): Panel[] {
  return dashboard.panels
    .flatMap((panel) => [panel, ...(panel.panels ?? [])])
    .filter((panel) => panel.type !== 'row');
}

export interface Query {
  /** Says where it is, for a person. */
  place: string;
  expr: string;
}

/** The parts of a variable's `label_values(selector, label)` or `query_result(selector)`. */
export function variableQuery(query: string): { call: string; selector: string; label: string } {
  const found = /^([a-z_]*)\((.*?)(?:, ([a-z_]+))?\)$/s.exec(query);
  return { call: found?.[1] ?? '', selector: found?.[2] ?? query, label: found?.[3] ?? '' };
}

/** Every query of panels, variables and annotations. */
export function queriesOf(dashboard: Dashboard): Query[] {
  return [
    ...dashboard.templating.list
      .filter((variable) => variable.type === 'query')
      .map((variable) => ({
        place: `${dashboard.uid}: variable ${variable.name}`,
        expr: variableQuery(variable.query).selector,
      })),
    ...dashboard.annotations.list
      .filter((annotation) => annotation.expr)
      .map((annotation) => ({
        place: `${dashboard.uid}: annotation ${annotation.name}`,
        expr: annotation.expr,
      })),
    ...panelsOf(dashboard).flatMap((panel) =>
      (panel.targets ?? []).map((target) => ({
        place: placeOf(dashboard, panel, target),
        expr: target.expr,
      })),
    ),
  ];
}

export function placeOf(dashboard: Dashboard, panel: Panel, target?: Target): string {
  return `${dashboard.uid}: ${panel.title}${target ? `, ${target.refId}` : ''}`;
}
