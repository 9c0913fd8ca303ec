// What colour a run has: the one a person gave it, else that of the value it is coloured by, else its own for life.
import { getGroups } from '../api/table';
import type { Json, Run } from '../api/types';
import { chosenColour, scaledColour } from '../lib/colours';
import { asNumber } from '../ui/format';
import { fieldValue } from './fields';
import { quoteKey } from './sorting';
import type { ProjectView } from './views.svelte';

/** What the values of a key are, over all runs of the project: filtering moves no colour. */
export interface ColourDomain {
  key: string;
  range: readonly [number, number] | null;
  /** Values in the order of the first runs that had them: a new value moves no colour. */
  kinds: ReadonlyMap<string, number>;
}

const kindOf = (value: Json | undefined) => (value === undefined || value === '' ? 'null' : JSON.stringify(value));

/** Numbers lie on a scale; anything else has hues, as have numbers of which there are few enough to tell apart. */
export function domainOf(
  key: string,
  groups: readonly { values: readonly Json[]; columns: { [key: string]: { min: number; max: number } | null } }[],
  kinds: readonly { values: readonly Json[] }[],
): ColourDomain {
  let [low, high] = [Infinity, -Infinity];
  for (const group of groups) {
    for (const spread of Object.values(group.columns)) {
      if (spread) [low, high] = [Math.min(low, spread.min), Math.max(high, spread.max)];
    }
  }
  return {
    key,
    range: low <= high ? [low, high] : null,
    kinds: new Map(kinds.map((group, at) => [kindOf(group.values[0]), at])),
  };
}

export function colourIn(domain: ColourDomain, value: Json | undefined): number | null {
  const number = typeof value === 'boolean' ? null : asNumber(value);
  if (domain.range && number !== null) {
    const [low, high] = domain.range;
    return Number.isFinite(number) ? scaledColour(high > low ? (number - low) / (high - low) : 0.5) : null;
  }
  return domain.kinds.get(kindOf(value)) ?? null;
}

const KINDS_MAX = 200;

export class RunColours {
  private domain = $state.raw<ColourDomain | null>(null);
  private asked = '';

  constructor(
    private readonly entity: string,
    private readonly project: string,
    private readonly view: ProjectView,
  ) {}

  get by(): string | null {
    return this.view.runs.colourBy ?? null;
  }

  of(run: Run): number {
    const own = this.chosen(run.id);
    if (own !== null) return own;
    const { by, domain } = this;
    if (by === null || domain?.key !== by) return run.color;
    // A run without the value is not mistaken for one with it: it keeps its own colour.
    const value = by === 'tags' ? run.tags[0] : fieldValue(run, by);
    return colourIn(domain, value) ?? run.color;
  }

  chosen(key: string): number | null {
    const colour = this.view.colours[key];
    return typeof colour === 'string' ? chosenColour(colour) : (colour ?? null);
  }

  /** Asks for what the values of the key are, if runs are coloured by one. Called by an effect. */
  gather(): void {
    const { by } = this;
    if (by === null || by === this.asked) return;
    this.asked = by;
    void this.load(by);
  }

  private async load(by: string): Promise<void> {
    const key = quoteKey(by);
    const ask = (query: { by: string; columns?: string }) =>
      getGroups(this.entity, this.project, { ...query, sort: 'created', limit: KINDS_MAX });
    try {
      const [spreads, kinds] = await Promise.all([ask({ by: 'user', columns: key }), ask({ by: key })]);
      if (this.by === by) this.domain = domainOf(by, spreads.groups, kinds.groups);
    } catch {
      // Runs then have their own colours; the next look asks again.
      if (this.asked === by) this.asked = '';
    }
  }
}
