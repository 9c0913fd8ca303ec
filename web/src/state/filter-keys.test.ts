import { expect, test } from 'vitest';
import { chipsOf } from './filter-language';
import { withKey } from './filter-keys';

test('a key is replaced where it is compared, and nowhere else', () => {
  expect(withKey('lrr>1 (lrr:2 or lrrx:3) lrr name:lrr', 'lrr', 'lr')).toBe('lr>1 (lr:2 or lrrx:3) lrr name:lrr');
  expect(withKey('not "val los" < 3', 'val los', 'val loss')).toBe('not "val loss" < 3');
  expect(withKey('config.model\\.dept:1', 'config.model.dept', 'config.model.depth')).toBe('config.model.depth:1');
});

test('what comes out can be read', () => {
  for (const like of ['lr', 'val loss', 'a:b', 'x/y.z']) {
    expect(() => chipsOf(withKey('lrr>=1e-4 state:running', 'lrr', like))).not.toThrow();
  }
});
