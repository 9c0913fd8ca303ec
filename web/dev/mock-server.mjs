// A stand-in for `kiseki server` for work on the page: speaks the part of docs/api/native.md that the page uses, with
// made-up runs, some of them live, and serves the built files. Holds everything in memory.
//
//   node dev/mock-server.mjs [--port 7510] [--root-path /prefix] [--static DIR] [--empty] [--signed-out] [--signup open]
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { extname, join, normalize } from 'node:path';
import { makeAccounts } from './mock-accounts.mjs';

const argument = (name, fallback) => {
  const at = process.argv.indexOf(`--${name}`);
  return at < 0 ? fallback : (process.argv[at + 1] ?? '');
};
const PORT = Number(argument('port', '7510'));
const ROOT = argument('root-path', '');
const EMPTY = process.argv.includes('--empty');
const STATIC = argument('static', new URL('../../src/kiseki/server/static/', import.meta.url).pathname);
const accounts = makeAccounts({
  url: `http://127.0.0.1:${PORT}${ROOT}`,
  signup: argument('signup', 'invite'),
  signedIn: !process.argv.includes('--signed-out'),
});
const MICRO = 1e6;
const now = () => Math.round(Date.now() * 1000);

// ---- data ----------------------------------------------------------------------------------------------------------
function hash(text) {
  let h = 2166136261;
  for (let i = 0; i < text.length; i++) h = Math.imul(h ^ text.charCodeAt(i), 16777619);
  return (h >>> 0) / 2 ** 32;
}
function noise(seed, i) {
  const v = Math.sin(seed * 9301.7 + i * 78.233) * 43758.5453;
  return v - Math.floor(v) - 0.5;
}
const ADJECTIVES = 'quiet amber brisk calm deep early faint gentle hollow ivory keen lucid mellow north plain'.split(
  ' ',
);
const NOUNS = 'river field stone harbor meadow signal lantern forest comet tide canyon breeze orchard'.split(' ');

const DIGITS = [
  'train/loss',
  'train/accuracy',
  'train/lr',
  'train/grad_norm',
  'val/loss',
  'val/accuracy',
  'epoch',
].concat(Array.from({ length: 10 }, (_, d) => `val/class_accuracy/${d}`));
const SYSTEM = [
  'cpu',
  'memory',
  'proc.cpu',
  'proc.memory',
  'disk.read',
  'disk.write',
  'network.sent',
  'gpu.0.utilization',
  'gpu.0.memory',
];
const projects = new Map();
let serial = 0;

function addRun(project, extra = {}) {
  const n = serial++;
  const id = Math.floor(hash(`id${n}`) * 36 ** 6)
    .toString(36)
    .padStart(8, 'r');
  const lr = [0.1, 0.03, 0.01, 0.003, 1e-4][n % 5];
  const created = now() - (extra.age ?? n * 5400 + 60) * MICRO;
  const name = `${ADJECTIVES[n % ADJECTIVES.length]}-${NOUNS[(n * 7) % NOUNS.length]}-${project.runs.size + 1}`;
  const state = extra.state ?? (n % 11 === 4 ? 'failed' : n % 13 === 6 ? 'killed' : 'finished');
  const length = extra.length ?? 400 + Math.floor(hash(id) * 1600);
  project.runs.set(id, {
    entity: 'ada',
    project: project.name,
    id,
    name,
    notes: '',
    tags: n % 4 === 0 ? ['baseline'] : n % 3 === 0 ? ['sweep-a', 'long'] : [],
    group: n % 2 ? 'augment' : '',
    job_type: 'train',
    user: 'ada',
    state,
    cause:
      state === 'failed' ? 'ValueError: shapes (64,10) and (12,) not aligned' : state === 'killed' ? 'SIGTERM' : '',
    exit_code: state === 'failed' ? 1 : state === 'finished' ? 0 : null,
    color: project.runs.size,
    attempt: 1,
    host: 'lab3',
    pid: 4711 + n,
    program: 'train.py',
    created_us: created,
    started_us: created,
    finished_us: state === 'running' ? null : created + length * 0.4 * MICRO,
    heartbeat_us: created,
    last_us: created + length * 0.4 * MICRO,
    runtime_us: length * 0.4 * MICRO,
    next_step: length,
    rows: length,
    config: {
      lr,
      batch_size: 32 << (n % 3),
      model: { depth: 2 + (n % 3), width: 64, layers: [64, 64, 32], activation: 'relu' },
      optimizer: { name: n % 2 ? 'adam' : 'sgd', betas: [0.9, 0.999], momentum: 0.9 },
      seed: n,
      dataset: 'digits',
      schedule: null,
      amp: false,
    },
    summary: {},
    _seed: hash(id) * 10,
    _step_s: 0.4,
  });
  return id;
}
function addProject(name, count, live, metrics = DIGITS) {
  const project = { name, runs: new Map(), metrics, console: new Map() };
  projects.set(name, project);
  for (let i = 0; i < count; i++) addRun(project);
  for (let i = 0; i < live; i++) addRun(project, { state: 'running', age: 120 - i * 5, length: 300 - i * 12 });
  return project;
}
if (!EMPTY) {
  addProject('digits', 6, 3);
  addProject('cifar-sweep', 1240, 0, DIGITS.slice(0, 7));
  addProject(
    'many-metrics',
    4,
    1,
    Array.from({ length: 3812 }, (_, i) => `layer${Math.floor(i / 12)}/${['weight', 'grad', 'act'][i % 3]}/p${i % 12}`),
  );
}

