import { describe, expect, it } from 'vitest';
import { random } from '../lib/random.fixture';
import { momentAt, type Moment } from './moments';

describe('momentAt', () => {
  it('finds the last row until a time, with few questions', async () => {
    const next = random(3);
    for (let round = 0; round < 300; round += 1) {
      const rows: Moment[] = [];
      for (let step = Math.floor(next() * 3), time = 0; rows.length < 200; step += 1 + Math.floor(next() * 5)) {
        time += Math.floor(next() * 4);
        rows.push({ step, timeUs: time });
      }
      const last = rows.at(-1)!;
      const at = Math.floor(next() * (last.timeUs + 10)) - 2;
      let asked = 0;
      const found = await momentAt(at, last.step, async (step) => {
        asked += 1;
        return rows.find((row) => row.step >= step) ?? null;
      });
      const right = rows.findLast((row) => row.timeUs <= at) ?? null;
      expect(found).toEqual(right);
      expect(asked).toBeLessThanOrEqual(Math.ceil(Math.log2(last.step + 2)) + 1);
    }
  });
});
