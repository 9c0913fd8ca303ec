// What charts say: their picture in words, the tooltip, the names of smoothings and of machine samples.
import { catalogue } from './lib/language';

export const chartWords = catalogue('strings-charts', {
  step: (step: string) => `step ${step}`,
  lost: (what: string, from: string, isExact: boolean) => `${what} from ${isExact ? '' : 'about '}${from}`,
  noData: (title: string) => `${title}: no data.`,
  head: (title: string, lines: number, written: string, low: string, high: string) =>
    `${title}: ${lines === 1 ? '1 line' : `${written} lines`}, values from ${low} to ${high}.`,
  more: (written: string) => `And ${written} more.`,
  line: (label: string, last: string, where: string, trend: string, lost: string) =>
    `${label}: ${last} at ${where}${trend && `, ${trend}`}${lost && `, ${lost}`}.`,
  trends: { level: 'level', rising: 'rising', falling: 'falling' },
  nearest: (from: number, to: number, all: string) =>
    from === 0 ? `${to} nearest of ${all}` : `${from + 1}–${to} of ${all}`,
  scroll: 'Shift + wheel for the others',
  pins: {
    title: 'Pinned places',
    values: 'Values at the pinned places',
    remove: 'Take this pin away',
    clear: 'Clear pins',
    copy: 'Copy',
  },
  smoothing: {
    ema: (weight: string) => `EMA ${weight}`,
    emaTime: (weight: string) => `time EMA ${weight} of range`,
    gaussian: (sigma: string) => `Gaussian ${sigma}`,
    mean: (points: number) => `mean of ${points}`,
    median: (points: number) => `median of ${points}`,
  },
  system: {
    cpu: 'CPU of the process',
    core: 'CPU core $1',
    memory: 'Memory',
    processMemory: 'Process memory',
    memoryAvailable: 'Memory available',
    threads: 'Process threads',
    diskUsed: 'Disk $1 used',
    diskRead: 'Disk read',
    diskWritten: 'Disk written',
    oneDiskRead: 'Disk $1 read',
    oneDiskWritten: 'Disk $1 written',
    sent: 'Network sent',
    received: 'Network received',
    gpu: 'GPU $1',
    gpuAccess: 'GPU $1 memory access',
    gpuMemory: 'GPU $1 memory',
    gpuTemperature: 'GPU $1 temperature',
    gpuPower: 'GPU $1 power',
    gpuClock: 'GPU $1 clock',
    gpuMemoryClock: 'GPU $1 memory clock',
  },
});
