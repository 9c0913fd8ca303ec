// The part of a view that the address carries behind its `#d=`: what differs from the view that the address names.
//
//   #d=<base64url of the deflated JSON {b, p}>   b: the base it is a change of; p: the change
//   #d=@<id>                                     a draft on the server, where the change is too long for an address
import { apply, diff, type Patch } from './view-patch';
import { readDoc, type ViewDoc } from './view-doc';

/** What a change is a change of: a version of a saved view, or the automatic layout (null). */
export type BaseName = { slug: string; version: number } | null;

/** Longer changes are kept by the server. */
export const ADDRESS_MAX = 6000;

interface Packed {
  b?: readonly [slug: string, version: number];
  p: Patch;
}

/**
 * The document without what query parameters say anyway. Where the base has a setting of its own, its absence in the
 * query would be read as the base's: such a setting stays.
 */
export function withoutSimple(doc: ViewDoc, base: ViewDoc): ViewDoc {
  const { filter, sort, group } = base.runs;
  const runs = { ...doc.runs };
  if (filter === '') runs.filter = '';
  if (sort === '') runs.sort = '';
  if (group.length === 0) runs.group = [];
  return { ...doc, runs, charts: Object.keys(base.charts).length === 0 ? {} : doc.charts };
}

export function changeOf(doc: ViewDoc, base: ViewDoc): Patch {
  return diff(base, withoutSimple(doc, base));
}

export async function encodeChange(patch: Patch, base: BaseName): Promise<string> {
  const packed: Packed = base ? { b: [base.slug, base.version], p: patch } : { p: patch };
  const bytes = await through(new CompressionStream('deflate-raw'), new TextEncoder().encode(JSON.stringify(packed)));
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll('+', '-').replaceAll('/', '_').replace(/=+$/, '');
}

/** Throws where the text is none of ours, or was cut. */
export async function decodeChange(text: string): Promise<{ patch: Patch; base: BaseName }> {
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(binary, (char) => char.charCodeAt(0));
  const json = new TextDecoder().decode(await through(new DecompressionStream('deflate-raw'), bytes));
  const packed = JSON.parse(json) as Packed;
  if (typeof packed.p !== 'object' || packed.p === null) throw new Error('no change in it');
  return { patch: packed.p, base: packed.b ? { slug: packed.b[0], version: packed.b[1] } : null };
}

export function changed(base: ViewDoc, patch: Patch): ViewDoc {
  return readDoc(apply(base, patch));
}

async function through(stream: CompressionStream | DecompressionStream, bytes: Uint8Array): Promise<Uint8Array> {
  const piped = new Blob([bytes as BlobPart])
    .stream()
    .pipeThrough(stream as ReadableWritablePair<Uint8Array, BufferSource>);
  return new Uint8Array(await new Response(piped).arrayBuffer());
}
