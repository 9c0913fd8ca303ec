import { describe, expect, it } from 'vitest';
import { parsePatch } from './patch';

const PATCH = `diff --git a/train.py b/train.py
index 8c1c..22e4 100644
--- a/train.py
+++ b/train.py
@@ -1,4 +1,5 @@ import os
 import os
-lr = 0.1
+lr = 0.3
+--- not a file
 
 end
\\ No newline at end of file
diff --git a/new file.txt b/new file.txt
new file mode 100644
--- /dev/null
+++ b/new file.txt
@@ -0,0 +1 @@
+hello
diff --git a/old.py b/old.py
deleted file mode 100644
--- a/old.py
+++ /dev/null
@@ -1 +0,0 @@
-gone
diff --git a/p.png b/p.png
Binary files a/p.png and b/p.png differ
`;

describe('a unified diff', () => {
  it('falls into files, hunks and numbered lines', () => {
    const files = parsePatch(PATCH);
    expect(files.map((file) => [file.path, file.added, file.removed])).toEqual([
      ['train.py', 2, 1],
      ['new file.txt', 1, 0],
      ['old.py', 0, 1],
      ['p.png', 0, 0],
    ]);
    expect(files[0]?.rows.map((row) => [row.kind, row.a, row.b, row.text])).toEqual([
      ['hunk', null, null, '@@ -1,4 +1,5 @@ import os'],
      ['same', 1, 1, 'import os'],
      ['deleted', 2, null, 'lr = 0.1'],
      ['inserted', null, 2, 'lr = 0.3'],
      ['inserted', null, 3, '--- not a file'],
      ['same', 3, 4, ''],
      ['same', 4, 5, 'end'],
      ['note', null, null, '\\ No newline at end of file'],
    ]);
    expect(files[3]?.rows).toHaveLength(1);
  });

  it('reads what is not of git, and nothing from nothing', () => {
    const files = parsePatch('--- x.py\t2026-01-01\n+++ x.py\t2026-01-02\n@@ -1 +1 @@\n-a\n+b\n--- y\n+++ y\n@@ -1 +1 @@\n-a\n+b\n');
    expect(files.map((file) => file.path)).toEqual(['x.py', 'y']);
    expect(parsePatch('')).toEqual([]);
  });
});
