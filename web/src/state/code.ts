// What of a run's files is its code. Pure.
import type { JsonTree, RunFile } from '../api/types';

export const PATCH = 'diff.patch';
export const REQUIREMENTS = 'requirements.txt';
const FOLDER = 'code/';

export interface CodeFile {
  /** The path below `code/`: as it was where the run was started. */
  name: string;
  file: RunFile;
}

export function codeOf(files: readonly RunFile[]): CodeFile[] {
  return files
    .filter((file) => file.path.startsWith(FOLDER))
    .map((file) => ({ name: file.path.slice(FOLDER.length), file }))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

export interface Git {
  commit: string;
  branch: string;
  remote: string;
}

/** What the environment says of the repository; "" where it says nothing. */
export function gitOf(environment: JsonTree): Git {
  const git = environment.git;
  const text = (name: string): string => {
    const value = typeof git === 'object' && git !== null && !Array.isArray(git) ? git[name] : undefined;
    return typeof value === 'string' ? value : '';
  };
  return { commit: text('commit'), branch: text('branch'), remote: text('remote') };
}
