import { describe, expect, it } from 'vitest';
import { parseNotebook } from './notebook';

describe('parseNotebook', () => {
  it('reads cells and the safest form of what they showed', () => {
    const text = JSON.stringify({
      nbformat: 4,
      metadata: { kernelspec: { language: 'python' } },
      cells: [
        { cell_type: 'markdown', source: ['# A\n', 'b'] },
        {
          cell_type: 'code',
          execution_count: 3,
          source: 'plot()',
          outputs: [
            { output_type: 'stream', name: 'stdout', text: ['one\n'] },
            { output_type: 'stream', name: 'stdout', text: 'two\n' },
            { output_type: 'display_data', data: { 'text/html': '<script>x</script>', 'text/plain': 'Figure', 'image/png': 'iVBO\nRw==' } },
            { output_type: 'execute_result', data: { 'text/html': '<b>t</b>', 'text/plain': ['a ', 'table'] } },
            { output_type: 'display_data', data: { 'application/vnd.x+json': {} } },
            { output_type: 'error', ename: 'E', evalue: 'v', traceback: ['\u001b[31mE\u001b[0m'] },
          ],
        },
      ],
    });
    const book = parseNotebook(text)!;
    expect(book.language).toBe('python');
    expect(book.cells[0]).toEqual({ kind: 'markdown', source: '# A\nb', count: null, outputs: [] });
    expect(book.cells[1]!.count).toBe(3);
    expect(book.cells[1]!.outputs).toEqual([
      { kind: 'text', text: 'one\ntwo\n', isError: false },
      { kind: 'picture', url: 'data:image/png;base64,iVBORw==' },
      { kind: 'text', text: 'a table', isError: false },
      { kind: 'other', type: 'application/vnd.x+json' },
      { kind: 'text', text: '\u001b[31mE\u001b[0m', isError: true },
    ]);
  });

  it('makes no address of what is not base64', () => {
    const text = JSON.stringify({ cells: [{ cell_type: 'code', source: '', outputs: [{ output_type: 'display_data', data: { 'image/png': 'x" onerror="y' } }] }] });
    expect(parseNotebook(text)!.cells[0]!.outputs).toEqual([{ kind: 'other', type: 'image/png' }]);
  });

  it('is null for anything else', () => {
    for (const text of ['', '[]', '{"a": 1}', '3', 'no']) expect(parseNotebook(text)).toBeNull();
  });
});
