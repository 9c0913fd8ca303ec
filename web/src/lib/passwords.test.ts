import { describe, expect, it } from 'vitest';
import { passwordLevel } from './passwords';

describe('password hints', () => {
  it('asks for twelve characters, counted as people see them', () => {
    expect(passwordLevel('tr0ub4dor&3')).toBe('short');
    expect(passwordLevel('🙂🙂🙂🙂🙂🙂')).toBe('short');
  });

  it('is not fooled by length alone', () => {
    for (const poor of ['aaaaaaaaaaaaaaaa', 'abcdefghijkl', '123456789012', 'passwordpassword', 'correct horse battery staple', 'adaadaadaada']) {
      expect(passwordLevel(poor, ['ada']), poor).toBe('weak');
    }
  });

  it('likes what is hard to guess', () => {
    expect(passwordLevel('willow kettle anchor mosaic')).toBe('strong');
    expect(passwordLevel('Vq7#mZ2!pL9x')).toBe('good');
  });
});
