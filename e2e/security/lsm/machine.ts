/**
 * A virtual machine with Debian's kernel and one security module in force: for what no host of these tests has. It boots
 * into `init`, which runs the cases by the executor (run-bundle) and says on its serial line how each went.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OciSpec } from '../../../src/base/index.ts';

const here = dirname(fileURLToPath(import.meta.url));
const repository = join(here, '../../..');
const native = process.env['GANTRY_NATIVE_DIR'] ?? join(repository, 'build/release');
/** Packages that `hack/install test` has unpacked. */
export const debian = (...names: string[]): string => join(repository, 'build/debs', ...names);

export interface Case {
  readonly name: string;
  readonly spec: OciSpec;
  /** Run inside once the container runs; what is said is this one's. */
  readonly exec?: OciSpec['process'];
  /** In the pod's user namespace. */
  readonly userns?: boolean;
  /** Commands of the machine's before the container. */
  readonly before?: readonly string[];
}

export interface Said {
  readonly exitCode: number;
  readonly lines: readonly string[];
}

export interface MachineOptions {
  /** Empty; removed by whoever made it. */
  readonly directory: string;
  /** For the kernel: `lsm=…`. */
  readonly parameters: string;
  readonly cases: readonly Case[];
  /** More for /tools: name → file. */
  readonly tools: Readonly<Record<string, string>>;
  /** Programs in the container's /bin: name → file. */
  readonly programs: Readonly<Record<string, string>>;
}

/** Makes the machine, runs it to its end (a minute, without hardware to help) and returns what each case said. */
export function runMachine(options: MachineOptions): ReadonlyMap<string, Said> {
  const image = makeImage(options);
  const console = `console=ttyS0 quiet loglevel=0 panic=-1 ${options.parameters}`;
  const [kernel = ''] = readdirSync(debian('linux/boot')).filter((name) => name.startsWith('vmlinuz-'));
  const done = spawnSync(
    'qemu-system-x86_64',
    [
      ...[
        '-accel',
        'tcg',
        '-cpu',
        'max',
        '-m',
        '512',
        '-nographic',
        '-no-reboot',
        '-nodefaults',
        '-serial',
        'stdio',
      ],
      ...['-kernel', debian('linux/boot', kernel), '-initrd', image, '-append', console],
    ],
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], timeout: 240_000 },
  );
  if (done.error !== undefined) throw done.error;
  const said = parse(done.stdout);
  if (!done.stdout.includes('@@@')) {
    throw new Error(`the machine did not come to its end:\n${done.stderr}\n${done.stdout.slice(-4000)}`);
  }
  return said;
}

function parse(text: string): Map<string, Said> {
  const found = new Map<string, Said>();
  const pattern = /^@@ (\S+)\n([\s\S]*?)^@= (\d+)$/gm;
  for (const [, name = '', body = '', code] of text.replaceAll('\r', '').matchAll(pattern)) {
    found.set(name, { exitCode: Number(code), lines: body.split('\n').slice(0, -1) });
  }
  return found;
}

function makeImage(options: MachineOptions): string {
  const root = join(options.directory, 'root');
  for (const name of ['bin', 'tools', 'cases', 'layer', 'volumes', 'lib', 'lib64'])
    mkdirSync(join(root, name), { recursive: true });
  program(join(here, 'init'), join(root, 'init'));
  const busybox = debian('busybox-static/bin/busybox');
  program(busybox, join(root, 'bin/busybox'));
  program('/bin/busybox', join(root, 'bin/sh'), busybox);
  program(join(native, 'run-bundle'), join(root, 'tools/run-bundle'));
  const modules = execFileSync('find', [debian('linux/lib/modules'), '-name', 'overlay.ko'], {
    encoding: 'utf8',
  });
  program(modules.trim(), join(root, 'tools/overlay.ko'));
  for (const [name, file] of Object.entries(options.tools)) program(file, join(root, 'tools', name));
  makeLayer(join(root, 'layer'), busybox, options.programs);
  for (const one of options.cases) writeCase(join(root, 'cases', one.name), one);
  const image = join(options.directory, 'image');
  const pack = 'cd "$1" && find . | "$2" cpio -o -H newc 2>/dev/null | gzip -1 > "$3"';
  execFileSync('sh', ['-c', pack, 'sh', root, busybox, image]);
  rmSync(root, { recursive: true });
  return image;
}

function program(file: string, target: string, instead?: string): void {
  mkdirSync(dirname(target), { recursive: true });
  copyFileSync(instead ?? file, target);
  chmodSync(target, 0o755);
}

/** The only layer of every case's root. */
function makeLayer(layer: string, busybox: string, programs: MachineOptions['programs']): void {
  for (const name of ['bin', 'etc', 'proc', 'sys', 'dev', 'tmp', 'mnt', 'own', 'foreign', 'host'])
    mkdirSync(join(layer, name), { recursive: true });
  for (const name of [
    'busybox',
    'sh',
    'cat',
    'touch',
    'sleep',
    'mount',
    'mkdir',
    'kill',
    'ls',
    'id',
    'head',
    'grep',
    'true',
  ])
    program(busybox, join(layer, 'bin', name));
  for (const [name, file] of Object.entries(programs)) program(file, join(layer, 'bin', name));
  writeFileSync(join(layer, 'etc/passwd'), 'root:x:0:0:root:/:/bin/sh\n');
}

const id = (digit: string): string => digit.repeat(64);

function writeCase(directory: string, one: Case): void {
  mkdirSync(directory, { recursive: true });
  const put = (name: string, content: object): void =>
    writeFileSync(join(directory, name), JSON.stringify(content));
  const own = one.userns === true ? { user: '/run/user', network: '/run/net' } : {};
  put('config.json', one.spec);
  put('pod.json', {
    contractVersion: 1,
    ...{ id: id('a'), owner: 'cri', flavor: 'namespaces', controlSocket: '/run/ctl', hostname: 'machine' },
    namespaces: { ipc: 'pod', uts: 'pod', pid: 'app', ...own },
    ...{ cgroup: { driver: 'cgroupfs', path: '' }, sysctls: {}, shmSize: 1 << 20, apps: [] },
  });
  const layers = [{ mountpoint: '/layer', digest: '', file: '', format: 'directory' }];
  put('app.json', {
    contractVersion: 1,
    ...{ id: id('b'), name: 'app', stdin: false, stdinOnce: false, log: { kind: 'none' }, stopSignal: 15 },
    // ID-mapped layers take a file system that can be mapped, which Linux 6.1's tmpfs cannot.
    rootfs: one.userns
      ? { kind: 'directory', path: '/owned' }
      : { kind: 'layers', layers, writable: `/writable/${one.name}` },
    ...{ pid: 'app', after: [], probes: [] },
  });
  if (one.exec !== undefined) put('exec.json', one.exec);
  if (one.before !== undefined) writeFileSync(join(directory, 'before'), one.before.join('\n'));
}
