// Writes src/api/schema.ts, the types of the API, from the server's description of itself:
//
//   curl -s http://127.0.0.1:7500/-/openapi.json -H "Authorization: Bearer KEY" | npm run types
//   npm run types -- --check < openapi.json      fails when the file would change
import { readFileSync, writeFileSync } from 'node:fs';

const TARGET = new URL('../src/api/schema.ts', import.meta.url);
const HEAD = `// Made by scripts/types.mjs from /-/openapi.json; do not edit.

/** A value of a config or summary tree. NaN and the infinities travel as the strings "NaN", "Infinity", "-Infinity". */
export type Json = null | boolean | number | bigint | string | Json[] | { [key: string]: Json };
export type JsonTree = { [key: string]: Json };
`;

function typeOf(schema) {
  if (schema.$ref) return schema.$ref.split('/').at(-1);
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' | ');
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.type === 'array') {
    const item = typeOf(schema.items ?? {});
    return item.includes('|') ? `(${item})[]` : `${item}[]`;
  }
  if (schema.type === 'object') {
    const values = schema.additionalProperties;
    return values && Object.keys(values).length ? `Record<string, ${typeOf(values)}>` : 'JsonTree';
  }
  return (
    { string: 'string', integer: 'number', number: 'number', boolean: 'boolean', null: 'null' }[schema.type] ?? 'Json'
  );
}

function interfaceOf(name, schema) {
  const required = new Set(schema.required ?? []);
  const fields = Object.entries(schema.properties ?? {}).map(
    ([field, one]) => `  ${field}${required.has(field) ? '' : '?'}: ${typeOf(one)};`,
  );
  const doc = schema.description ? `/** ${schema.description.replaceAll(/\s+/g, ' ')} */\n` : '';
  return `${doc}export interface ${name} {\n${fields.join('\n')}\n}\n`;
}

const document = JSON.parse(readFileSync(0, 'utf8'));
const parts = Object.entries(document.components.schemas).map(([name, schema]) => interfaceOf(name, schema));
const text = [HEAD, ...parts].join('\n');
if (process.argv.includes('--check')) {
  if (readFileSync(TARGET, 'utf8') !== text) {
    console.error('src/api/schema.ts is not what the server describes: run `npm run types`');
    process.exit(1);
  }
} else writeFileSync(TARGET, text);
