// A process that is killed inside an atomic write leaves an unfinished file. Whoever writes into a directory removes it at
// the next start, and leaves alone what a living process is writing.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sweepTemporaryFiles } from './base/index.ts';
import { createImageService } from './image/index.ts';
import { HostPorts } from './network/builtin/host-ports.ts';
import { createPodNetwork } from './network/index.ts';

const log = pino({ level: 'silent' });
let base: string;
let root: string;
let state: string;
beforeEach(() => {
  base = mkdtempSync(join(tmpdir(), 'unfinished-'));
  [root, state] = [join(base, 'root'), join(base, 'state')];
  mkdirSync(root);
  mkdirSync(state);
});
afterEach(() => rmSync(base, { recursive: true }));

/** A process that hangs inside `statement`'s write, once its unfinished file is there. */
async function hangInWrite(statement: string): Promise<ChildProcess> {
  const script = `
    import fs from 'node:fs';
    import { syncBuiltinESMExports } from 'node:module';
    const write = fs.writeSync;
    fs.writeSync = (fd, bytes) => {
      write(fd, bytes, 0, 1);
      write(1, 'half');
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
    };
    syncBuiltinESMExports();
    ${statement}`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
    cwd: import.meta.dirname,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [said] = (await once(child.stdout, 'data')) as [Buffer];
  expect(said.toString()).toBe('half');
  return child;
}

async function kill(child: ChildProcess): Promise<void> {
  child.kill('SIGKILL');
  await once(child, 'exit');
}

const unfinished = (): string[] =>
  readdirSync(base, { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.tmp-'));

interface Site {
  /** Of the file that is written. */
  readonly path: () => string;
  /** TypeScript; the default is an atomic write of the path. */
  readonly write?: () => string;
  readonly start: () => Promise<void> | void;
}

const imageService = async (): Promise<void> => {
  const config = { root, state, registriesDir: base, pullConcurrency: 1, pullMinimumRate: 1 };
  await (await createImageService(config, { log })).close();
};

const podNetwork = (): void => {
  const files = { cniConfDir: join(base, 'conf'), cniBinDirs: [], cniGarbageCollection: false };
  const config = { root, state, ...files, builtinBridge: 'gtest0', builtinSubnet: '10.1.0.0/24' };
  createPodNetwork({ ...config, network: 'cni' } as Parameters<typeof createPodNetwork>[0], { log });
};

const sites: Readonly<Record<string, Site>> = {
  'image records': { path: () => join(root, 'images', `${'a'.repeat(64)}.json`), start: imageService },
  'users of layers': {
    path: () => join(state, 'layer-users', 'c1.json'),
    write: () =>
      `const { LayerUsers } = await import('./image/layers/users.ts');
       new LayerUsers('${join(state, 'layer-users')}').add('c1', ['k']);`,
    start: imageService,
  },
  'the bridge’s host ports': {
    path: () => join(root, 'network', 'gtest0', 'ports', 'p1.json'),
    write: () =>
      `const { HostPorts } = await import('./network/builtin/host-ports.ts');
       new HostPorts('${join(root, 'network', 'gtest0')}').reserve({ podId: 'p1', podName: 'n', ips: [], mappings: [] });`,
    start: () => void new HostPorts(join(root, 'network', 'gtest0')),
  },
  'the network’s records': { path: () => join(root, 'network', 'pod-cidr'), start: podNetwork },
};

describe.each(Object.entries(sites))('%s', (_what, { path, write, start }) => {
  it('are rid of what a killed process left, and of nothing else', async () => {
    mkdirSync(dirname(path()), { recursive: true });
    const plain = `const { writeFileAtomic } = await import('./base/index.ts'); writeFileAtomic('${path()}', 'new');`;
    const child = await hangInWrite(write?.() ?? plain);
    expect(unfinished()).toHaveLength(1);
    // A living process's file stays.
    await start();
    expect(unfinished()).toHaveLength(1);
    await kill(child);
    expect(unfinished()).toHaveLength(1);
    await start();
    expect(unfinished()).toEqual([]);
    expect(existsSync(path())).toBe(false);
  });
});

describe('sweepTemporaryFiles', () => {
  it('tells its own names from others', () => {
    // A process number that was given out again has another start time; older releases wrote no start time.
    const dead = [
      'a.json.tmp-4194305-77-3',
      `b.tmp-${process.pid}-1-0`,
      '.tmp-4194305-77-3.json',
      'c.tmp-4194305-9',
    ];
    const kept = ['a.json', 'x.tmp', 'y.tmp-', `d.tmp-${process.pid}-0`];
    for (const name of [...dead, ...kept]) writeFileSync(join(base, name), name);
    expect([...sweepTemporaryFiles(base)].sort()).toEqual([...dead].sort());
    expect(readdirSync(base).sort()).toEqual([...kept, 'root', 'state'].sort());
    expect(readFileSync(join(base, 'a.json'), 'utf8')).toBe('a.json');
  });

  it('has nothing to do where there is no directory', () => {
    expect(sweepTemporaryFiles(join(base, 'none'))).toEqual([]);
  });
});
