// Made by scripts/types.mjs from /-/openapi.json; do not edit.

/** A value of a config or summary tree. NaN and the infinities travel as the strings "NaN", "Infinity", "-Infinity". */
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonTree = { [key: string]: Json };

export interface Health {
  status: string;
}

export interface Version {
  version: string;
}

/** Who asks. `entities` are those whose projects are listed, the default one first. */
export interface Viewer {
  user: string;
  entity: string;
  entities: string[];
  admin: boolean;
  server: ServerInfo;
}

export interface ServerInfo {
  version: string;
  url: string;
}

/** One of both: the token of a sign-in link, which works once, or an API key. */
export interface SignIn {
  token?: string | null;
  key?: string | null;
}

/** Everything before `next` is committed. `stop`: somebody asked the run to stop. */
export interface RecordsAnswer {
  receipt: "kiseki";
  next: number;
  stop: boolean;
  rejected: RejectedRecord[];
  run?: OpenedRun;
}

/** A record that was set aside, and why. */
export interface RejectedRecord {
  seq: number;
  reason: string;
}

/** The run a stream belongs to. The fields from `config` on stand only where a run is resumed. */
export interface OpenedRun {
  entity: string;
  project: string;
  id: string;
  name: string;
  url: string;
  project_url: string;
  resumed: boolean;
  next_step: number;
  attempt: number;
  config?: JsonTree;
  summary?: JsonTree;
  tags?: string[];
  notes?: string;
  group?: string;
  job_type?: string;
  started_us?: number;
}

export interface StreamAnswer {
  next: number;
}

export interface ProjectsAnswer {
  projects: ProjectAnswer[];
}

/** A project. `last_us` is the latest time that any of its runs logged something. */
export interface ProjectAnswer {
  entity: string;
  project: string;
  runs: number;
  running: number;
  created_us: number;
  last_us: number | null;
}

/** A page of the runs: `matching` of `total` match the filter. */
export interface RunsAnswer {
  total: number;
  matching: number;
  runs: RunAnswer[];
}

/** A run as lists show it. Times are Unix microseconds, null when unknown. */
export interface RunAnswer {
  entity: string;
  project: string;
  id: string;
  name: string;
  notes: string;
  tags: string[];
  group: string;
  job_type: string;
  user: string;
  state: string;
  cause: string;
  exit_code: number | null;
  color: number;
  attempt: number;
  host: string;
  pid: number;
  program: string;
  created_us: number;
  started_us: number;
  finished_us: number | null;
  heartbeat_us: number | null;
  last_us: number | null;
  runtime_us: number;
  next_step: number;
  rows: number;
  config: JsonTree;
  summary: JsonTree;
}

export interface FieldsAnswer {
  fields: FieldAnswer[];
}

/** A config or summary key that runs can be filtered, sorted and shown by. */
export interface FieldAnswer {
  path: string;
  kind: string;
  runs: number;
}

export interface MetricsAnswer {
  metrics: MetricAnswer[];
}

/** Something logged over time. `path` is what series are asked by, `label` what people read. */
export interface MetricAnswer {
  path: string;
  label: string;
  space: string;
  kind: string;
  runs: number;
  first_us: number;
  hidden: boolean;
  step_metric: string | null;
  goal: string | null;
}

/** A run with everything known about it. */
export interface FullRunAnswer {
  entity: string;
  project: string;
  id: string;
  name: string;
  notes: string;
  tags: string[];
  group: string;
  job_type: string;
  user: string;
  state: string;
  cause: string;
  exit_code: number | null;
  color: number;
  attempt: number;
  host: string;
  pid: number;
  program: string;
  created_us: number;
  started_us: number;
  finished_us: number | null;
  heartbeat_us: number | null;
  last_us: number | null;
  runtime_us: number;
  next_step: number;
  rows: number;
  config: JsonTree;
  summary: JsonTree;
  url: string;
  sweep_id: string;
  files: FileAnswer[];
  environment: JsonTree;
  packages: Record<string, string>;
  alerts: AlertAnswer[];
  notices: NoticeAnswer[];
  logged: LoggedAnswer[];
  definitions: DefinitionAnswer[];
  attempts: AttemptAnswer[];
}

/** A file of the run, and when it is uploaded: `live`, `now` or `end`. */
export interface FileAnswer {
  path: string;
  policy: string;
}

export interface AlertAnswer {
  title: string;
  text: string;
  level: string;
  time_us: number;
  step: number;
}

/** Something to know about the run's data: rows dropped, records refused, damage. */
export interface NoticeAnswer {
  code: string;
  text: string;
  count: number;
  time_us: number;
}

/** A metric of the run; `space` is `history` or `system`. */
export interface LoggedAnswer {
  path: string;
  space: string;
}

/** What `define_metric` said about one name (or prefix ending in `*`). */
export interface DefinitionAnswer {
  name: string;
  step_metric: string | null;
  step_sync: boolean | null;
  hidden: boolean;
  summary: string[] | null;
  goal: string | null;
}

/** One start of the run under its id. */
export interface AttemptAnswer {
  attempt: number;
  state: string;
  started_us: number;
  rows: number;
  segment: number;
}

/** What to change; absent fields stay. */
export interface RunEdit {
  name?: string | null;
  notes?: string | null;
  tags?: string[] | null;
  color?: number | null;
}

/** Which series to draw. `x` is `_step`, `_runtime` (s), `_timestamp` (Unix s) or a metric's path. */
export interface SeriesQuestion {
  metrics: string[];
  runs: string[];
  space?: "history" | "system";
  x?: string;
  x_min?: number | null;
  x_max?: number | null;
  buckets?: number;
  log_x?: boolean;
}

/** `total` lines match `stream` and `search`. */
export interface ConsoleAnswer {
  total: number;
  lines: LineAnswer[];
}

/** A console line; the same (stream, number) later replaces the text, its index stays. */
export interface LineAnswer {
  index: number;
  stream: string;
  number: number;
  time_us: number;
  text: string;
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
}
