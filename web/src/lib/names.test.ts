import { expect, it } from 'vitest';
import { nameFault } from './names';

const reserved = new Set(['api', 'teams']);

it('judges names as the server does', () => {
  for (const good of ['ada', 'Ada Lovelace', 'vision-lab', 'a.b_c', '軌跡', '🙂']) {
    expect(nameFault(good, reserved), good).toBeNull();
  }
  expect(nameFault('', reserved)).toBeNull();
  expect(nameFault(' ada', reserved)).toBe('edges');
  expect(nameFault('a'.repeat(129), reserved)).toBe('long');
  for (const bad of ['a/b', 'a\\b', 'a#b', 'a?b', 'a%b', 'a:b', 'a\nb', '.', '..']) {
    expect(nameFault(bad, reserved), bad).toBe('character');
  }
  expect(nameFault('teams', reserved)).toBe('reserved');
});
