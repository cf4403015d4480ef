// The JSON against the types of @grafana/schema. A key that they do not know is a finding, since
// Grafana would ignore it.

import Ajv, { type ErrorObject, type ValidateFunction } from 'ajv';
import { createGenerator } from 'ts-json-schema-generator';

import { panelsOf, placeOf, ROOT, type Dashboard } from './dashboards.js';

/** The data source of Prometheus reads these of an annotation; Grafana's types leave them out. */
const ALLOWED = ['expr', 'step', 'titleFormat', 'textFormat'].map(
  (key) => `/annotations/list/N must NOT have additional properties: ${key}`,
);

interface Schemas {
  dashboard: ValidateFunction;
  panels: Map<string, ValidateFunction>;
}

let known: Schemas | undefined;

function schemas(): Schemas {
  if (known) return known;
  const place = `${ROOT}tests/grafana/`;
  const generator = createGenerator({
    path: `${place}src/schema_types.ts`,
    tsconfig: `${place}tsconfig.json`,
    type: '*',
    // Two types of one name would be one definition.
    expose: 'none',
    topRef: false,
    skipTypeCheck: true,
    additionalProperties: false,
  });
  const ajv = new Ajv.default({ allErrors: true, strict: false });
  const panels = generator.createSchema('Panels');
  known = {
    dashboard: ajv.compile(generator.createSchema('Classic')),
    panels: new Map(
      Object.entries(panels.properties ?? {}).map(([type, schema]) => [
        type,
        ajv.compile({ ...(schema as object), definitions: panels.definitions }),
      ]),
    ),
  };
  return known;
}

function texts(errors: ErrorObject[] | null | undefined): string[] {
  return (errors ?? []).map((error) => {
    const key = (error.params as { additionalProperty?: string }).additionalProperty;
    return `${error.instancePath} ${error.message}${key ? `: ${key}` : ''}`;
  });
}

export function schemaFindings(dashboard: Dashboard): string[] {
  const { dashboard: whole, panels } = schemas();
  whole(dashboard);
  const findings = texts(whole.errors)
    .filter((text) => !ALLOWED.includes(text.replace(/\d+/g, 'N')))
    .map((text) => `${dashboard.uid}${text}`);
  for (const panel of panelsOf(dashboard)) {
    const valid = panels.get(panel.type);
    if (!valid) {
      findings.push(`${placeOf(dashboard, panel)}: no schema for the type ${panel.type}`);
      continue;
    }
    const { custom } = panel.fieldConfig.defaults;
    valid({ options: panel.options, ...(custom ? { custom } : {}) });
    findings.push(...texts(valid.errors).map((text) => `${placeOf(dashboard, panel)}: ${text}`));
  }
  return findings;
}
