import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lookAtNodes } from './host-nodes.ts';
import { CdiRegistry } from './registry.ts';
import { bareSpec, specText } from './testing.ts';

let root: string;
let low: string;
let high: string;
let registry: CdiRegistry;
let warnings: string[];
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'gantry-cdi-'));
  [low, high] = [join(root, 'low'), join(root, 'high')];
  mkdirSync(low);
  warnings = [];
  const log = pino({ level: 'warn' }, { write: (line: string) => void warnings.push(line) });
  registry = new CdiRegistry([low, high], lookAtNodes, log);
});
afterEach(() => rmSync(root, { recursive: true }));

const device = 'v.com/class=dev';
const setting = (value: string, changes: object = {}) => specText({ env: [`FROM=${value}`] }, changes);
/** The variable that the device sets. */
const from = async (name = device): Promise<string> =>
  (await registry.inject(bareSpec, [name])).process.env
    .filter((variable) => variable.startsWith('FROM='))
    .join();

describe('specifications', () => {
  it('are read anew when they change, come or go', async () => {
    await expect(from()).rejects.toThrow(
      `unresolvable CDI devices ${device}: no specification in ${low}, ${high}`,
    );
    writeFileSync(join(low, 'a.json'), setting('one'));
    expect(await from()).toBe('FROM=one');
    writeFileSync(join(low, 'a.json'), setting('another'));
    expect(await from()).toBe('FROM=another');
    rmSync(join(low, 'a.json'));
    await expect(from()).rejects.toThrow('unresolvable');
  });

  it('are .json and .yaml files, nothing else and nothing below', async () => {
    for (const name of ['a.yml', 'a.json.tmp', 'a']) writeFileSync(join(low, name), setting('wrong'));
    mkdirSync(join(low, 'b.json'));
    writeFileSync(join(low, 'b.json', 'c.json'), setting('wrong'));
    await expect(from()).rejects.toThrow('no specification');
    writeFileSync(join(low, 'a.yaml'), setting('right'));
    expect(await from()).toBe('FROM=right');
  });

  it('of later directories win, device by device', async () => {
    mkdirSync(high);
    const two = ['dev', 'other'].map((name) => ({ name, containerEdits: { env: ['FROM=low'] } }));
    writeFileSync(join(low, 'a.json'), specText({}, { devices: two }));
    writeFileSync(join(high, 'z.json'), setting('high'));
    expect(await from()).toBe('FROM=high');
    expect(await from('v.com/class=other')).toBe('FROM=low');
  });

  it('of one directory that contradict each other are named, unless a later one decides', async () => {
    writeFileSync(join(low, 'a.json'), setting('a'));
    writeFileSync(join(low, 'b.json'), setting('b'));
    await expect(from()).rejects.toThrow(`${device} is described by each of ${low}/a.json, ${low}/b.json`);
    mkdirSync(high);
    writeFileSync(join(high, 'c.json'), setting('c'));
    expect(await from()).toBe('FROM=c');
  });

  it('that are wrong hurt nobody else, and are told once and to whom misses them', async () => {
    writeFileSync(join(low, 'bad.json'), '{');
    writeFileSync(join(low, 'good.json'), setting('good'));
    expect([await from(), await from()]).toEqual(['FROM=good', 'FROM=good']);
    expect(warnings).toHaveLength(1);
    expect(warnings[0]).toContain('bad.json');
    await expect(from('v.com/class=missing')).rejects.toThrow(`${low}/bad.json is not used: `);
  });

  it('that cannot be looked at, files and whole directories, are no different', async () => {
    symlinkSync('loop.json', join(low, 'loop.json'));
    writeFileSync(high, 'a file for a directory');
    writeFileSync(join(low, 'good.json'), setting('good'));
    expect([await from(), await from()]).toEqual(['FROM=good', 'FROM=good']);
    expect(warnings).toHaveLength(2);
    const missing = from('v.com/class=missing');
    await expect(missing).rejects.toThrow(`${low}/loop.json is not used: ELOOP`);
    await expect(missing).rejects.toThrow(`${high} is not used: ENOTDIR`);
  });
});

describe('devices', () => {
  it('that are unknown are all named', async () => {
    writeFileSync(join(low, 'a.json'), setting('a'));
    await expect(registry.inject(bareSpec, ['v.com/x=1', device, 'gpu'])).rejects.toThrow(
      'unresolvable CDI devices v.com/x=1, gpu:',
    );
  });

  it('of one specification bring what they share once, before their own', async () => {
    const devices = ['1', '2'].map((name) => ({
      name,
      containerEdits: { env: [`FROM=${name}`], hooks: [{ hookName: 'prestart', path: `/own/${name}` }] },
    }));
    const containerEdits = { env: ['FROM=shared'], hooks: [{ hookName: 'prestart', path: '/shared' }] };
    writeFileSync(join(low, 'a.json'), specText({}, { devices, containerEdits }));
    const { process, hooks } = await registry.inject(bareSpec, ['v.com/class=2', 'v.com/class=1']);
    expect(hooks?.prestart?.map(({ path }) => path)).toEqual(['/shared', '/own/2', '/own/1']);
    expect(process.env.at(-1)).toBe('FROM=1');
  });

  it('look at the real host', async () => {
    writeFileSync(
      join(low, 'a.json'),
      specText({ deviceNodes: [{ path: '/dev/mine', hostPath: '/dev/null' }] }),
    );
    expect((await registry.inject(bareSpec, [device])).linux.devices?.at(-1)).toMatchObject({
      path: '/dev/mine',
      type: 'c',
      major: 1,
      minor: 3,
      fileMode: 0o666,
    });
    writeFileSync(
      join(low, 'a.json'),
      specText({ deviceNodes: [{ path: '/dev/mine', hostPath: '/etc/passwd' }] }),
    );
    await expect(registry.inject(bareSpec, [device])).rejects.toThrow(
      'the host has no device node /etc/passwd',
    );
  });

  it('none: the document as it was, and no file is looked at', async () => {
    expect(await registry.inject(bareSpec, [])).toBe(bareSpec);
  });
});
