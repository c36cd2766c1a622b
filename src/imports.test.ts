// Which folder may import which, and by which door. docs/architecture.md has the picture.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const source = dirname(fileURLToPath(import.meta.url));

/** Upper tiers first. A folder imports its own tier and those below. */
const tiers: readonly (readonly string[])[] = [
  ['cli', 'cri', 'streaming', 'node'],
  ['owner'],
  ['pod'],
  ['image', 'network', 'security', 'resources', 'nri', 'cdi'],
  ['stage1', 'host-files'],
  ['base', 'config', 'cri-types', 'protobuf'],
];
const tierOf = (folder: string): number => tiers.findIndex((tier) => tier.includes(folder));

interface Import {
  /** Relative to src/, as is `to`; a package's name for what is not ours. */
  readonly from: string;
  readonly to: string;
  readonly dynamic: boolean;
  readonly typeOnly: boolean;
}

const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((name) =>
  name.endsWith('.ts'),
);
const imports = files.flatMap((file) => parseImports(file, readFileSync(join(source, file), 'utf8')));
const own = imports.filter(({ to }) => to.endsWith('.ts'));
const folderOf = (file: string): string => (file.includes('/') ? (file.split('/')[0] ?? '') : '');
const between = own.filter(({ from, to }) => folderOf(from) !== '' && folderOf(from) !== folderOf(to));

