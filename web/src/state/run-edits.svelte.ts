// Edits of runs: seen at once, sent one after the other for each run, taken back with a sentence where the server refuses.
// Waiting for a server that is away is the work of `api/edits`.
import { patchRun } from '../api/endpoints';
import type { Run, RunPatch } from '../api/types';
import type { ProjectSession } from './project.svelte';
import { toasts } from './toasts.svelte';

interface Edit {
  run: Run;
  patch: RunPatch;
}

type Send = typeof patchRun;

export class RunEdits {
  /** Not yet taken by the server, in order. */
  private pending: readonly Edit[] = [];
  private readonly last = new Map<string, Promise<unknown>>();

  constructor(
    private readonly session: ProjectSession,
    private readonly send: Send = patchRun,
  ) {}

  /** Changes a run; whether the server took it. */
  edit(run: Run, patch: RunPatch): Promise<boolean> {
    const edit = { run, patch };
    this.pending = [...this.pending, edit];
    this.show();
    const before = this.last.get(run.id) ?? Promise.resolve();
    const done = before.then(() => this.take(edit));
    this.last.set(run.id, done);
    return done;
  }

  /** What lists show: what the server has, and over it the edits it has not. */
  private show(answered: readonly Run[] = []): void {
    const edits = new Map<string, RunPatch>();
    for (const { run, patch } of this.pending) edits.set(run.id, { ...edits.get(run.id), ...patch });
    this.session.runs.overlay(edits, answered);
    for (const list of this.session.groups.list?.runLists ?? []) list.overlay(edits, answered);
  }

  private async take(edit: Edit): Promise<boolean> {
    const { entity, project } = this.session;
    let run = edit.run;
    try {
      run = await this.send(entity, project, edit.run.id, edit.patch);
      return true;
    } catch (error) {
      toasts.error(error);
      return false;
    } finally {
      this.pending = this.pending.filter((one) => one !== edit);
      this.show([run]);
    }
  }
}

const known = new WeakMap<ProjectSession, RunEdits>();

/** The edits of a project's session: the list and the table share them. */
export function editsOf(session: ProjectSession): RunEdits {
  let edits = known.get(session);
  if (!edits) known.set(session, (edits = new RunEdits(session)));
  return edits;
}
