import { describe, expect, it } from 'vitest';
import { parsePath, paths, safeNext } from './routes';

describe('addresses', () => {
  it('reads the fixed forms', () => {
    expect(parsePath('/')).toEqual({ page: 'home' });
    expect(parsePath('/login')).toEqual({ page: 'login' });
    expect(parsePath('/ada')).toEqual({ page: 'entity', entity: 'ada' });
    expect(parsePath('/ada/digits')).toEqual({ page: 'workspace', entity: 'ada', project: 'digits' });
    expect(parsePath('/ada/digits/workspace')).toEqual({ page: 'workspace', entity: 'ada', project: 'digits' });
    expect(parsePath('/ada/digits/table')).toEqual({ page: 'table', entity: 'ada', project: 'digits' });
    const run = { page: 'run', entity: 'ada', project: 'digits', run: 'x1', file: '' };
    expect(parsePath('/ada/digits/compare')).toEqual({ page: 'compare', entity: 'ada', project: 'digits' });
    expect(parsePath(paths.trash('ada', 'digits'))).toEqual({ page: 'trash', entity: 'ada', project: 'digits' });
    const sweeps = { page: 'sweeps', entity: 'ada', project: 'digits' };
    expect(parsePath(paths.sweeps('ada', 'digits'))).toEqual({ ...sweeps, sweep: '' });
    expect(parsePath(paths.sweeps('ada', 'digits', 'a/b'))).toEqual({ ...sweeps, sweep: 'a/b' });
    expect(parsePath('/ada/digits/sweeps/x/y').page).toBe('missing');
    expect(parsePath('/ada/digits/trash/x').page).toBe('missing');
    expect(parsePath('/ada/digits/runs/x1')).toEqual({ ...run, tab: 'charts' });
    expect(parsePath('/ada/digits/runs/x1/logs')).toEqual({ ...run, tab: 'logs' });
  });

  it('reads where one is among artifacts', () => {
    const at = {
      page: 'artifacts',
      entity: 'ada',
      project: 'd',
      type: '',
      name: '',
      version: '',
      tab: 'files',
      file: '',
    };
    expect(parsePath(paths.artifacts('ada', 'd'))).toEqual(at);
    expect(parsePath(paths.artifacts('ada', 'd', 'model', 'a b'))).toEqual({ ...at, type: 'model', name: 'a b' });
    const version = { ...at, type: 'model', name: 'net', version: 'v3' };
    expect(parsePath(paths.artifact('ada', 'd', 'model', 'net', 'v3'))).toEqual(version);
    expect(parsePath(paths.artifact('ada', 'd', 'model', 'net', 'v3', 'lineage'))).toEqual({
      ...version,
      tab: 'lineage',
    });
    const file = paths.artifact('ada', 'd', 'model', 'net', 'v3', 'files', 'a/b%2F c.txt');
    expect(parsePath(file)).toEqual({ ...version, file: 'a/b%2F c.txt' });
    expect(parsePath('/ada/d/artifacts/model/net/v3/else').page).toBe('missing');
    expect(parsePath('/ada/d/artifacts/model/net/v3/lineage/x').page).toBe('missing');
  });

  it('reads the pages around people', () => {
    for (const page of ['login', 'signup', 'invite', 'authorize', 'claim']) {
      expect(parsePath(`/${page}`)).toEqual({ page });
      expect(parsePath(`/${page}/more`).page).toBe('missing');
    }
    expect(parsePath('/settings')).toEqual({ page: 'settings', section: 'profile' });
    expect(parsePath(paths.settings('keys'))).toEqual({ page: 'settings', section: 'keys' });
    expect(parsePath('/settings/nonsense').page).toBe('missing');
    expect(parsePath(paths.team('vision lab'))).toEqual({ page: 'team', team: 'vision lab' });
    expect(parsePath('/teams').page).toBe('missing');
  });

  it('goes to no other site after sign-in', () => {
    expect(safeNext('/ada/digits?filter=a#d')).toBe('/ada/digits?filter=a#d');
    for (const bad of [
      null,
      '',
      'ada',
      '//evil.test',
      '/\\evil.test',
      '/\t/evil.test',
      'https://evil.test',
      'javascript:1',
    ]) {
      expect(safeNext(bad), String(bad)).toBe('/');
    }
  });

  it('takes nothing reserved for an entity and nothing unknown for a page', () => {
    for (const path of [
      '/api/x',
      '/-/health',
      '/ada/digits/nonsense',
      '/ada/digits/runs',
      '/ada/digits/runs/x1/logs/a/b',
      '/ada/digits/compare/x',
    ]) {
      expect(parsePath(path).page, path).toBe('missing');
    }
  });

  it('decodes once, so that any run id survives the way there and back', () => {
    for (const id of ['a b', 'a/b', '100%', 'ü', 'a%2Fb', 'Case']) {
      expect(parsePath(paths.run('ada', 'p', id, 'overview'))).toEqual({
        page: 'run',
        entity: 'ada',
        project: 'p',
        run: id,
        tab: 'overview',
        file: '',
      });
    }
    expect(parsePath('/ada/%E0%A4%A').page).toBe('workspace');
  });

  it('finds the file that a tab shows, whatever its name', () => {
    for (const file of ['train.py', 'media/images/a b_3.png', 'code/100%/#x?.py']) {
      const route = parsePath(paths.run('ada', 'p', 'x1', 'files', file).split('?')[0] as string);
      expect(route).toEqual({ page: 'run', entity: 'ada', project: 'p', run: 'x1', tab: 'files', file });
    }
  });
});
