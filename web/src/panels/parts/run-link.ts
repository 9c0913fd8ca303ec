// From a mark in a plot to its run, and how a run looks there.
import { runColor, type Theme } from '../../lib/colours';
import type { ProjectSession } from '../../state/project.svelte';
import { router } from '../../state/router.svelte';
import { paths } from '../../state/routes';
import { theme } from '../../state/theme.svelte';

export const runHref = (session: ProjectSession, run: string): string =>
  router.href(paths.run(session.entity, session.project, run));

export const openRun = (session: ProjectSession, run: string): void =>
  router.navigate(paths.run(session.entity, session.project, run));

export const themeName = (): Theme => (theme.dark ? 'dark' : 'light');

export const inkOf = (index: number): string => runColor(index, themeName());

/** The pointer is on a run: it is lit in every chart and list; null lets go. */
export const light = (session: ProjectSession, run: string | null, source: unknown): void =>
  session.bus.light(run, source);
