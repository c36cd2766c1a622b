/**
 * OCI bundles for run-bundle and crun, side by side: a root of busybox, a document to change, and what a process in it
 * sees. Everything lies below one temporary directory a test file.
 */
import { execFileSync, spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { OciProcess, OciSpec } from '../../../../src/base/index.ts';

const buildDirectory =
  process.env['GANTRY_NATIVE_DIR'] ?? fileURLToPath(new URL('../../../../build/release', import.meta.url));

/** A test program that is built beside run-bundle. */
export function nativeTool(name: string): string {
  return join(buildDirectory, name);
}

export interface Finished {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  /** pod.json and app.json in place of what config.json says. */
  readonly pod?: object;
  readonly app?: object;
  /** Run this inside once the bundle's own process runs; the result is this one's. */
  readonly exec?: OciProcess;
  /** Behave as on Linux 5.10. */
  readonly oldKernel?: boolean;
  /** What the runtime is started by: ['unshare', '-m', …]. */
  readonly under?: readonly string[];
  readonly timeout?: number;
}

/** Programs of the host with the libraries that they load, at the same paths below `root`. */
function copyProgram(root: string, program: string, target = program): void {
  const listed = spawnSync('ldd', [program], { encoding: 'utf8' }).stdout;
  for (const library of listed.match(/\/[^ ]+/g) ?? []) {
    const file = library.replace(/:$/, '');
    mkdirSync(join(root, dirname(file)), { recursive: true });
    copyFileSync(file, join(root, file));
  }
  mkdirSync(join(root, dirname(target)), { recursive: true });
  copyFileSync(program, join(root, target));
}

/** A root file system with busybox's applets in /bin, made by nothing but copies. */
export function makeRoot(root: string): string {
  for (const name of ['proc', 'sys', 'dev', 'tmp', 'root', 'etc'])
    mkdirSync(join(root, name), { recursive: true });
  copyProgram(root, '/bin/busybox');
  for (const applet of execFileSync('/bin/busybox', ['--list'], { encoding: 'utf8' }).split('\n')) {
    if (applet !== '' && applet !== 'busybox') symlinkSync('busybox', join(root, 'bin', applet));
  }
  writeFileSync(
    join(root, 'etc/passwd'),
    'root:x:0:0:root:/root:/bin/sh\nguest:x:1000:1000::/home/guest:/bin/sh\n',
  );
  return root;
}

/** C source as a program at `target`. */
export function compile(source: string, target: string): void {
  const file = `${target}.c`;
  mkdirSync(dirname(target), { recursive: true });
  writeFileSync(file, source);
  execFileSync('gcc', ['-static', '-O1', '-o', target, file], { stdio: 'inherit' });
  rmSync(file);
}

/** Deep copy of a document with changes made to it. */
export function edited(spec: OciSpec, edit: (spec: OciSpec) => void): OciSpec {
  const copy = structuredClone(spec);
  edit(copy);
  return copy;
}

export class Workshop {
  readonly directory: string = mkdtempSync(join(tmpdir(), 'executor-test-'));
  readonly root: string = makeRoot(join(this.directory, 'root'));
  /** `crun spec`, without its terminal, running `sh -c SCRIPT`. */
  readonly base: OciSpec;
  #count = 0;

  constructor() {
    const empty = join(this.directory, 'spec');
    mkdirSync(empty);
    execFileSync('crun', ['spec'], { cwd: empty });
    this.base = JSON.parse(
      execFileSync('cat', [join(empty, 'config.json')], { encoding: 'utf8' }),
    ) as OciSpec;
    this.base.process.terminal = false;
    this.base.root = { path: this.root, readonly: false };
  }

  /** A directory or file name of its own. */
  path(name: string): string {
    return join(this.directory, `${++this.#count}-${name}`);
  }

  newDirectory(name: string): string {
    const path = this.path(name);
    mkdirSync(path, { recursive: true });
    return path;
  }

  script(text: string, edit: (spec: OciSpec) => void = () => undefined): OciSpec {
    return edited(this.base, (spec) => {
      spec.process.args = ['sh', '-c', text];
      edit(spec);
    });
  }

  bundle(spec: OciSpec): string {
    const bundle = this.newDirectory('bundle');
    writeFileSync(join(bundle, 'config.json'), JSON.stringify(spec));
    return bundle;
  }

  /** The command that runs `spec`, for a shell script. */
  command(spec: OciSpec): string {
    return `'${join(buildDirectory, 'run-bundle')}' '${this.bundle(spec)}'`;
  }

  run(spec: OciSpec, options: RunOptions = {}): Finished {
    const bundle = this.bundle(spec);
    const file = (name: string, content: object | undefined): string => {
      if (content === undefined) return '';
      const path = join(bundle, name);
      writeFileSync(path, JSON.stringify(content));
      return path;
    };
    const command = [
      join(buildDirectory, 'run-bundle'),
      bundle,
      file('pod.json', options.pod),
      file('app.json', options.app),
    ];
    const environment: Record<string, string> = { PATH: process.env['PATH'] ?? '' };
    if (options.oldKernel === true) environment['RUN_BUNDLE_OLD_KERNEL'] = '1';
    if (options.exec !== undefined) environment['RUN_BUNDLE_EXEC'] = file('exec.json', options.exec);
    return finish([...(options.under ?? []), ...command], environment, options.timeout);
  }

  /** crun refuses a hybrid host even when it leaves cgroups alone: it is shown one without the v2 half. */
  runCrun(spec: OciSpec): Finished {
    const bundle = this.bundle(spec);
    const name = `executor-${process.pid}-${this.#count}`;
    const crun = [
      'crun',
      '--cgroup-manager=disabled',
      `--root=${join(this.directory, 'crun')}`,
      'run',
      `--bundle=${bundle}`,
      name,
    ];
    const script = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec "$@"';
    return finish(['unshare', '--mount', '--propagation=private', 'sh', '-c', script, 'sh', ...crun], {
      PATH: process.env['PATH'] ?? '',
    });
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  dispose(): void {
    rmSync(this.directory, { recursive: true, force: true });
    if (existsSync(this.directory)) throw new Error(`${this.directory} is still in use`);
  }
}

/** A shell script in a mount namespace of its own whose root is private, or shared as systemd makes it. */
export function onHost(root: 'private' | 'shared', script: string, timeout = 30_000): Finished {
  const setUp = root === 'shared' ? 'mount --make-rshared /' : 'true';
  const command = ['unshare', '--mount', '--propagation=private', 'bash', '-e', '-c', `${setUp}\n${script}`];
  return finish(command, { PATH: process.env['PATH'] ?? '' }, timeout);
}

export function finish(command: readonly string[], env: Record<string, string>, timeout = 30_000): Finished {
  const [program = '', ...rest] = command;
  const done = spawnSync(program, rest, {
    encoding: 'utf8',
    env,
    timeout,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  if (done.error !== undefined) throw done.error;
  return { status: done.status ?? 128, stdout: done.stdout, stderr: done.stderr };
}