function value(run, metric, i) {
  const s = run._seed + hash(metric) * 5;
  const t = i / 300;
  if (metric === 'epoch') return Math.floor(i / 50);
  if (metric.startsWith('gpu') || metric.endsWith('cpu')) return 60 + 30 * Math.sin(s + t * 4) + 12 * noise(s, i);
  if (metric.includes('memory')) return 4e9 + 1e9 * Math.min(1, t) + 1e7 * noise(s, i);
  if (metric.startsWith('disk') || metric.startsWith('network')) return Math.max(0, 2e6 * noise(s, i) ** 2);
  if (metric === 'train/lr') return run.config.lr * (0.5 + 0.5 * Math.cos(Math.min(Math.PI, t)));
  if (metric.endsWith('loss')) {
    if (i === 137 && metric === 'train/loss') return 9.5;
    if (run.color % 4 === 2 && i >= 210 && i < 214) return NaN;
    return 2.3 * Math.exp(-t * (0.8 + 0.3 * Math.sin(s))) + 0.12 + 0.22 * noise(s, i) * Math.exp(-t / 3);
  }
  if (metric === 'train/grad_norm')
    return i === 180 && run.color % 3 === 1 ? Infinity : 4 * Math.exp(-t) + Math.abs(2 * noise(s, i));
  return 1 - 0.88 * Math.exp(-t * (0.9 + 0.2 * Math.sin(s))) + 0.05 * noise(s, i);
}
const points = (run, metric) => (metric.startsWith('val/') ? Math.floor(run.rows / 10) : run.rows);
const stepOf = (metric, i) => (metric.startsWith('val/') ? i * 10 : i);
const jsonNumber = (v) => (Number.isNaN(v) ? 'NaN' : v === Infinity ? 'Infinity' : v === -Infinity ? '-Infinity' : v);

function summary(project, run) {
  const out = { _step: run.rows - 1, _runtime: run.runtime_us / MICRO };
  for (const metric of project.metrics.slice(0, 40)) {
    const n = points(run, metric);
    if (n > 0) out[metric] = jsonNumber(value(run, metric, stepOf(metric, n - 1)));
  }
  return out;
}
function publicRun(project, run) {
  const { _seed, _step_s, ...rest } = run;
  return { ...rest, summary: summary(project, run) };
}

// ---- live ----------------------------------------------------------------------------------------------------------
const listeners = new Set();
setInterval(() => {
  for (const project of projects.values()) {
    const changes = {};
    for (const run of project.runs.values()) {
      if (run.state !== 'running') continue;
      run.rows += 2;
      run.next_step = run.rows;
      run.last_us = run.heartbeat_us = now();
      run.runtime_us = run.rows * run._step_s * MICRO;
      changes[run.id] = {
        next_step: run.rows,
        rows: run.rows,
        state: run.state,
        parts: ['history', 'system', 'console', 'summary'],
      };
    }
    const added = project.added ?? [];
    project.added = [];
    if (Object.keys(changes).length + added.length) announce(project, { runs: changes, added });
  }
}, 800).unref();
function announce(project, change) {
  for (const listener of listeners) {
    if (listener.project === `ada/${project.name}`) listener.send('change', change);
    else if (!listener.project) listener.send('change', { projects: [`ada/${project.name}`] });
  }
}

