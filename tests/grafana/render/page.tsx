// Draws one dashboard with Grafana's own components from results that Prometheus gave. Grafana's
// panel plugins are not on npm: what they add to the components is done here, as little as it is.

import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  dateTime,
  FieldType,
  getDisplayProcessor,
  getFieldDisplayValues,
  Registry,
  standardTransformers,
  ThemeContext,
  toDataFrame,
  VizOrientation,
  type DataFrame,
  type DataTransformContext,
  type Field,
  type FieldConfigPropertyItem,
  type TimeRange,
} from '@grafana/data';
import { BarGauge, BigValue, PanelChrome, PortalContainer, TimeSeries } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { Component, type ReactNode } from 'react';
import { createRoot } from 'react-dom/client';
import { firstValueFrom, of } from 'rxjs';

interface Result {
  refId: string;
  format?: string;
  instant?: boolean;
  legend?: string;
  /** A value that is no number is a text: "NaN". */
  series: { labels: Record<string, string>; times: number[]; values: (number | string | null)[] }[];
}

interface Picture {
  title: string;
  variables: { label: string; text: string }[];
  from: number;
  to: number;
  panels: { panel: any; results: Result[] }[];
}

const theme = createTheme({ colors: { mode: 'dark' } });
const CELL = 38;
const GAP = 8;
const WIDTH = 1600;

const CUSTOM = [
  ...['lineStyle', 'lineWidth', 'lineInterpolation', 'fillOpacity', 'showPoints', 'spanNulls', 'stacking', 'thresholdsStyle'],
  ...['width', 'minWidth', 'align', 'cellOptions', 'filterable', 'inspect'],
];
const STANDARD = ['unit', 'decimals', 'min', 'max', 'mappings', 'thresholds', 'color', 'links', 'displayName', 'noValue'];
const registry = new Registry<FieldConfigPropertyItem>(() =>
  [...STANDARD.map((path) => ({ path, isCustom: false })), ...CUSTOM.map((path) => ({ path, isCustom: true }))].map(
    ({ path, isCustom }) =>
      ({
        id: isCustom ? `custom.${path}` : path,
        path,
        isCustom,
        name: path,
        process: (value: unknown) => value,
        shouldApply: () => true,
      }) as unknown as FieldConfigPropertyItem,
  ),
);

function legend(format: string, labels: Record<string, string>): string {
  return format.replace(/\{\{\s*(\w+)\s*\}\}/g, (_, name) => labels[name] ?? '').trim();
}

function numbers(values: (number | string | null)[]): (number | null)[] {
  return values.map((value) => (value === null ? null : Number(value)));
}

/** As the panel of graphs does: what is no number is a gap. */
function withGaps(frames: DataFrame[]): DataFrame[] {
  const gap = (value: unknown) => (Number.isFinite(value) ? value : null);
  return frames.map((frame) => ({
    ...frame,
    fields: frame.fields.map((field) =>
      field.type === FieldType.number ? { ...field, values: field.values.map(gap) } : field,
    ),
  }));
}

function framesOf(panel: any, results: Result[]): DataFrame[] {
  if (panel.type === 'table') {
    return results.map(({ refId, series }) => {
      const labels = [...new Set(series.flatMap((each) => Object.keys(each.labels)))].sort();
      const value = results.length === 1 ? 'Value' : `Value #${refId}`;
      return toDataFrame({
        refId,
        fields: series.length
          ? [
              { name: 'Time', type: FieldType.time, values: series.map((each) => each.times[0]! * 1000) },
              ...labels.map((label) => ({
                name: label,
                type: FieldType.string,
                values: series.map((each) => each.labels[label] ?? ''),
              })),
              { name: value, type: FieldType.number, values: numbers(series.map((each) => each.values[0]!)) },
            ]
          : [],
      });
    });
  }
  return results.flatMap(({ refId, legend: format, series }) =>
    series.map(({ labels, times, values }) =>
      toDataFrame({
        refId,
        fields: [
          { name: 'Time', type: FieldType.time, values: times.map((time) => time * 1000) },
          {
            name: 'Value',
            type: FieldType.number,
            labels,
            config: format ? { displayNameFromDS: legend(format, labels) } : {},
            values: numbers(values),
          },
        ],
      }),
    ),
  );
}

