import { describe, expect, it } from 'vitest';
import { parsePath, paths } from './routes';

describe('addresses', () => {
  it('reads the fixed forms', () => {
    expect(parsePath('/')).toEqual({ page: 'home' });
    expect(parsePath('/login')).toEqual({ page: 'login' });
    expect(parsePath('/ada')).toEqual({ page: 'entity', entity: 'ada' });
    expect(parsePath('/ada/digits')).toEqual({ page: 'workspace', entity: 'ada', project: 'digits' });
    expect(parsePath('/ada/digits/workspace')).toEqual({ page: 'workspace', entity: 'ada', project: 'digits' });
    expect(parsePath('/ada/digits/table')).toEqual({ page: 'table', entity: 'ada', project: 'digits' });
    const run = { page: 'run', entity: 'ada', project: 'digits', run: 'x1' };
    expect(parsePath('/ada/digits/runs/x1')).toEqual({ ...run, tab: 'charts' });
    expect(parsePath('/ada/digits/runs/x1/logs')).toEqual({ ...run, tab: 'logs' });
  });

  it('takes nothing reserved for an entity and nothing unknown for a page', () => {
    for (const path of [
      '/api/x',
      '/-/health',
      '/settings',
      '/ada/digits/nonsense',
      '/ada/digits/runs',
      '/ada/digits/runs/x1/files/a/b',
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
      });
    }
    expect(parsePath('/ada/%E0%A4%A').page).toBe('workspace');
  });
});
