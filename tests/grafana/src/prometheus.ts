// A Prometheus, asked over HTTP.

export type Labels = Record<string, string>;

export interface Series {
  labels: Labels;
  /** Unix time in seconds, of each value. */
  times: number[];
  values: number[];
}

interface Answer<T> {
  status: string;
  error?: string;
  data: T;
}

type Vector = { metric: Labels; value: [number, string] }[];
type Matrix = { metric: Labels; values: [number, string][] }[];

function series(labels: Labels, points: [number, string][]): Series {
  return {
    labels,
    times: points.map(([time]) => time),
    values: points.map(([, value]) => Number(value)),
  };
}

export class Prometheus {
  constructor(readonly url: string) {}

  private async ask<T>(path: string, parameters: Record<string, string>): Promise<T> {
    const reply = await fetch(`${this.url}/api/v1/${path}`, {
      method: path.startsWith('label') ? 'GET' : 'POST',
      ...(path.startsWith('label') ? {} : { body: new URLSearchParams(parameters) }),
    });
    const answer = (await reply.json()) as Answer<T>;
    if (answer.status !== 'success') throw new Error(answer.error ?? `status ${reply.status}`);
    return answer.data;
  }

  async instant(query: string, time: number): Promise<Series[]> {
    const { result } = await this.ask<{ result: Vector }>('query', { query, time: String(time) });
    return result.map(({ metric, value }) => series(metric, [value]));
  }

  /** From `seconds` before `time` on. */
  async range(query: string, time: number, seconds: number, step = 1): Promise<Series[]> {
    const { result } = await this.ask<{ result: Matrix }>('query_range', {
      query,
      start: String(time - seconds),
      end: String(time),
      step: String(step),
    });
    return result.map(({ metric, values }) => series(metric, values));
  }

  async labelValues(selector: string, label: string): Promise<string[]> {
    const match = new URLSearchParams({ 'match[]': selector });
    return this.ask<string[]>(`label/${label}/values?${match.toString()}`, {});
  }
}