async function transformed(panel: any, frames: DataFrame[]): Promise<DataFrame[]> {
  let result = frames;
  const context = { interpolate: (text: string) => text } as DataTransformContext;
  for (const { id, options } of panel.transformations ?? []) {
    const transformer: any = { merge: standardTransformers.mergeTransformer, organize: standardTransformers.organizeFieldsTransformer }[
      id as 'merge' | 'organize'
    ];
    if (!transformer) throw new Error(`no transformation ${id}`);
    result = await firstValueFrom(of(result).pipe(transformer.operator({ ...transformer.defaultOptions, ...options }, context)));
  }
  return result;
}

function configured(panel: any, frames: DataFrame[]): DataFrame[] {
  const configured = applyFieldOverrides({
    data: frames,
    fieldConfig: panel.fieldConfig,
    fieldConfigRegistry: registry as any,
    replaceVariables: (text: string) => text,
    theme,
    timeZone: 'utc',
  });
  cacheFieldDisplayNames(configured);
  return configured;
}

function Timeline({ frames, width, height, range }: { frames: DataFrame[]; width: number; height: number; range: TimeRange }) {
  const [from, to] = [range.from.valueOf(), range.to.valueOf()];
  const names = 150;
  const rowHeight = Math.min(30, (height - 40) / Math.max(frames.length, 1));
  const x = (time: number) => names + ((time - from) / (to - from)) * (width - names);
  const used = new Map<string, string>();
  const rows = frames.map((frame, row) => {
    const time = frame.fields[0]!.values as number[];
    const field = frame.fields[1] as Field;
    const show = field.display ?? getDisplayProcessor({ field, theme });
    const step = time.length > 1 ? time[1]! - time[0]! : 0;
    return (
      <g key={row}>
        <text x={names - 8} y={(row + 0.7) * rowHeight} textAnchor="end" fontSize={Math.min(12, rowHeight * 0.8)} fill={theme.colors.text.primary}>
          {field.config.displayNameFromDS ?? ''}
        </text>
        {time.map((at, i) => {
          const value = field.values[i];
          if (value === null || value === undefined) return null;
          const { text, color } = show(value);
          used.set(text, color ?? '');
          return <rect key={i} x={x(at)} y={row * rowHeight + 1} width={x(at + step) - x(at) + 0.5} height={Math.max(rowHeight - 2, 1)} fill={color} opacity={0.85} />;
        })}
      </g>
    );
  });
  return (
    <svg width={width} height={height}>
      {rows}
      {[...used].map(([text, color], i) => (
        <g key={text} transform={`translate(${8 + i * 100}, ${height - 12})`}>
          <rect width={14} height={4} y={-5} fill={color} />
          <text x={20} fontSize={12} fill={theme.colors.text.secondary}>{text}</text>
        </g>
      ))}
    </svg>
  );
}

interface Body {
  panel: any;
  frames: DataFrame[];
  width: number;
  height: number;
  range: TimeRange;
}

function Body({ panel, frames, width, height, range }: Body): ReactNode {
  const nothing = frames.every((frame) => frame.length === 0);
  switch (panel.type) {
    case 'stat': {
      const [value] = getFieldDisplayValues({
        fieldConfig: panel.fieldConfig,
        reduceOptions: panel.options.reduceOptions,
        replaceVariables: (text: string) => text,
        theme,
        data: frames,
        timeZone: 'utc',
      });
      return (
        <BigValue
          theme={theme}
          width={width}
          height={height}
          value={{ ...(value?.display ?? { text: panel.fieldConfig.defaults.noValue, numeric: NaN }), title: '' }}
          colorMode={panel.options.colorMode}
          graphMode={panel.options.graphMode}
          justifyMode={panel.options.justifyMode}
          textMode={panel.options.textMode}
        />
      );
    }
    case 'bargauge': {
      if (nothing) break;
      const values = getFieldDisplayValues({
        fieldConfig: panel.fieldConfig,
        reduceOptions: panel.options.reduceOptions,
        replaceVariables: (text: string) => text,
        theme,
        data: frames,
        timeZone: 'utc',
      });
      const max = Math.max(...values.map((value) => value.display.numeric));
      return values.map((value, i) => (
        <div key={i} style={{ height: height / values.length }}>
          <BarGauge
            theme={theme}
            width={width}
            height={Math.min(height / values.length - 6, 40)}
            value={value.display}
            field={{ ...value.field, max }}
            orientation={VizOrientation.Horizontal}
            displayMode={panel.options.displayMode}
          />
        </div>
      ));
    }
    case 'timeseries': {
      if (nothing) break;
      return (
        <TimeSeries
          frames={withGaps(frames)}
          timeRange={range}
          timeZone="utc"
          width={width}
          height={height}
          legend={panel.options.legend}
          options={panel.options}
          replaceVariables={(text: string) => text}
        />
      );
    }
    case 'state-timeline':
      if (nothing) break;
      return <Timeline frames={frames} width={width} height={height} range={range} />;
    case 'table': {
      if (nothing) break;
      const sort = panel.options.sortBy ?? [];
      return (
        <TableNG
          data={frames[0]!}
          width={width}
          height={height}
          cellHeight={panel.options.cellHeight}
          sortBy={sort}
          noHeader={false}
          timeRange={range as any}
          structureRev={1}
          getActions={() => []}
          fieldConfig={panel.fieldConfig}
        />
      );
    }
    default:
      throw new Error(`no drawing for ${panel.type}`);
  }
  return <div style={{ padding: 20, color: theme.colors.text.secondary }}>{panel.fieldConfig.defaults.noValue || 'no data'}</div>;
}

