// Made by scripts/types.mjs from /-/openapi.json; do not edit.

/** A value of a config or summary tree. NaN and the infinities travel as the strings "NaN", "Infinity", "-Infinity". */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };
export type JsonTree = { [key: string]: Json };

export interface Health {
  status: string;
}

export interface Version {
  version: string;
}

/** What the page needs before anybody signed in. `signup`: `closed`, `invite` or `open`. */
export interface SessionAnswer {
  signup: string;
  anonymous: boolean;
  signed_in: boolean;
}

/** Name and password, or the token of a sign-in link (works once), an API key with all scopes, or the token of an anonymous run's link. */
export interface SignIn {
  user?: string | null;
  password?: string | null;
  token?: string | null;
  key?: string | null;
  claim?: string | null;
}

/** Who asks. `entities` are those whose projects are listed, the default one first; `kind` is `person`, `service` or `anonymous`. */
export interface Viewer {
  user: string;
  entity: string;
  entities: string[];
  admin: boolean;
  server: ServerInfo;
  kind: string;
  display_name: string;
  email: string;
  has_password: boolean;
  settings: JsonTree;
  memberships: Membership[];
}

export interface ServerInfo {
  version: string;
  url: string;
}

/** An entity one belongs to. `kind`: `user` or `team`; `role`: `owner`, `admin`, `member`, `viewer`. */
export interface Membership {
  entity: string;
  kind: string;
  role: string;
}

/** What to change; absent fields stay. `entity` is where runs without one go (I-11). */
export interface ViewerEdit {
  display_name?: string | null;
  email?: string | null;
  entity?: string | null;
  settings?: JsonTree | null;
}

/** `old` is not needed where there was none, and within the hour after signing in by a link. */
export interface PasswordEdit {
  new: string;
  old?: string | null;
}

/** A new account; `invite` is the token of an invite's link. */
export interface SignUp {
  user: string;
  password: string;
  display_name?: string;
  email?: string;
  invite?: string | null;
}

export interface UsersAnswer {
  users: UserAnswer[];
}

/** A user as the server's admin sees it. */
export interface UserAnswer {
  user: string;
  kind: string;
  display_name: string;
  email: string;
  admin: boolean;
  disabled: boolean;
  has_password: boolean;
  created_us: number;
}

/** What to change; absent fields stay. */
export interface UserEdit {
  admin?: boolean | null;
  disabled?: boolean | null;
}

/** A link that signs somebody in once, within the hour. */
export interface LinkAnswer {
  url: string;
}

/** Entries, youngest first; `next` is `after` of the next page, null on the last one. */
export interface AuditPage {
  entries: AuditAnswer[];
  next: number | null;
}

export interface AuditAnswer {
  number: number;
  time_us: number;
  user: string;
  action: string;
  object: string;
  via: string;
}

export interface KeysAnswer {
  keys: KeyAnswer[];
}

/** A key without its secret. `project` null: all that its user may; `expires_us` null: never. */
export interface KeyAnswer {
  prefix: string;
  name: string;
  scopes: string[];
  project: string | null;
  user: string;
  created_us: number;
  expires_us: number | null;
  used_us: number | null;
}

/** `scopes`: some of `read`, `write`, `admin`; `days` null: without an end; `project`: `entity/project`, the only one it may touch; `service`: whose key, one's own if absent. */
export interface NewKey {
  name: string;
  scopes?: string[];
  days?: number | null;
  project?: string | null;
  service?: string | null;
}

/** A key in clear: the only time that it can be seen. */
export interface NewKeyAnswer {
  prefix: string;
  name: string;
  scopes: string[];
  project: string | null;
  user: string;
  created_us: number;
  expires_us: number | null;
  used_us: number | null;
  key: string;
}

export interface TeamsAnswer {
  teams: TeamAnswer[];
}

/** A team; `role` is one's own in it, "" for a server's admin who is no member. */
export interface TeamAnswer {
  team: string;
  role: string;
  members: number;
  projects: number;
  created_us: number;
}

export interface NewTeam {
  team: string;
}

/** A team with its members, those who joined first before the others. */
export interface FullTeamAnswer {
  team: string;
  role: string;
  created_us: number;
  members: MemberAnswer[];
}

