// The statuses of a worker with their colours, which are those of the exporter's status page.

import { readFileSync } from 'node:fs';

/** From harmless to urgent: where two exporters disagree for a moment, the worse is shown. */
const NAMES = [
  'stopped',
  'running',
  'active',
  'idle',
  'initializing',
  'throttled',
  'unknown',
  'unhealthy',
] as const;

export interface Status {
  name: string;
  /** What stands for it in a state timeline and in a table, where a value is a number. */
  code: number;
  colour: string;
}

const PAGE = new URL('../../../daemon/web/status.css', import.meta.url);

function colourOf(name: string, page: string): string {
  const found = new RegExp(`(?:\\.|--)${name}\\b[^#;}]*(#[0-9a-f]{6})\\b`).exec(page)?.[1];
  if (!found) throw new Error(`${PAGE.pathname} has no colour for .${name}`);
  return found;
}

const page = readFileSync(PAGE, 'utf8');

export const STATUSES: Status[] = NAMES.map((name, i) => ({
  name,
  code: i + 1,
  colour: colourOf(name, page),
}));
