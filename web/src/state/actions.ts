// Every action of the app under one id: its keys stand here, its name in strings-keys.ts, what it does is bound by the
// page that can do it. The palette offers what is bound at the moment; the list of keys tells all of it.
import { bindKeys, boundKeys, type Bindings } from './keys';

/** Where an action belongs, for the list of keys: on every page, in a project, in lists of runs, among panels, … */
export type Place = 'app' | 'project' | 'runs' | 'panels' | 'compare' | 'chart';

interface Rule {
  readonly place: Place;
  /** Names of keys as `keyName` gives them; the first one is shown. */
  readonly keys: readonly string[];
  /** It needs to know which run or panel is meant, or the palette has it as a page: it is not offered there. */
  readonly isLocal?: true;
}

export const ACTIONS = {
  palette: { place: 'app', keys: ['ctrl+k'], isLocal: true },
  field: { place: 'app', keys: ['/'] },
  keys: { place: 'app', keys: ['?', 'ctrl+/'] },
  theme: { place: 'app', keys: ['alt+m'] },
  themeSystem: { place: 'app', keys: [] },
  themeLight: { place: 'app', keys: [] },
  themeDark: { place: 'app', keys: [] },
  home: { place: 'app', keys: ['g h'], isLocal: true },
  signOut: { place: 'app', keys: [] },
  workspace: { place: 'project', keys: ['g w'], isLocal: true },
  table: { place: 'project', keys: ['g t'], isLocal: true },
  sweeps: { place: 'project', keys: ['g s'], isLocal: true },
  artifacts: { place: 'project', keys: ['g a'], isLocal: true },
  live: { place: 'project', keys: ['l'] },
  sidebar: { place: 'project', keys: ['ctrl+j'] },
  undo: { place: 'project', keys: ['ctrl+z'] },
  redo: { place: 'project', keys: ['ctrl+shift+z', 'ctrl+y'] },
  saveView: { place: 'project', keys: ['ctrl+s'] },
  nextRun: { place: 'runs', keys: ['j'], isLocal: true },
  previousRun: { place: 'runs', keys: ['k'], isLocal: true },
  select: { place: 'runs', keys: ['x'], isLocal: true },
  eye: { place: 'runs', keys: ['space'], isLocal: true },
  open: { place: 'runs', keys: ['enter', 'o'], isLocal: true },
  pin: { place: 'runs', keys: ['p'], isLocal: true },
  baseline: { place: 'runs', keys: ['b'], isLocal: true },
  compare: { place: 'runs', keys: ['c'] },
  hide: { place: 'runs', keys: ['h'], isLocal: true },
  only: { place: 'runs', keys: ['shift+h'], isLocal: true },
  tags: { place: 'runs', keys: ['t'], isLocal: true },
  notes: { place: 'runs', keys: ['n'], isLocal: true },
  rename: { place: 'runs', keys: ['f2'], isLocal: true },
  previousSection: { place: 'panels', keys: ['['] },
  nextSection: { place: 'panels', keys: [']'] },
  expand: { place: 'panels', keys: ['f'], isLocal: true },
  back: { place: 'panels', keys: ['escape'], isLocal: true },
  previousPanel: { place: 'panels', keys: ['arrowleft'], isLocal: true },
  nextPanel: { place: 'panels', keys: ['arrowright'], isLocal: true },
  panelMenu: { place: 'panels', keys: ['.'], isLocal: true },
  editPanel: { place: 'panels', keys: ['e'], isLocal: true },
  addPanel: { place: 'panels', keys: [] },
  previousStep: { place: 'panels', keys: ['ctrl+arrowleft'], isLocal: true },
  nextStep: { place: 'panels', keys: ['ctrl+arrowright'], isLocal: true },
  crosshair: { place: 'chart', keys: ['arrowleft', 'arrowright'], isLocal: true },
  crosshairFar: { place: 'chart', keys: ['shift+arrowleft', 'shift+arrowright'], isLocal: true },
  series: { place: 'chart', keys: ['arrowup', 'arrowdown'], isLocal: true },
  zoom: { place: 'chart', keys: ['+', '-'], isLocal: true },
  resetZoom: { place: 'chart', keys: ['0'], isLocal: true },
  nextDifference: { place: 'compare', keys: ['n'] },
  previousDifference: { place: 'compare', keys: ['p'] },
} as const satisfies Record<string, Rule>;

export type ActionId = keyof typeof ACTIONS;
/** Every key that does something. */
export type ActionKey = (typeof ACTIONS)[ActionId]['keys'][number];
export type Handlers = { [Id in ActionId]?: (event?: KeyboardEvent) => void };

const bound: Handlers[] = [];

export const ruleOf = (id: ActionId): Rule => ACTIONS[id];

/** Says what actions do on this page, by their keys and in the palette, until the returned function is called. */
export function bindActions(handlers: Handlers): () => void {
  bound.push(handlers);
  const keys: Bindings = {};
  for (const [id, run] of Object.entries(handlers)) {
    for (const key of ruleOf(id as ActionId).keys) keys[key as ActionKey] = run;
  }
  const unbind = bindKeys(keys);
  return () => {
    unbind();
    bound.splice(bound.indexOf(handlers), 1);
  };
}

/** The action that a key stands for, where it stands for one alone. */
function actionOf(key: ActionKey): ActionId | null {
  const ids = (Object.keys(ACTIONS) as ActionId[]).filter((id) => ruleOf(id).keys.includes(key));
  return ids.length === 1 ? (ids[0] as ActionId) : null;
}

/** What could be done at this moment, apart from what is local. */
export function offered(): { id: ActionId; run: () => void }[] {
  const found = new Map<ActionId, () => void>();
  for (const [key, run] of boundKeys()) {
    const id = actionOf(key);
    if (id !== null && !found.has(id)) found.set(id, run);
  }
  for (const handlers of bound) {
    for (const [id, run] of Object.entries(handlers)) found.set(id as ActionId, () => run());
  }
  return [...found].filter(([id]) => !ruleOf(id).isLocal).map(([id, run]) => ({ id, run }));
}
