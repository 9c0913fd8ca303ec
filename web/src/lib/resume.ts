/** Lines that go on with a run, or from one of its steps, to be pasted into a shell or a script. Pure. */

export interface RunAddress {
  readonly entity: string;
  readonly project: string;
  readonly id: string;
}

export interface Command {
  readonly program: string;
  readonly args: readonly string[];
  readonly cwd: string;
  /** Path of the Python that ran it. */
  readonly executable: string;
}

/** The command as the environment of a run holds it; null where it was not captured. */
export function commandOf(environment: { readonly [key: string]: unknown }): Command | null {
  const text = (name: string): string => (typeof environment[name] === 'string' ? (environment[name] as string) : '');
  const { args } = environment;
  if (text('program') === '') return null;
  return {
    program: text('program'),
    args: Array.isArray(args) ? args.map(String) : [],
    cwd: text('cwd'),
    executable: text('executable'),
  };
}

/** A word that a POSIX shell gives on unchanged. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}

export function shellCommand(command: Command): string {
  const python = command.executable.slice(command.executable.lastIndexOf('/') + 1) || 'python';
  return [python, command.program, ...command.args].map(shellWord).join(' ');
}

/** Variables that make the same script go on with the run, then the script. */
export function resumeShell(run: RunAddress, command: Command | null, server: string): string {
  const variables = {
    KISEKI_BASE_URL: server,
    KISEKI_ENTITY: run.entity,
    KISEKI_PROJECT: run.project,
    KISEKI_RUN_ID: run.id,
    KISEKI_RESUME: 'must',
  };
  const set = Object.entries(variables).map(([name, value]) => `${name}=${shellWord(value)}`);
  const lines = [...set, command ? shellCommand(command) : 'python train.py'].join(' \\\n  ');
  return command?.cwd ? `cd ${shellWord(command.cwd)}\n${lines}` : lines;
}

/** A text in Python's quotes. */
export function pythonText(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, (character) =>
    /[\p{L}\p{N}]/u.test(character) ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}

const call = (run: RunAddress, rest: string): string =>
  `run = kiseki.init(entity=${pythonText(run.entity)}, project=${pythonText(run.project)}, ${rest})`;

export const resumePython = (run: RunAddress): string => call(run, `id=${pythonText(run.id)}, resume="must"`);

export const forkPython = (run: RunAddress, step: number): string =>
  call(run, `fork_from=${pythonText(`${run.id}?_step=${step}`)}`);

export const rewindPython = (run: RunAddress, step: number): string =>
  call(run, `resume_from=${pythonText(`${run.id}?_step=${step}`)}`);