// ---- series --------------------------------------------------------------------------------------------------------
function bucketed(run, metric, body) {
  const n = points(run, metric);
  const xs = [],
    ys = [];
  for (let i = 0; i < n; i++) {
    const step = stepOf(metric, i);
    const x =
      body.x === '_runtime'
        ? step * run._step_s
        : body.x === '_timestamp'
          ? run.started_us / MICRO + step * run._step_s
          : body.x === '_step'
            ? step
            : value(run, body.x, step);
    if ((body.x_min !== null && x < body.x_min) || (body.x_max !== null && x > body.x_max)) continue;
    xs.push(x);
    ys.push(value(run, metric, step));
  }
  if (!xs.length) return null;
  const width = 2 ** Math.ceil(Math.log2(Math.max(xs.at(-1) - xs[0], 1e-9) / body.buckets));
  const groups = new Map();
  xs.forEach((x, i) => {
    const cell = Math.floor(x / width);
    if (!groups.has(cell)) groups.set(cell, []);
    groups.get(cell).push(i);
  });
  const cells = [...groups.values()];
  const exact = cells.every((cell) => cell.length === 1);
  const c = {
    x: [],
    first: [],
    count: [],
    min: [],
    max: [],
    last: [],
    mean: [],
    dx_min: [],
    dx_max: [],
    dx_last: [],
    nan: [],
    pinf: [],
    ninf: [],
  };
  for (const cell of cells) {
    const finite = cell.filter((i) => Number.isFinite(ys[i]));
    const x0 = xs[cell[0]];
    c.x.push(x0);
    c.first.push(ys[cell[0]]);
    c.count.push(cell.length);
    const low = finite.reduce((a, i) => (a < 0 || ys[i] < ys[a] ? i : a), -1);
    const high = finite.reduce((a, i) => (a < 0 || ys[i] > ys[a] ? i : a), -1);
    const end = finite.at(-1) ?? -1;
    for (const [name, i] of [
      ['min', low],
      ['max', high],
      ['last', end],
    ]) {
      c[name].push(i < 0 ? NaN : ys[i]);
      c[`dx_${name}`].push(i < 0 ? 0 : xs[i] - x0);
    }
    c.mean.push(finite.length ? finite.reduce((a, i) => a + ys[i], 0) / finite.length : NaN);
    c.nan.push(cell.filter((i) => Number.isNaN(ys[i])).length);
    c.pinf.push(cell.filter((i) => ys[i] === Infinity).length);
    c.ninf.push(cell.filter((i) => ys[i] === -Infinity).length);
  }
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  const totals = { nan: sum(c.nan), pinf: sum(c.pinf), ninf: sum(c.ninf) };
  const columns = { x: ['f8', c.x], first: ['f4', c.first] };
  if (!exact) {
    Object.assign(columns, {
      count: ['u4', c.count],
      min: ['f4', c.min],
      max: ['f4', c.max],
      last: ['f4', c.last],
      mean: ['f4', c.mean],
      dx_min: ['f4', c.dx_min],
      dx_max: ['f4', c.dx_max],
      dx_last: ['f4', c.dx_last],
    });
  }
  for (const name of ['nan', 'pinf', 'ninf']) if (totals[name]) columns[name] = ['u4', c[name]];
  return {
    head: { metric, run: run.id, n: cells.length, exact, total: xs.length, ...totals, level: 'points' },
    columns,
  };
}
const ARRAYS = { f4: Float32Array, f8: Float64Array, u4: Uint32Array };
function encodeSeries(project, body) {
  const parts = [];
  let offset = 0;
  const series = [];
  for (const metric of body.metrics) {
    for (const id of body.runs) {
      const run = project.runs.get(id);
      const one = run && bucketed(run, metric, body);
      if (!one) continue;
      const columns = {};
      for (const [name, [dtype, list]] of Object.entries(one.columns)) {
        const bytes = Buffer.from(ARRAYS[dtype].from(list).buffer);
        columns[name] = [dtype, offset, list.length];
        const padded = Buffer.alloc(Math.ceil(bytes.length / 8) * 8);
        bytes.copy(padded);
        parts.push(padded);
        offset += padded.length;
      }
      series.push({ ...one.head, columns });
    }
  }
  let header = Buffer.from(JSON.stringify({ x: body.x, series }));
  const pad = (8 - ((8 + header.length) % 8)) % 8;
  header = Buffer.concat([header, Buffer.alloc(pad, 32)]);
  const prefix = Buffer.alloc(8);
  prefix.write('KSR1');
  prefix.writeUInt32LE(header.length, 4);
  return Buffer.concat([prefix, header, ...parts]);
}

