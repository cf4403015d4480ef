// What the JSON is held to: Grafana's own types. Read as source by schema.ts, not compiled.

import type { Dashboard } from '@grafana/schema';
import type { Options as BarGaugeOptions } from '@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen';
import type { Options as StatOptions } from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type {
  FieldConfig as StateTimelineFields,
  Options as StateTimelineOptions,
} from '@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen';
import type {
  FieldConfig as TableFields,
  Options as TableOptions,
} from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type {
  FieldConfig as TimeSeriesFields,
  Options as TimeSeriesOptions,
} from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';

export type Classic = Dashboard;

export interface Panels {
  bargauge: { options: BarGaugeOptions };
  stat: { options: StatOptions };
  'state-timeline': { options: StateTimelineOptions; custom: StateTimelineFields };
  table: { options: TableOptions; custom: TableFields };
  timeseries: { options: TimeSeriesOptions; custom: TimeSeriesFields };
}
