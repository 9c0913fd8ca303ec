/** Options of a panel as they are kept: anything may stand there, what does not fit is the default. */
export type Options = Readonly<Record<string, unknown>>;

export function textOf(options: Options, key: string, otherwise: string): string {
  const value = options[key];
  return typeof value === 'string' ? value : otherwise;
}

export function numberOf<T extends number | null>(options: Options, key: string, otherwise: T): number | T {
  const value = options[key];
  return typeof value === 'number' && Number.isFinite(value) ? value : otherwise;
}

export function flagOf(options: Options, key: string, otherwise: boolean): boolean {
  const value = options[key];
  return typeof value === 'boolean' ? value : otherwise;
}

export function choiceOf<T extends string>(options: Options, key: string, choices: readonly T[], otherwise: T): T {
  const value = options[key];
  return choices.find((one) => one === value) ?? otherwise;
}

/** A list of texts; null where none is kept. */
export function textsOf(options: Options, key: string): string[] | null {
  const value = options[key];
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : null;
}

export function mapOf(options: Options, key: string): Readonly<Record<string, unknown>> {
  const value = options[key];
  return typeof value === 'object' && value !== null && !Array.isArray(value)
    ? (value as Record<string, unknown>)
    : {};
}