// ---- requests ------------------------------------------------------------------------------------------------------
class Problem extends Error {
  constructor(status, detail) {
    super(detail);
    this.status = status;
  }
}
const get = (run, path) => path.split('.').reduce((node, key) => node?.[key], run);
function key(run, name) {
  const short = name.replace(/^"|"$/g, '');
  if (short.startsWith('config.')) return get(run.config, short.slice(7)) ?? run.config[short.slice(7)];
  if (short.startsWith('summary.')) return run.summary[short.slice(8)];
  if (short in run) return run[short];
  if (`${short}_us` in run) return run[`${short}_us`];
  return get(run.config, short) ?? run.summary[short];
}
function matches(run, text) {
  return (text.match(/(?:"[^"]*"|\S)+/g) ?? []).every((term) => {
    const m = /^("[^"]+"|[\w./-]+?)(!:|>=|<=|:|>|<|=|~)(.*)$/.exec(term);
    if (!m) return `${run.name} ${run.id} ${run.tags} ${run.notes}`.includes(term);
    if (/[()]/.test(term)) throw new Problem(400, `unexpected '${term}' in the filter`);
    const found = key(run, m[1]);
    if (m[2] === ':') return Array.isArray(found) ? found.includes(m[3]) : String(found) === m[3];
    if (m[2] === '!:') return String(found) !== m[3];
    if (m[2] === '~') return String(found ?? '').includes(m[3]);
    const n = Number(found),
      v = Number(m[3]);
    return { '>': n > v, '>=': n >= v, '<': n < v, '<=': n <= v, '=': n === v }[m[2]];
  });
}
function listRuns(project, query) {
  let runs = [...project.runs.values()].map((run) => publicRun(project, run));
  const total = runs.length;
  if (query.get('filter')) runs = runs.filter((run) => matches(run, query.get('filter')));
  const keys = (query.get('sort') || '-created').split(',');
  runs.sort((a, b) => {
    for (const k of keys) {
      const down = k.startsWith('-');
      const [x, y] = [key(a, down ? k.slice(1) : k), key(b, down ? k.slice(1) : k)];
      const [mx, my] = [x === undefined || x === null || x === 'NaN', y === undefined || y === null || y === 'NaN'];
      if (mx !== my) return mx ? 1 : -1;
      if (x === y) continue;
      return (x < y ? -1 : 1) * (down ? -1 : 1);
    }
    return 0;
  });
  const offset = Number(query.get('offset') ?? 0),
    limit = Number(query.get('limit') ?? 200);
  return { total, matching: runs.length, runs: runs.slice(offset, offset + limit) };
}
const CONSOLE = [
  'loading digits … done',
  'epoch {e}: train loss {l}  accuracy {a}',
  '\u001b[32m✓\u001b[0m saved checkpoint \u001b[1mmodel-{e}.npz\u001b[0m',
  '\u001b[33mwarning\u001b[0m: learning rate below 1e-6',
  '\u001b[31mTraceback\u001b[0m (most recent call last):',
];
function consoleLines(run, query) {
  const total = run.rows * 5;
  const line = (i) => ({
    index: i,
    stream: i % 17 === 3 ? 'stderr' : 'stdout',
    number: i,
    time_us: run.started_us + i * 0.08 * MICRO,
    text: CONSOLE[i === 0 ? 0 : i % 23 === 0 ? 2 : i % 97 === 3 ? 3 : 1]
      .replace('{e}', String(i))
      .replaceAll('{e}', String(i))
      .replace('{l}', (2.3 * Math.exp(-i / 3000)).toFixed(4))
      .replace('{a}', (1 - Math.exp(-i / 2000)).toFixed(4)),
  });
  const limit = Number(query.get('limit') ?? 1000);
  const wanted = (l) =>
    (!query.get('stream') || l.stream === query.get('stream')) &&
    (!query.get('search') || l.text.toLowerCase().includes(query.get('search').toLowerCase()));
  const lines = [];
  if (query.get('tail')) {
    for (let i = total - 1; i >= 0 && lines.length < Number(query.get('tail')); i--)
      if (wanted(line(i))) lines.unshift(line(i));
  } else {
    for (let i = Number(query.get('after') ?? -1) + 1; i < total && lines.length < limit; i++)
      if (wanted(line(i))) lines.push(line(i));
  }
  return { total, lines };
}
function fields(project) {
  const seen = new Map();
  const walk = (prefix, node, run) => {
    for (const [k, v] of Object.entries(node)) {
      if (v && typeof v === 'object' && !Array.isArray(v)) walk(`${prefix}${k}.`, v, run);
      else
        seen.set(prefix + k, {
          path: prefix + k,
          kind:
            typeof v === 'number' ? 'number' : Array.isArray(v) ? 'list' : typeof v === 'boolean' ? 'bool' : 'string',
          runs: (seen.get(prefix + k)?.runs ?? 0) + 1,
        });
    }
  };
  for (const run of project.runs.values()) {
    walk('config.', run.config, run);
    walk('summary.', summary(project, run), run);
  }
  return { fields: [...seen.values()] };
}
function projectInfo(project) {
  const runs = [...project.runs.values()];
  return {
    entity: 'ada',
    project: project.name,
    runs: runs.length,
    running: runs.filter((r) => r.state === 'running').length,
    created_us: Math.min(...runs.map((r) => r.created_us)),
    last_us: Math.max(...runs.map((r) => r.last_us)),
  };
}
const MIME = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.svg': 'image/svg+xml',
};

