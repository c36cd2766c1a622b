/** An app's root: the stack that an image's list of layers makes. */
import { chmodSync, chownSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Finished, type RunOptions, Workshop } from './testing/bundle.ts';

let shop: Workshop;
let one: string;
let two: string;
beforeAll(() => {
  shop = new Workshop();
  one = layerWith({ file: 'one', 'dir/one': '', both: 'one' });
  two = layerWith({ file: 'two', 'dir/two': '' });
});
afterAll(() => shop.dispose());

function layerWith(files: Readonly<Record<string, string>>): string {
  const path = shop.newDirectory('layer');
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(join(path, name, '..'), { recursive: true });
    writeFileSync(join(path, name), text);
  }
  return path;
}

function programs(): string[] {
  return readdirSync(shop.root).filter((entry) => /^(bin|lib.*|usr)$/.test(entry));
}

interface Root {
  readonly layers: readonly string[];
  readonly writable?: string;
}

function run(script: string, root: Root, options: RunOptions & { label?: string } = {}): Finished {
  const layer = (mountpoint: string): object => ({ mountpoint, digest: '', file: '', format: 'erofs' });
  const spec = shop.script(script, (copy) => {
    // An image without layers has no shell: programs and libraries come from outside.
    for (const name of programs()) {
      const source = join(shop.root, name);
      copy.mounts.push({ destination: `/${name}`, type: 'bind', source, options: ['rbind', 'ro'] });
    }
  });
  const app = {
    contractVersion: 1,
    id: 'b'.repeat(64),
    name: 'app',
    rootfs: { kind: 'layers', ...root, layers: root.layers.map(layer) },
    stdin: false,
    stdinOnce: false,
    log: { kind: 'none' },
    stopSignal: 15,
    pid: 'app',
    after: [],
    probes: [],
  };
  return shop.run(spec, { ...options, app });
}

describe.each([false, true])('layers, old kernel: %s', (oldKernel) => {
  const show = 'echo $(cat /file /both); echo made > /made && cat /made';

  test.each([
    ['at once', () => [shop.root, one, one, two], 'twoone'],
    ['apart', () => [one, shop.root, one, two, one], 'oneone'],
    ['only', () => [one, one], 'oneone'],
  ])('named twice, %s, count once, where they are uppermost', (_what, layers, shown) => {
    const done = run(show, { layers: layers(), writable: shop.newDirectory('writable') }, { oldKernel });
    expect(done.stderr).toBe('');
    expect(done.stdout).toBe(`${shown}\nmade\n`);
  });

  test('have a root that nobody is locked out of, with the uppermost one’s owner', () => {
    const closed = layerWith({ 'etc/closed': '' });
    chmodSync(closed, 0o700);
    chownSync(closed, 7, 8);
    const root = { layers: [shop.root, closed], writable: shop.newDirectory('writable') };
    const script = 'stat -c "%a %u %g" /';
    expect(run(script, root, { oldKernel }).stdout).toBe('755 7 8\n');
  });

  test('none: an empty directory with mount points, which can be written', () => {
    const root = { layers: [], writable: shop.newDirectory('writable') };
    const done = run('cd /; echo *; echo hi > /x; cat /x; stat -c "%a %u %g" /', root, { oldKernel });
    const places = [...programs(), 'dev', 'proc', 'sys'].sort().join(' ');
    expect(done).toEqual({ status: 0, stdout: `${places}\nhi\n755 0 0\n`, stderr: '' });
  });
});
