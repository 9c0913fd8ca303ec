import { describe, expect, it } from 'vitest';
import { commandOf, forkPython, pythonText, resumePython, resumeShell, rewindPython, shellWord } from './resume';

const run = { entity: 'ada', project: 'digits', id: 'a b' };

describe('lines to go on with', () => {
  it('repeat the command as a shell reads it', () => {
    const command = commandOf({ program: 'train me.py', args: ['--lr', '0.1', "it's"], cwd: '/x y', executable: '/opt/bin/python3.12' });
    expect(resumeShell(run, command, 'http://127.0.0.1:7500')).toBe(
      [
        "cd '/x y'",
        'KISEKI_BASE_URL=http://127.0.0.1:7500 \\',
        '  KISEKI_ENTITY=ada \\',
        '  KISEKI_PROJECT=digits \\',
        "  KISEKI_RUN_ID='a b' \\",
        '  KISEKI_RESUME=must \\',
        "  python3.12 'train me.py' --lr 0.1 'it'\\''s'",
      ].join('\n'),
    );
    expect(commandOf({})).toBeNull();
    expect(resumeShell(run, null, 'http://h').endsWith('python train.py')).toBe(true);
    expect(shellWord('$(rm)')).toBe("'$(rm)'");
    expect(shellWord('')).toBe("''");
  });

  it('say it in Python', () => {
    expect(resumePython(run)).toBe('run = kiseki.init(entity="ada", project="digits", id="a b", resume="must")');
    expect(forkPython(run, 30)).toBe('run = kiseki.init(entity="ada", project="digits", fork_from="a b?_step=30")');
    expect(rewindPython(run, 0)).toContain('resume_from="a b?_step=0"');
    expect(pythonText('"é\u202e\n')).toBe('"\\"é\\u202e\\n"');
  });
});