function parseImports(file: string, text: string): Import[] {
  const code = text.replace(/^\s*(\/\/|\*|\/\*).*$/gm, '');
  const found: Import[] = [];
  const add = (target: string, dynamic: boolean, typeOnly: boolean): void => {
    const to = target.startsWith('.') ? relative(source, join(source, dirname(file), target)) : target;
    found.push({ from: file, to, dynamic, typeOnly });
  };
  for (const match of code.matchAll(/^(?:import|export)\s+(type\s)?(?:[^'";]*?\sfrom\s+)?'([^']+)'/gm)) {
    add(match[2] ?? '', false, match[1] !== undefined);
  }
  for (const match of code.matchAll(/(typeof\s+)?\bimport\(\s*'([^']+)'\s*\)/g))
    add(match[2] ?? '', true, match[1] !== undefined);
  return found;
}

const show = ({ from, to }: Import): string => `${from} → ${to}`;

describe('folders', () => {
  it('are all known here, so that a new one gets its tier', () => {
    const folders = new Set(files.map(folderOf).filter((folder) => folder !== ''));
    expect([...folders].filter((folder) => tierOf(folder) < 0)).toEqual([]);
    expect(folders.size).toBeGreaterThan(8);
    expect(between.length).toBeGreaterThan(50);
  });

  it('import only sideways and down', () => {
    const upwards = between.filter(({ from, to }) => tierOf(folderOf(from)) > tierOf(folderOf(to)));
    expect(upwards.map(show)).toEqual([]);
  });

  it('are entered by their door', () => {
    const others = between.filter(({ to }) => to !== `${folderOf(to)}/index.ts`);
    expect(others.map(show)).toEqual([]);
  });

  it('form no cycles', () => {
    const edges = between.map(({ from, to }) => [folderOf(from), folderOf(to)] as const);
    expect(cycles(edges)).toEqual([]);
  });
});

describe('the rooms of pod', () => {
  /** Upper ones first, as in pod/README.md. */
  const rooms = ['life', 'session', 'resource', 'store', 'plan', 'model'];
  const inside = own.filter(({ from, to }) => from.startsWith('pod/') && to.startsWith('pod/'));
  const roomOf = (file: string): number => rooms.indexOf(file.split('/')[1] ?? '');

  it('are all known here', () => {
    const names = new Set(files.filter((file) => /^pod\/.+\//.test(file)).map((file) => file.split('/')[1]));
    expect([...names].sort()).toEqual([...rooms].sort());
  });

  it('import only what is below them', () => {
    const upwards = inside.filter(({ from, to }) => from !== 'pod/index.ts' && roomOf(from) > roomOf(to));
    expect(upwards.map(show)).toEqual([]);
    expect(inside.length).toBeGreaterThan(50);
  });

  it('session and life know nothing of each other', () => {
    const across = inside.filter(
      ({ from, to }) => from.startsWith('pod/session/') && to.startsWith('pod/life/'),
    );
    expect(across.map(show)).toEqual([]);
  });
});

describe('files', () => {
  it('import nothing that is absent, nothing outside of src/', () => {
    const known = new Set(files);
    expect(own.filter(({ to }) => !known.has(to)).map(show)).toEqual([]);
  });

  it('form no cycles, those of types neither', () => {
    const edges = own.filter(({ dynamic }) => !dynamic).map(({ from, to }) => [from, to] as const);
    expect(cycles(edges)).toEqual([]);
  });
});

describe('gRPC and protobuf', () => {
  const heavy = ['@grpc/grpc-js', 'protobufjs'];
  const verbs = files.filter((file) => /^cli\/[\w-]+\.ts$/.test(file) && !/index|\.test/.test(file));

  /** What a file brings with it: its imports, and theirs. */
  function reach(start: string, withDynamic: boolean): Set<string> {
    const seen = new Set([start]);
    for (const file of seen) {
      for (const { from, to, dynamic, typeOnly } of imports) {
        if (from === file && !typeOnly && (withDynamic || !dynamic)) seen.add(to);
      }
    }
    return seen;
  }

  it('are loaded with no verb, but by serve when it serves', () => {
    expect(verbs).toContain('cli/serve.ts');
    expect(verbs.length).toBeGreaterThan(1);
    for (const verb of verbs) {
      const loaded = reach(verb, false);
      expect([verb, heavy.filter((name) => loaded.has(name))]).toEqual([verb, []]);
    }
    expect(reach('cli/serve.ts', true)).toContain('@grpc/grpc-js');
  });

  it('gRPC is out of reach of every other verb', () => {
    for (const verb of verbs.filter((name) => name !== 'cli/serve.ts')) {
      expect([verb, reach(verb, true).has('@grpc/grpc-js')]).toEqual([verb, false]);
    }
  });

  it('are not there when a verb really runs', () => {
    const hook = [
      "import { registerHooks } from 'node:module';",
      'registerHooks({ resolve(name, context, next) {',
      "  if (/grpc-js|protobufjs/.test(name)) process.stderr.write('HEAVY ' + name + '\\n');",
      '  return next(name, context);',
      '} });',
    ].join('');
    const run = (...args: string[]): string =>
      execFileSync(
        'sh',
        [
          '-c',
          '"$@" 2>&1 || true',
          'sh',
          process.execPath,
          '--import',
          `data:text/javascript,${encodeURIComponent(hook)}`,
          join(source, 'main.ts'),
          ...args,
        ],
        { encoding: 'utf8' },
      );
    for (const verb of verbs.map((file) => file.replace(/^cli\/|\.ts$/g, ''))) {
      const output = run(verb, '--help');
      expect(output).not.toContain('HEAVY');
      expect(output.length).toBeGreaterThan(0);
    }
    // The hook would have told: a server that cannot have its socket has loaded both.
    expect(run('serve', '--root', '/dev/null/x', '--state', '/dev/null/x')).toContain('HEAVY @grpc/grpc-js');
  });
});

/** Strongly connected groups of more than one, by Tarjan's algorithm. */
function cycles(edges: readonly (readonly [string, string])[]): string[][] {
  const next = Map.groupBy(edges, ([from]) => from);
  const index = new Map<string, number>();
  const low = new Map<string, number>();
  const stack: string[] = [];
  const found: string[][] = [];
  const visit = (node: string): void => {
    const number = index.size;
    index.set(node, number);
    low.set(node, number);
    stack.push(node);
    for (const [, to] of next.get(node) ?? []) {
      if (!index.has(to)) visit(to);
      if (stack.includes(to)) low.set(node, Math.min(low.get(node) ?? 0, low.get(to) ?? 0));
    }
    if (low.get(node) !== number) return;
    const group = stack.splice(stack.indexOf(node));
    if (group.length > 1) found.push(group.sort());
  };
  for (const [from] of edges) if (!index.has(from)) visit(from);
  return found;
}