/** `kind`: `person` or `service`; `role`: `admin`, `member` or `viewer`. */
export interface MemberAnswer {
  user: string;
  display_name: string;
  kind: string;
  role: string;
  joined_us: number;
}

export interface RoleEdit {
  role: string;
}

/** `service` is what stands behind `{team}-` in its name. */
export interface NewService {
  service: string;
}

export interface ServiceAnswer {
  user: string;
  kind: string;
  created_us: number;
}

/** `team` absent: onto the server, which its admins may. */
export interface NewInvite {
  team?: string | null;
  role?: string;
  days?: number;
}

/** An invite with its link, which is shown now only and works once. */
export interface NewInviteAnswer {
  number: number;
  team: string | null;
  role: string;
  by: string;
  created_us: number;
  expires_us: number;
  used_by: string | null;
  url: string;
}

export interface InvitesAnswer {
  invites: InviteAnswer[];
}

/** An invite; `team` null: onto the server; `used_by` null: not used yet. */
export interface InviteAnswer {
  number: number;
  team: string | null;
  role: string;
  by: string;
  created_us: number;
  expires_us: number;
  used_by: string | null;
}

/** What follows `#token=` in a link. */
export interface Token {
  token: string;
}

/** What an invite is to. */
export interface LookAnswer {
  team: string | null;
  role: string;
  by: string;
  expires_us: number;
}

/** A user that nobody is yet: its key to log with, and the link to look with and to claim it. */
export interface AnonymousAnswer {
  user: string;
  entity: string;
  key: string;
  url: string;
}

