// The API's types under the names the page uses. The shapes are generated (schema.ts); here stand only what the server's
// description leaves open: events and what requests hold.
import type {
  AlertAnswer,
  ArtifactAnswer,
  ArtifactChangesAnswer,
  ArtifactDetailAnswer,
  ArtifactFolderAnswer,
  ArtifactsAnswer,
  ArtifactVersionsAnswer,
  AttemptAnswer,
  ClientArtifactAnswer,
  CollectionAnswer,
  ConsoleAnswer,
  FieldAnswer,
  FullRunAnswer,
  GroupsQuestion,
  Json,
  LineAnswer,
  MetricAnswer,
  NoticeAnswer,
  OwnAlertAnswer,
  ProjectAnswer,
  RunAnswer,
  RunArtifactsAnswer,
  RunFileAnswer,
  RunsAnswer,
  SearchAnswer,
  SmoothingQuestion,
} from './schema';

export type { Json, JsonTree } from './schema';

/** `running`, `finished`, `failed`, `crashed`, `killed`; another word is shown as it is. */
export type RunState = string;
export type Project = ProjectAnswer;
export type Artifact = ArtifactAnswer;
export type ArtifactChanges = ArtifactChangesAnswer;
export type ArtifactDetail = ArtifactDetailAnswer;
export type ArtifactCollection = CollectionAnswer;
export type ArtifactList = ArtifactsAnswer;
export type ArtifactVersions = ArtifactVersionsAnswer;
export type ArtifactFolder = ArtifactFolderAnswer;
export type RunArtifacts = RunArtifactsAnswer;
export type ClientArtifact = ClientArtifactAnswer;
export interface ArtifactEdit {
  description?: string;
  aliases?: string[];
  tags?: string[];
  ttl_s?: number | null;
}
/** What a search across projects found. */
export type Found = SearchAnswer;
export type OwnAlert = OwnAlertAnswer;
export type Run = RunAnswer;
export type RunDetail = FullRunAnswer;
export type RunPage = RunsAnswer;
export type Field = FieldAnswer;
export type Metric = Omit<MetricAnswer, 'space'> & { space: Space };
export type ConsoleLine = LineAnswer;
export type ConsolePage = ConsoleAnswer;
export type Alert = AlertAnswer;
export type Notice = NoticeAnswer;
export type Attempt = AttemptAnswer;

/** What was logged, and what was sampled of the machine. */
export type Space = 'history' | 'system';

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
  groups?: GroupsQuestion | null;
  /** Of groups only. */
  smoothing?: SmoothingQuestion | null;
  /** An earlier attempt of the run; the latest when absent. */
  attempt?: number;
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
  removed: string[];
  /** These parts of more runs than can be named changed. */
  every?: string[];
  /** Slugs of views that were saved, changed or deleted. */
  views?: string[];
  /** Ids of sweeps that changed: themselves, their agents, or what was handed out. */
  sweeps?: string[];
}

/** What to change of a run; absent fields stay. */
export interface RunPatch {
  name?: string;
  notes?: string;
  tags?: string[];
  color?: number;
  group?: string;
  job_type?: string;
}

/** A row of the history; values are as they were logged. */
export type HistoryRow = { _step: number; _timestamp: number; _runtime: number } & { [key: string]: Json };

export interface HistoryPage {
  rows: HistoryRow[];
  next: string | null;
}

export type RunFile = RunFileAnswer;
