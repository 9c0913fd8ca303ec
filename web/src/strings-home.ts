// The start page.
import { catalogue } from './lib/language';
import { groupThousands as n } from './lib/numbers';

const plural = (count: number, one: string) => `${n(count)} ${count === 1 ? one : `${one}s`}`;

export const homeWords = catalogue('strings-home', {
  title: 'Home',
  wandb: 'Or run a wandb script as it is',
  wandbText: 'In place of … stands a key of this server.',
  recent: 'Recent projects',
  storage: 'Storage',
  storageTitle: 'About what it takes on disk: its rows as stored, and its files',
  forYou: 'For you',
  noAlerts: 'No alert of your runs.',
  noAlertsText: 'What a run says with run.alert() stands here.',
  allProjects: (count: number) => `Show all ${n(count)} projects`,
  alertAt: (step: string) => `step ${step}`,
  levels: { INFO: 'Info', WARN: 'Warning', ERROR: 'Error' } as Record<string, string>,
  spark: (metric: string) => `${metric} over the last steps`,
  projects: {
    title: 'Projects',
    project: 'Project',
    runs: 'Runs',
    running: 'Running',
    runningNow: 'Running now',
    step: 'Step',
    run: 'Run',
    last: 'Last activity',
    find: 'Find a project',
    none: (search: string) => `No project matches “${search}”.`,
    count: (count: number) => plural(count, 'project'),
    emptyTitle: 'Waiting for the first run',
    emptyText: 'Run these where you train. This page opens the run by itself when it starts.',
    emptyInstall: '1 · Point your machine at this server',
    emptyCode: '2 · Log from Python',
    emptyKey: 'Make the key that login asks for',
    emptyLocal: 'Scripts on the server’s own machine are signed in already.',
    entityTitle: (entity: string) => `Projects of ${entity}`,
    entityEmpty: (entity: string) => `${entity} has no project yet.`,
    members: 'Members',
  },
});
