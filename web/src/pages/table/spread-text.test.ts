import { describe, expect, it } from 'vitest';
import { groupThousands } from '../../lib/numbers';
import { spreadText } from './spread-text';

describe('a mean and its deviation', () => {
  it('end at the second digit of the deviation', () => {
    expect(spreadText(0.005223418, 0.00041329)).toEqual(['0.00522', '0.00041']);
    expect(spreadText(10.5, 0.7071)).toEqual(['10.50', '0.71']);
    expect(spreadText(-0.31442, 0.0999)).toEqual(['−0.31', '0.10']);
    expect(spreadText(12408.3, 356.2)).toEqual([groupThousands(12410), '360']);
    expect(spreadText(3.4e-7, 4.12e-8)).toEqual(['3.4e−7', '4.1e−8']);
    expect(spreadText(0, 4.12e-8)).toEqual(['0', '4.1e−8']);
    expect(spreadText(99.4, 12)).toEqual(['99', '12']);
  });

  it('leave out what is no deviation, and do not spread a mean over the whole cell', () => {
    expect(spreadText(0.5, null)).toEqual(['0.5', '']);
    expect(spreadText(0.5, 0)).toEqual(['0.5', '']);
    expect(spreadText(NaN, 1)).toEqual(['NaN', '']);
    expect(spreadText(0.5, 1.23e-9)).toEqual(['0.5', '1.2e−9']);
  });
});
