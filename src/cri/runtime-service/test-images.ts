/** Images for the tests beside it, as `docker save` writes them. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TestImage {
  readonly tag: string;
  /** Each makes a layer's tree in the empty directory that it is given; lowest first. The same one twice is one layer, named twice. */
  readonly layers: readonly ((root: string) => void)[];
  readonly config?: Readonly<Record<string, unknown>>;
}

const applets = [
  'sh',
  'sleep',
  'true',
  'echo',
  'cat',
  'id',
  'head',
  'yes',
  'mkdir',
  'touch',
  'ps',
  'ls',
  'stat',
];

/** This machine's busybox with its libraries, two users, and empty directories. */
export function busyboxTree(root: string): void {
  const libraries = execFileSync('ldd', ['/bin/busybox']).toString().match(/\/\S+/g) ?? [];
  for (const path of ['bin', 'tmp', 'etc', 'proc', 'sys', 'dev'])
    mkdirSync(join(root, path), { recursive: true });
  for (const path of ['/bin/busybox', ...libraries]) {
    execFileSync('install', ['-D', '-m', '755', path, join(root, path)]);
  }
  for (const applet of applets) {
    execFileSync('ln', [join(root, 'bin/busybox'), join(root, 'bin', applet)]);
  }
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/:/bin/sh\nuser:x:1000:1001::/tmp:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\nuser:x:1001:\nmore:x:2000:user\n');
}

export function busyboxArchive(directory: string, tag: string): string {
  return imageArchive(directory, { tag, layers: [busyboxTree] });
}

/** The archive's path, below `directory`. */
export function imageArchive(directory: string, { tag, layers, config = {} }: TestImage): string {
  const work = mkdtempSync(join(directory, 'image-'));
  const made = new Map<(root: string) => void, { file: string; diffId: string }>();
  for (const build of layers) {
    if (!made.has(build)) made.set(build, makeLayer(work, `layer-${made.size}.tar`, build));
  }
  const stack = layers.flatMap((build) => made.get(build) ?? []);
  const document = {
    architecture: process.arch === 'x64' ? 'amd64' : process.arch,
    os: 'linux',
    config: { Env: ['PATH=/bin'], Cmd: ['sh'], ...config },
    rootfs: { type: 'layers', diff_ids: stack.map(({ diffId }) => diffId) },
  };
  writeFileSync(join(work, 'config.json'), JSON.stringify(document));
  const manifest = [{ Config: 'config.json', RepoTags: [tag], Layers: stack.map(({ file }) => file) }];
  writeFileSync(join(work, 'manifest.json'), JSON.stringify(manifest));
  const files = [...made.values()].map(({ file }) => file);
  const archive = `${work}.tar`;
  execFileSync('tar', ['-C', work, '-cf', archive, 'manifest.json', 'config.json', ...files]);
  rmSync(work, { recursive: true });
  return archive;
}

function makeLayer(
  work: string,
  file: string,
  build: (root: string) => void,
): { file: string; diffId: string } {
  const root = join(work, 'root');
  mkdirSync(root);
  build(root);
  execFileSync('tar', ['-C', root, '--numeric-owner', '-cf', join(work, file), '.']);
  rmSync(root, { recursive: true });
  const digest = execFileSync('sha256sum', [join(work, file)])
    .toString()
    .slice(0, 64);
  return { file, diffId: `sha256:${digest}` };
}