async function handle(request, response) {
  const url = new URL(request.url, 'http://x');
  const path = url.pathname.startsWith(ROOT) ? url.pathname.slice(ROOT.length) : url.pathname;
  const chunks = [];
  for await (const chunk of request) chunks.push(chunk);
  const body = chunks.length && Buffer.concat(chunks).length ? JSON.parse(Buffer.concat(chunks).toString()) : null;
  const send = (payload) => {
    const text = JSON.stringify(payload);
    const etag = `"${createHash('sha1').update(text).digest('hex').slice(0, 16)}"`;
    if (request.headers['if-none-match'] === etag) return response.writeHead(304, { etag }).end();
    response.writeHead(200, { 'content-type': 'application/json', etag, 'cache-control': 'no-cache' }).end(text);
  };
  if (!path.startsWith('/api/') && !path.startsWith('/-/')) return page(path, response);
  const people = path.startsWith('/api/') ? accounts(request.method, path, url.searchParams, body) : undefined;
  if (people) return people.payload === null ? response.writeHead(204).end() : send(people.payload);
  if (path === '/api/v1/events') return events(url, request, response);
  if (path === '/api/v1/projects') return send({ projects: [...projects.values()].map(projectInfo) });
  const parts = path.split('/').slice(4).map(decodeURIComponent);
  const project = parts[0] === 'ada' ? projects.get(parts[1]) : undefined;
  if (!project) throw new Problem(404, `There is no project ${parts.slice(0, 2).join('/')}.`);
  if (parts.length === 2) return send(projectInfo(project));
  if (parts[2] === 'fields') return send(fields(project));
  if (parts[2] === 'metrics')
    return send({
      metrics: [...project.metrics.map((m) => ['history', m]), ...SYSTEM.map((m) => ['system', m])].map(
        ([space, m]) => ({
          path: m,
          label: m,
          space,
          kind: 'number',
          runs: project.runs.size,
          first_us: 0,
          hidden: false,
          step_metric: null,
          goal: m.endsWith('loss') ? 'minimize' : null,
        }),
      ),
    });
  if (parts[2] === 'series') {
    response.writeHead(200, { 'content-type': 'application/x-kiseki-series' });
    return response.end(encodeSeries(project, body));
  }
  if (parts[2] === 'runs' && parts.length === 3) return send(listRuns(project, url.searchParams));
  const run = project.runs.get(parts[3]);
  if (parts[2] !== 'runs' || !run) throw new Problem(404, `There is no run ${parts[3]} in ada/${project.name}.`);
  if (parts[4] === 'console') return send(consoleLines(run, url.searchParams));
  if (parts[4] === 'stop') {
    run.state = 'finished';
    run.cause = 'stopped from web';
    announce(project, {
      runs: { [run.id]: { next_step: run.rows, rows: run.rows, state: run.state, parts: ['state'] } },
      added: [],
    });
    return send({});
  }
  if (request.method === 'PATCH') Object.assign(run, body);
  if (request.method === 'DELETE') {
    project.runs.delete(run.id);
    return send({});
  }
  send({
    ...publicRun(project, run),
    environment: {
      command: 'python train.py --lr 0.1',
      python: '3.11.4',
      os: 'Linux 6.8 x86_64',
      host: 'lab3',
      cpu_count: 16,
      git: { remote: 'git@example.org:ada/digits.git', commit: '3f9a0c1d2b7e5f6a', dirty: true },
      gpus: [{ name: 'RTX 4090', memory: 25757220864 }],
    },
    packages: { numpy: '2.4.6', 'scikit-learn': '1.7.0', scipy: '1.16.0', msgspec: '0.19.0' },
    alerts:
      run.color % 4 === 2
        ? [
            {
              title: 'loss is NaN',
              text: 'train/loss was NaN for 4 steps',
              level: 'warn',
              time_us: run.created_us + 8e7,
              step: 210,
            },
          ]
        : [],
    notices:
      run.color % 3 === 0
        ? [{ code: 'rejected', text: "value of 'image' is not JSON", count: 3, time_us: run.created_us + 6e7 }]
        : [],
    logged: [
      ...project.metrics.map((path) => ({ path, space: 'history' })),
      ...SYSTEM.map((path) => ({ path, space: 'system' })),
    ],
    definitions: [],
    attempts: [{ attempt: 1, state: run.state, started_us: run.started_us, rows: run.rows, segment: 1 }],
    url: '',
  });
}
function page(path, response) {
  const file = normalize(join(STATIC, path));
  const found = file.startsWith(STATIC) && extname(file) && existsSync(file) ? file : join(STATIC, 'index.html');
  let text = readFileSync(found);
  if (found.endsWith('index.html')) text = text.toString().replace('<base href="/" />', `<base href="${ROOT}/" />`);
  response
    .writeHead(200, {
      'content-type': MIME[extname(found)] ?? 'application/octet-stream',
      'content-security-policy':
        "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'",
    })
    .end(text);
}
function events(url, request, response) {
  response.writeHead(200, { 'content-type': 'text/event-stream', 'cache-control': 'no-cache' });
  const listener = {
    project: url.searchParams.get('project'),
    send: (event, data) => response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`),
  };
  listener.send('hello', {});
  listeners.add(listener);
  request.on('close', () => listeners.delete(listener));
}
createServer((request, response) => {
  handle(request, response).catch((error) => {
    const status = error.status ?? 500;
    if (status === 500) console.error(error);
    if (!response.headersSent)
      response.writeHead(status, {
        'content-type': 'application/problem+json',
        'x-request-id': 'req-7f3a',
        ...error.headers,
      });
    response.end(JSON.stringify({ status, detail: error.message, code: error.code ?? '' }));
  });
}).listen(PORT, '127.0.0.1', () => console.log(`http://127.0.0.1:${PORT}${ROOT}/`));
process.on('SIGUSR2', () => {
  const project = projects.get('digits') ?? addProject('digits', 0, 0);
  project.added = [addRun(project, { state: 'running', age: 1, length: 4 })];
});
