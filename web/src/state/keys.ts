// Keyboard shortcuts: components bind names such as "ctrl+j", "g w" or "?"; the latest binding of a name wins.

import type { ActionKey } from './actions';
import { keyPrefs } from './key-prefs.svelte';

/** By the names of keys that stand in the table of actions (actions.ts), where each key has a name for people. */
export type Bindings = { [Key in ActionKey]?: (event: KeyboardEvent) => void };

/** What a text field does by itself. */
const FIELD_KEYS = new Set(['ctrl+z', 'ctrl+shift+z', 'ctrl+y']);
const SEQUENCE_MS = 1200;
const stack: Bindings[] = [];
let prefix = '';
let prefixAt = 0;

/** The name of a pressed key: modifiers in the order ctrl, alt, shift; letters in lower case. */
export function keyName(event: Pick<KeyboardEvent, 'key' | 'ctrlKey' | 'metaKey' | 'altKey' | 'shiftKey'>): string {
  const key = event.key === ' ' ? 'space' : event.key.toLowerCase();
  const letter = /^[a-z]$/.test(key);
  const parts = [];
  if (event.ctrlKey || event.metaKey) parts.push('ctrl');
  if (event.altKey) parts.push('alt');
  // Shift is part of the character for "?" and the like.
  if (event.shiftKey && (letter || key.length > 1)) parts.push('shift');
  return [...parts, key].join('+');
}

function isTyping(target: EventTarget | null): boolean {
  if (!(target instanceof HTMLElement)) return false;
  return target.isContentEditable || ['TEXTAREA', 'SELECT'].includes(target.tagName) || isTextInput(target);
}

function isTextInput(target: HTMLElement): boolean {
  return target instanceof HTMLInputElement && !['checkbox', 'radio', 'range', 'button'].includes(target.type);
}

function find(name: string): Bindings[ActionKey] {
  return stack.findLast((bindings) => name in bindings)?.[name as ActionKey];
}

function onKeydown(event: KeyboardEvent): void {
  if (event.defaultPrevented || event.isComposing) return;
  const name = keyName(event);
  const plain = !event.ctrlKey && !event.metaKey && !event.altKey;
  if ((plain || FIELD_KEYS.has(name)) && isTyping(event.target)) return;
  if (plain && event.key.length === 1 && event.key !== ' ' && !keyPrefs.single) return;
  // Space and Enter belong to the control in focus.
  if ((name === 'space' || name === 'enter') && (event.target as HTMLElement).closest('button, a, summary')) return;
  const inSequence = prefix !== '' && Date.now() - prefixAt < SEQUENCE_MS;
  const action = (inSequence ? find(`${prefix} ${name}`) : undefined) ?? find(name);
  prefix = '';
  if (action) {
    event.preventDefault();
    action(event);
  }
  // Also a key that does something by itself may begin a sequence: no page takes `g w` away by binding `g`.
  if (
    plain &&
    !inSequence &&
    stack.some((bindings) => Object.keys(bindings).some((key) => key.startsWith(`${name} `)))
  ) {
    prefix = name;
    prefixAt = Date.now();
  }
}

/** What each key does at this moment. */
export function boundKeys(): Map<ActionKey, () => void> {
  const found = new Map<ActionKey, () => void>();
  for (const bindings of stack) {
    for (const [key, run] of Object.entries(bindings)) {
      found.set(key as ActionKey, () => run(new KeyboardEvent('keydown', { key })));
    }
  }
  return found;
}

/** Binds until the returned function is called. */
export function bindKeys(bindings: Bindings): () => void {
  if (stack.length === 0) document.addEventListener('keydown', onKeydown);
  stack.push(bindings);
  return () => {
    stack.splice(stack.indexOf(bindings), 1);
    if (stack.length === 0) document.removeEventListener('keydown', onKeydown);
  };
}
