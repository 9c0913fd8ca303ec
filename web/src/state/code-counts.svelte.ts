// Lines added and removed in each changed file of two runs, counted one file after the other.
import { getText } from '../api/client';
import { fileUrl } from '../api/files';
import type { RunFile } from '../api/types';
import { diffTexts } from '../lib/diff-rows';
import type { ProjectSession } from './project.svelte';

const TEXT_MAX = 300_000;
const FILES_MAX = 60;

export interface Counted {
  readonly name: string;
  readonly a: RunFile | undefined;
  readonly b: RunFile | undefined;
}

export class CodeCounts {
  /** By name; files too long or too many are left out. */
  counts = $state.raw<ReadonlyMap<string, { added: number; removed: number }>>(new Map());

  constructor(private readonly session: ProjectSession) {}

  async count(pairs: readonly Counted[], runs: readonly [string, string], signal: AbortSignal): Promise<void> {
    const counts = new Map<string, { added: number; removed: number }>();
    const read = async (run: string, file: RunFile | undefined): Promise<string> => {
      if (!file?.stored) return '';
      const { entity, project } = this.session;
      return (await getText(fileUrl(entity, project, run, file.path, { version: file.sha256 }), TEXT_MAX, signal)).text;
    };
    for (const { name, a, b } of pairs.slice(0, FILES_MAX)) {
      if (Math.max(a?.size ?? 0, b?.size ?? 0) > TEXT_MAX) continue;
      const [left, right] = await Promise.all([read(runs[0], a), read(runs[1], b)]);
      if (signal.aborted) return;
      const { added, removed } = diffTexts(left, right);
      counts.set(name, { added, removed });
      this.counts = new Map(counts);
    }
  }
}