export interface ClaimAnswer {
  entity: string;
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

/** The run a stream belongs to. `resumed`: it goes on (resumed, rewound, joined). Rows go on at `next_step` and with `runtime_us`. `defaults`: the settings of the user (I-70). The fields from `config` on stand only where something was taken over, by a fork too. */
export interface OpenedRun {
  entity: string;
  project: string;
  id: string;
  name: string;
  url: string;
  project_url: string;
  resumed: boolean;
  next_step: number;
  runtime_us: number;
  attempt: number;
  defaults: JsonTree;
  config?: JsonTree;
  summary?: JsonTree;
  tags?: string[];
  notes?: string;
  group?: string;
  job_type?: string;
  started_us?: number;
  rows?: number;
  definitions?: JsonTree[];
  aggregates?: Record<string, JsonTree>;
}

export interface StreamAnswer {
  next: number;
}

export interface ProjectsAnswer {
  projects: ProjectAnswer[];
}

/** A project. `last_us`: when any of its runs logged something; `bytes`: about what it takes on disk. */
export interface ProjectAnswer {
  entity: string;
  project: string;
  runs: number;
  running: number;
  created_us: number;
  last_us: number | null;
  bytes: number;
}

/** A page of the runs: `matching` of `total` match the filter; where none does, `unknown` may say why. */
export interface RunsAnswer {
  total: number;
  matching: number;
  runs: RunAnswer[];
  unknown?: UnknownKeyAnswer[];
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
  values?: Record<string, boolean | number | string | null>;
}

/** A key of the filter that no run has, and the key that was meant, if one is near. */
export interface UnknownKeyAnswer {
  key: string;
  like: string;
}

/** A page of the `count` groups of the `matching` of all `total` runs. */
export interface GroupsAnswer {
  total: number;
  matching: number;
  count: number;
  groups: GroupAnswer[];
}

/** Runs with the same values; `members` are the ids of the first of them, `color` is the oldest one's. */
export interface GroupAnswer {
  values: (boolean | number | string | null)[];
  runs: number;
  states: Record<string, number>;
  color: number;
  members: string[];
  columns: Record<string, SpreadAnswer | null>;
}

/** Of `n` finite numbers; `std` is that of the sample, null for one number. */
export interface SpreadAnswer {
  n: number;
  mean: number;
  std: number | null;
  min: number;
  max: number;
}

/** The most frequent of `count` values. */
export interface ValuesAnswer {
  count: number;
  values: ValueAnswer[];
}

/** A value, and how many of the matching runs have it. */
export interface ValueAnswer {
  value: boolean | number | string;
  runs: number;
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

/** Of `runs` (ids, at most 10,000) or those that `filter` finds (at most 100,000); absent fields stay. */
export interface BulkEdit {
  runs?: string[] | null;
  filter?: string | null;
  tags_add?: string[];
  tags_remove?: string[];
  group?: string | null;
  job_type?: string | null;
  notes?: string | null;
  color?: number | null;
}

/** `changed` of `matching` runs are different now; `undo`: what takes it back, "" if nothing does. */
export interface BulkAnswer {
  matching: number;
  changed: number;
  undo: string;
}

/** Of either `runs` (ids) or those that `filter` finds. */
export interface BulkStop {
  runs?: string[] | null;
  filter?: string | null;
}

/** `expected`: how many runs match as far as the person knows; with more nothing is deleted. */
export interface BulkDelete {
  filter: string;
  expected?: number | null;
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
  values?: Record<string, boolean | number | string | null>;
  url: string;
  sweep_id: string;
  stopped_us: number | null;
  files: FileAnswer[];
  environment: JsonTree;
  packages: Record<string, string>;
  alerts: AlertAnswer[];
  notices: NoticeAnswer[];
  logged: LoggedAnswer[];
  definitions: DefinitionAnswer[];
  attempts: AttemptAnswer[];
  parent: ParentAnswer | null;
  lineage: PieceAnswer[];
  forks: ForkAnswer[];
  writers: WriterAnswer[];
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

/** One start of the run under its id. A rewind or fork begins with rows up to `parent_step`. */
export interface AttemptAnswer {
  attempt: number;
  kind: "again" | "fork" | "rewind" | "start";
  parent_step: number | null;
  state: string;
  started_us: number;
  rows: number;
  segment: number;
}

/** Where the latest attempt begins: the rows of `attempt` of `run`, up to and with `step`. */
export interface ParentAnswer {
  run: string;
  name: string;
  attempt: number;
  step: number;
}

/** A piece of the history, written by an attempt of a run; null = not bounded by another piece. */
export interface PieceAnswer {
  run: string;
  name: string;
  attempt: number;
  from_step: number | null;
  to_step: number | null;
}

/** A run that begins with rows of this one, up to and with `step`. */
export interface ForkAnswer {
  run: string;
  name: string;
  step: number;
}

/** A process that writes, or wrote, the latest attempt. */
export interface WriterAnswer {
  stream: string;
  label: string;
  host: string;
  pid: number;
  primary: boolean;
  state: string;
  opened_us: number;
}

/** What to change; absent fields stay. `tags` are all of them, `tags_add` and `tags_remove` some. */
export interface RunEdit {
  name?: string | null;
  notes?: string | null;
  tags?: string[] | null;
  tags_add?: string[];
  tags_remove?: string[];
  group?: string | null;
  job_type?: string | null;
  color?: number | null;
}

/** `complete` is false where more matches, or may match, than is told. */
export interface SearchAnswer {
  projects: ProjectAnswer[];
  runs: FoundRunAnswer[];
  complete: boolean;
}

/** A run as search shows it. */
export interface FoundRunAnswer {
  entity: string;
  project: string;
  id: string;
  name: string;
  state: string;
  user: string;
  color: number;
  tags: string[];
  created_us: number;
}

export interface OwnAlertsAnswer {
  alerts: OwnAlertAnswer[];
}

/** An alert of one of one's own runs. */
export interface OwnAlertAnswer {
  entity: string;
  project: string;
  run: string;
  name: string;
  title: string;
  text: string;
  level: string;
  time_us: number;
  step: number | null;
}

/** Ids of runs of the project, at most 1,000. */
export interface RunIds {
  runs: string[];
}

/** The runs that changed; the others were so already. */
export interface RunIdsAnswer {
  runs: string[];
}

/** A page of the trash, deleted last first. */
export interface TrashAnswer {
  total: number;
  runs: TrashedRunAnswer[];
}

/** A run in the trash. `until_us`: when it goes for good; `restorable`: by who asks. */
export interface TrashedRunAnswer {
  id: string;
  name: string;
  user: string;
  state: string;
  color: number;
  rows: number;
  created_us: number;
  deleted_us: number;
  deleted_by: string;
  until_us: number;
  restorable: boolean;
}

/** The shared views of a project, and one's own. */
export interface ViewsAnswer {
  views: ViewAnswer[];
}

/** A view. `default`: the project's if it is shared, else one's own; `owner`, `edited_by` name users. */
export interface ViewAnswer {
  slug: string;
  name: string;
  shared: boolean;
  default: boolean;
  owner: string;
  version: number;
  created_us: number;
  edited_us: number;
  edited_by: string;
}

/** `doc` is a JSON object of at most 1 MB; what it holds is for the web app to know. */
export interface NewView {
  name: string;
  doc: Json;
  shared?: boolean;
}

/** A view with its document, that of `version`; `latest` is the newest version. */
export interface OpenedViewAnswer {
  slug: string;
  name: string;
  shared: boolean;
  default: boolean;
  owner: string;
  version: number;
  latest: number;
  created_us: number;
  edited_us: number;
  edited_by: string;
  doc: JsonTree;
}

/** `base_version`: the version that was changed; 0 for a `mine` that is not there yet. */
export interface ViewSave {
  doc: Json;
  base_version: number;
  name?: string | null;
}

/** What to change; absent fields stay. */
export interface ViewEdit {
  name?: string | null;
  shared?: boolean | null;
  default?: boolean | null;
}

/** The versions that are kept, newest first. */
export interface VersionsAnswer {
  versions: VersionAnswer[];
}

/** `bytes`: how long the document is as JSON. */
export interface VersionAnswer {
  version: number;
  time_us: number;
  by: string;
  bytes: number;
}

export interface Draft {
  doc: Json;
}

export interface DraftIdAnswer {
  id: string;
}

export interface DraftAnswer {
  doc: JsonTree;
}

/** A page of a project's sweeps, the youngest first, and how many there are. */
export interface SweepsAnswer {
  total: number;
  sweeps: SweepAnswer[];
}

/** A sweep as lists show it. `runs` counts by state; `trials` were handed out; `expected` and `remaining` are null where nobody knows. */
export interface SweepAnswer {
  id: string;
  name: string;
  description: string;
  state: "CANCELED" | "FINISHED" | "PAUSED" | "RUNNING";
  method: "bayes" | "grid" | "random";
  metric: SweepMetricAnswer | null;
  user: string;
  created_us: number;
  updated_us: number;
  runs: Record<string, number>;
  best: BestRunAnswer | null;
  trials: number;
  expected: number | null;
  remaining: number | null;
  early_stops: number;
}

/** What a sweep is for; `target`: once a run reaches it, no other is begun. */
export interface SweepMetricAnswer {
  name: string;
  goal: "maximize" | "minimize";
  target: number | null;
}

/** The best run and its value of the metric. */
export interface BestRunAnswer {
  run: string;
  name: string;
  value: number;
}

/** `config`: YAML text, or the same as JSON. */
export interface NewSweep {
  config: string | JsonTree;
  name?: string | null;
  description?: string | null;
}

/** A sweep with its config, YAML as it came, and its youngest agents. `editable`: the config still is. */
export interface OpenedSweepAnswer {
  id: string;
  name: string;
  description: string;
  state: "CANCELED" | "FINISHED" | "PAUSED" | "RUNNING";
  method: "bayes" | "grid" | "random";
  metric: SweepMetricAnswer | null;
  user: string;
  created_us: number;
  updated_us: number;
  runs: Record<string, number>;
  best: BestRunAnswer | null;
  trials: number;
  expected: number | null;
  remaining: number | null;
  early_stops: number;
  config: string;
  editable: boolean;
  warnings: string[];
  parameters: SweepParameterAnswer[];
  early_terminate: HyperbandAnswer | null;
  run_cap: number | null;
  program: string;
  command: string[];
  agents: SweepAgentAnswer[];
}

/** What values a parameter may have; nested ones have dots in their names. `count`: null, any number. */
export interface SweepParameterAnswer {
  name: string;
  distribution: string;
  count: number | null;
  values?: Json[];
  probabilities?: number[];
  min?: number;
  max?: number;
  mu?: number;
  sigma?: number;
  a?: number;
  b?: number;
  q?: number;
}

/** After how many values of the metric runs are compared (the first brackets); 1 of `eta` goes on. */
export interface HyperbandAnswer {
  brackets: number[];
  eta: number;
  strict: boolean;
}

/** An agent. `gone`: not heard of for 30 s; `finished`: it was told to exit. */
export interface SweepAgentAnswer {
  id: string;
  host: string;
  user: string;
  state: "finished" | "gone" | "idle" | "running";
  created_us: number;
  heartbeat_us: number;
  trials: number;
  runs: AgentTrialAnswer[];
}

/** What an agent runs now; `state` is empty before the run begins. */
export interface AgentTrialAnswer {
  run: string;
  trial: number;
  state: string;
  offered_us: number;
}

/** What to change; absent fields stay. `config` only while no trial was handed out. */
export interface SweepEdit {
  state?: "CANCELED" | "FINISHED" | "PAUSED" | "RUNNING" | null;
  name?: string | null;
  description?: string | null;
  config?: string | JsonTree | null;
}

export interface NewAgent {
  host?: string;
}

export interface AgentIdAnswer {
  id: string;
}

/** `running`: ids of the runs that go on at the agent. */
export interface Beat {
  running?: string[];
}

/** None: ask again in some seconds. */
export interface CommandsAnswer {
  commands: CommandAnswer[];
}

/** What an agent is to do: begin the run of this id with these parameters, stop one, or exit. */
export interface CommandAnswer {
  type: "exit" | "run" | "stop";
  run: string;
  params: JsonTree;
}

/** Which series to draw. `x` is `_step`, `_runtime` (s), `_elapsed` (s), `_timestamp` (Unix s) or a metric's path. `attempt`: an earlier attempt of each run instead of the latest. `smoothing` is that of groups. */
export interface SeriesQuestion {
  metrics: string[];
  runs?: string[];
  groups?: GroupsQuestion | null;
  smoothing?: SmoothingQuestion | null;
  space?: "history" | "system";
  x?: string;
  x_min?: number | null;
  x_max?: number | null;
  buckets?: number;
  log_x?: boolean;
  attempt?: number | null;
}

/** Which runs are drawn as one line each: those with equal values under the keys `by`. `values` names the groups, null: the first `limit` of them; `exclude` are ids of runs that are left out. */
export interface GroupsQuestion {
  by: string[];
  filter?: string;
  sort?: string;
  values?: ((boolean | number | string | null)[])[] | null;
  exclude?: string[];
  line?: "last" | "max" | "mean" | "median" | "min" | "sum";
  band?: "ci95" | "min-max" | "none" | "quartiles" | "standard-error" | "std";
  stop_at_shortest?: boolean;
  limit?: number;
}

/** How the runs of groups are smoothed; `span` is the width of the visible x range. */
export interface SmoothingQuestion {
  kind?: "ema" | "ema-time" | "gaussian" | "mean" | "median" | "none";
  weight?: number;
  sigma?: number;
  percent?: boolean;
  points?: number;
  span?: number | null;
  log?: boolean;
}

/** `total` lines match `stream`, `label` and `search`. */
export interface ConsoleAnswer {
  total: number;
  lines: LineAnswer[];
}

/** A console line. A later text of the line (a progress bar) takes its place: the index stays. `number` counts the lines of one session of a writer; `label` names it among those of a shared run; `updates`: how many texts this one replaced. */
export interface LineAnswer {
  index: number;
  stream: string;
  number: number;
  time_us: number;
  text: string;
  label: string;
  updates: number;
}

export interface UpdatesAnswer {
  updates: UpdateAnswer[];
}

export interface UpdateAnswer {
  time_us: number;
  text: string;
}

export interface Digests {
  sha256: string[];
}

/** Those of the contents that the project does not hold. */
export interface MissingAnswer {
  missing: string[];
}

/** The SHA-256 of each content, in their order; the project holds them now. */
export interface PackAnswer {
  sha256: string[];
}

/** Content that the project holds now. */
export interface BlobAnswer {
  sha256: string;
  size: number;
}

export interface FilesAnswer {
  files: RunFileAnswer[];
}

/** A file of a run. `stored` false: it is named, and its content not (yet) there. `policy` says when it is uploaded: `live` (whenever it changes), `now` or `end`. */
export interface RunFileAnswer {
  path: string;
  policy: string;
  size: number;
  sha256: string;
  type: string;
  time_us: number;
  stored: boolean;
}

/** All types, and a page of the collections asked for, changed last first. */
export interface ArtifactsAnswer {
  types: TypeAnswer[];
  total: number;
  collections: CollectionAnswer[];
}

export interface TypeAnswer {
  type: string;
  collections: number;
  versions: number;
}

/** `kind`: `sequence`, or `portfolio`, which versions of others are linked into. */
export interface CollectionAnswer {
  name: string;
  kind: string;
  type: string;
  description: string;
  tags: string[];
  versions: number;
  size: number;
  latest: ArtifactAnswer | null;
  created_us: number;
  updated_us: number;
}

/** A version at its place in a collection. `number` names it on the server; `metadata` is what was logged, null for none; `expires_us`: when its time to live passes, null for never; `ttl_s` null: none was chosen, 0: for ever. */
export interface ArtifactAnswer {
  number: number;
  entity: string;
  project: string;
  collection: string;
  type: string;
  version: number;
  aliases: string[];
  tags: string[];
  digest: string;
  size: number;
  files: number;
  description: string;
  metadata: Json;
  ttl_s: number | null;
  expires_us: number | null;
  user: string;
  made_by: RunOfArtifact | null;
  created_us: number;
  updated_us: number;
}

/** A run that made or used a version; maybe another project's. */
export interface RunOfArtifact {
  entity: string;
  project: string;
  id: string;
  name: string;
  state: string;
}

/** A collection and a page of its versions, the newest first. */
export interface ArtifactVersionsAnswer {
  collection: CollectionAnswer;
  total: number;
  versions: ArtifactAnswer[];
}

/** `used_by`: runs that used it; `deletable`, `editable`: by who asks. */
export interface ArtifactDetailAnswer {
  number: number;
  entity: string;
  project: string;
  collection: string;
  type: string;
  version: number;
  aliases: string[];
  tags: string[];
  digest: string;
  size: number;
  files: number;
  description: string;
  metadata: Json;
  ttl_s: number | null;
  expires_us: number | null;
  user: string;
  made_by: RunOfArtifact | null;
  created_us: number;
  updated_us: number;
  places: PlaceOfArtifact[];
  used_by: RunOfArtifact[];
  deletable: boolean;
  editable: boolean;
}

/** A collection that a version is in; its own sequence is the first one. */
export interface PlaceOfArtifact {
  entity: string;
  project: string;
  collection: string;
  kind: string;
  version: number;
  aliases: string[];
}

/** What is absent stays. `aliases`: these and no others; `ttl_s`: seconds from its making, 0: for ever. */
export interface ArtifactEdit {
  description?: string;
  aliases?: string[];
  tags?: string[];
  ttl_s?: number | null;
}

/** What lies in a folder: all its folders, and a page of its `total` files. */
export interface ArtifactFolderAnswer {
  folders: FolderOfArtifact[];
  total: number;
  files: FileOfArtifact[];
}

/** `files`, `size`: of all that is below it. */
export interface FolderOfArtifact {
  name: string;
  files: number;
  size: number;
}

/** `ref`: where it is, if it is not kept here. */
export interface FileOfArtifact {
  name: string;
  size: number;
  digest: string;
  type: string;
  ref: string | null;
}

/** How a version differs from another one: counts of files, bytes more or less, a page of the files. */
export interface ArtifactChangesAnswer {
  added: number;
  removed: number;
  changed: number;
  same: number;
  bytes: number;
  changes: ChangeOfArtifact[];
}

/** A file that two versions do not have alike; null where it is not there. */
export interface ChangeOfArtifact {
  path: string;
  before: number | null;
  after: number | null;
}

export interface ClientArtifactAnswer {
  entity: string;
  project: string;
  collection: string;
  version: number;
}

/** What a run made and used, in the order in which it did; at most 1,000 of each. */
export interface RunArtifactsAnswer {
  made: ArtifactAnswer[];
  used: ArtifactAnswer[];
}

export interface Problem {
  type: string;
  title: string;
  status: number;
  detail: string;
  code: string;
}
