// The shapes of docs/api/native.md that the page uses. Times end in _us: microseconds since the Unix epoch, null when unknown.

/** A value of a config or summary tree. NaN and the infinities travel as the strings "NaN", "Infinity", "-Infinity". */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonTree = { [key: string]: Json };

export type RunState = "running" | "finished" | "failed" | "crashed" | "killed" | (string & {});

export interface Viewer {
  user: string;
  entity: string;
  entities: string[];
  admin: boolean;
  server: { version: string; url: string };
}

export interface Project {
  entity: string;
  project: string;
  runs: number;
  running: number;
  created_us: number | null;
  last_us: number | null;
}

export interface Run {
  entity: string;
  project: string;
  id: string;
  name: string;
  notes: string;
  tags: string[];
  group: string;
  job_type: string;
  user: string;
  state: RunState;
  cause: string;
  exit_code: number | null;
  /** Index of the run's colour; kept for life. */
  color: number;
  attempt: number;
  host: string;
  pid: number | null;
  program: string;
  created_us: number | null;
  started_us: number | null;
  finished_us: number | null;
  heartbeat_us: number | null;
  last_us: number | null;
  runtime_us: number | null;
  next_step: number;
  rows: number;
  config: JsonTree;
  summary: JsonTree;
}

export interface Alert {
  title: string;
  text: string;
  level: string;
  time_us: number | null;
  step: number | null;
}

export interface Notice {
  code: string;
  text: string;
  count: number;
  time_us: number | null;
}

export interface Attempt {
  attempt: number;
  state: RunState;
  started_us: number | null;
  rows: number;
  segment: string | number;
}

export interface MetricDefinition {
  name: string;
  step_metric: string | null;
  step_sync: boolean | null;
  hidden: boolean;
  summary: string | string[] | null;
  goal: string | null;
}

export interface RunDetail extends Run {
  environment: JsonTree;
  packages: Record<string, string>;
  alerts: Alert[];
  notices: Notice[];
  definitions: MetricDefinition[];
  attempts: Attempt[];
  url: string;
}

export interface RunPage {
  total: number;
  matching: number;
  runs: Run[];
}

export interface Field {
  path: string;
  kind: string;
  runs: number;
}

export type Space = "history" | "system";

export interface Metric {
  path: string;
  label: string;
  space: Space;
  kind: string;
  runs: number;
  first_us: number | null;
  hidden: boolean;
  step_metric: string | null;
  goal: string | null;
}

export interface SeriesRequest {
  space: Space;
  metrics: string[];
  runs: string[];
  /** `_step`, `_runtime` (s), `_timestamp` (Unix s) or a metric. */
  x: string;
  x_min: number | null;
  x_max: number | null;
  buckets: number;
  log_x: boolean;
}

export interface ConsoleLine {
  index: number;
  stream: string;
  number: number;
  time_us: number | null;
  text: string;
}

export interface ConsolePage {
  total: number;
  lines: ConsoleLine[];
}

export interface RunChange {
  next_step: number;
  rows: number;
  state: RunState;
  parts: string[];
}

export interface ProjectChange {
  runs: Record<string, RunChange>;
  added: string[];
}

export interface RunPatch {
  name?: string;
  notes?: string;
  tags?: string[];
  color?: number;
}