class Guard extends Component<{ name: string; children: ReactNode }, { error?: Error }> {
  override state: { error?: Error } = {};
  static getDerivedStateFromError(error: Error) {
    return { error };
  }
  override render() {
    if (!this.state.error) return this.props.children;
    return <div className="panel-failed">{`${this.props.name}: ${this.state.error.message}`}</div>;
  }
}

async function draw(picture: Picture): Promise<void> {
  const [from, to] = [dateTime(picture.from * 1000), dateTime(picture.to * 1000)];
  const range = { from, to, raw: { from, to } } as TimeRange;
  const head = 76;
  const boxes = await Promise.all(
    picture.panels.map(async ({ panel, results }) => {
      const { x, y, w, h } = panel.gridPos;
      const column = (WIDTH - GAP) / 24;
      const style = {
        position: 'absolute' as const,
        left: GAP + x * column,
        top: head + y * CELL,
        width: w * column - GAP,
        height: h * CELL - GAP,
      };
      if (panel.type === 'row') {
        return <div key={panel.id} style={{ ...style, fontSize: 16, fontWeight: 500, paddingTop: 6 }}>{panel.title}</div>;
      }
      let frames: DataFrame[] = [];
      let failure = '';
      try {
        frames = configured(panel, await transformed(panel, framesOf(panel, results)));
      } catch (error) {
        failure = `${panel.title}: ${(error as Error).message}`;
      }
      return (
        <div key={panel.id} style={style} data-panel={panel.id}>
          <PanelChrome title={panel.title} description={panel.description} width={style.width} height={style.height}>
            {(width, height) => (
              <div data-body style={{ width, height }}>
                <Guard name={panel.title}>
                  {failure ? <div className="panel-failed">{failure}</div> : <Body {...{ panel, frames, width, height, range }} />}
                </Guard>
              </div>
            )}
          </PanelChrome>
        </div>
      );
    }),
  );
  const height = head + Math.max(...picture.panels.map(({ panel }) => panel.gridPos.y + panel.gridPos.h)) * CELL;
  document.body.style.cssText = `margin:0;background:${theme.colors.background.canvas};color:${theme.colors.text.primary};font:14px Inter,Helvetica,Arial,sans-serif`;
  createRoot(document.getElementById('root')!).render(
    <ThemeContext.Provider value={theme}>
      <div style={{ position: 'relative', width: WIDTH, height }}>
        <div style={{ padding: '10px 12px', fontSize: 18 }}>{picture.title}</div>
        <div style={{ padding: '0 12px', display: 'flex', gap: 16 }}>
          {picture.variables.map(({ label, text }) => (
            <span key={label}>
              <span style={{ color: theme.colors.text.secondary }}>{label} </span>
              {text}
            </span>
          ))}
        </div>
        {boxes}
      </div>
      <style>{'* { box-sizing: border-box } .sr-only { display: none } button { font: inherit; color: inherit; background: none; border: 0; padding: 0 }'}</style>
      <PortalContainer />
    </ThemeContext.Provider>,
  );
}

(window as any).draw = draw;
