import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { CniConfigurationReader, parseList, parseSingle } from './config.ts';

const none = (): string[] => [];
const list = (value: unknown, dropIns = none) => parseList(JSON.stringify(value), 'f.conflist', dropIns);

describe('a list', () => {
  test('has name, version, flags and plug-ins', () => {
    const network = list({
      cniVersion: '1.0.0',
      name: 'net',
      disableGC: true,
      plugins: [
        { type: 'bridge', bridge: 'cni0' },
        { type: 'portmap', capabilities: { portMappings: true } },
      ],
    });
    expect(network).toMatchObject({ name: 'net', cniVersion: '1.0.0', disableGC: true });
    expect(network.plugins.map((plugin) => plugin.type)).toEqual(['bridge', 'portmap']);
  });

  test.each([
    [{ cniVersion: '0.4.0' }, '0.4.0'],
    [{ cniVersions: ['0.4.0', '1.1.0', '2.0.0'] }, '1.1.0'],
    [{ cniVersion: '0.3.1', cniVersions: ['0.2.0'] }, '0.3.1'],
    [{}, '0.1.0'],
  ])('of %j is of version %s', (versions, expected) => {
    expect(list({ name: 'n', plugins: [{ type: 'x' }], ...versions }).cniVersion).toBe(expected);
  });

  test('takes the plug-ins of its drop-in directory unless it says not to', () => {
    const dropIns = () => ['{"type":"extra"}'];
    const types = (more: object) =>
      list({ name: 'n', plugins: [{ type: 'a' }], ...more }, dropIns).plugins.map((p) => p.type);
    expect(types({})).toEqual(['a', 'extra']);
    expect(types({ loadOnlyInlinedPlugins: true })).toEqual(['a']);
    expect(list({ name: 'n' }, dropIns).plugins).toHaveLength(1);
  });

  test.each([
    ['{', /not JSON/],
    ['[]', /not a JSON object/],
    ['{"plugins":[{"type":"a"}]}', /no 'name'/],
    ['{"name":"a/b","plugins":[{"type":"a"}]}', /'name' is "a\/b"/],
    ['{"name":"n"}', /no plug-ins/],
    ['{"name":"n","plugins":{}}', /'plugins' is not a list/],
    ['{"name":"n","plugins":[{}]}', /plug-in 1 has no 'type'/],
    ['{"name":"n","plugins":[{"type":"../sh"}]}', /not a file name/],
    ['{"name":"n","plugins":[{"type":"a"}],"disableGC":"maybe"}', /'disableGC' is "maybe"/],
    ['{"name":"n","plugins":[{"type":"a"}],"cniVersion":"9.0.0"}', /speaks CNI 9.0.0; Gantry speaks/],
    ['{"name":"n","plugins":[{"type":"a"}],"cniVersion":1}', /'cniVersion' is not a string/],
  ])('%s is refused', (text, message) => {
    expect(() => parseList(text, 'f', none)).toThrow(message);
  });
});

test('a single configuration is a list of one', () => {
  const network = parseSingle('{"cniVersion":"0.3.1","name":"lo","type":"loopback"}', 'f.conf');
  expect(network).toMatchObject({ name: 'lo', cniVersion: '0.3.1', plugins: [{ type: 'loopback' }] });
  expect(() => parseSingle('{"name":"n","plugins":[]}', 'f.conf')).toThrow(/must end in .conflist/);
});

describe('the directory', () => {
  let directory: string;
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'gnt-net-conf-'));
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));
  const put = (name: string, value: unknown): void =>
    writeFileSync(join(directory, name), typeof value === 'string' ? value : JSON.stringify(value));
  const good = (name: string) => ({ cniVersion: '1.0.0', name, plugins: [{ type: 'bridge' }] });

  test('is read by name; the first valid file wins, and the others’ errors are named', () => {
    put('30-late.conflist', good('late'));
    put('05-broken.conflist', '{');
    execFileSync('mkfifo', [join(directory, '06-fifo.conflist')]);
    put('10-first.conflist', good('first'));
    put('00-ignored.txt', good('ignored'));
    const now = new CniConfigurationReader(directory).current();
    expect(now.network?.name).toBe('first');
    expect(now.files).toHaveLength(4);
    expect(now.problems).toEqual([
      expect.stringMatching(/05-broken.conflist: the file is not JSON/),
      expect.stringMatching(/06-fifo.conflist is not a regular file/),
    ]);
  });

  test('is read again when it changes, and only then', () => {
    const reader = new CniConfigurationReader(directory);
    expect(reader.current()).toEqual({ files: [], problems: [] });
    put('10.conflist', good('one'));
    const first = reader.current();
    expect(first.network?.name).toBe('one');
    expect(reader.current()).toBe(first);
    put('10.conflist', good('two'));
    expect(reader.current().network?.name).toBe('two');
    mkdirSync(join(directory, 'two'));
    writeFileSync(join(directory, 'two', 'a.conf'), '{"type":"tuning"}');
    expect(reader.current().network?.plugins).toHaveLength(2);
    rmSync(join(directory, '10.conflist'));
    expect(reader.current().network).toBeUndefined();
  });

  test('is read past a file that cannot be looked at, and may be none at all', () => {
    symlinkSync('00-loop.conf', join(directory, '00-loop.conf'));
    writeFileSync(join(directory, '10.conf'), '{"name":"n","type":"x"}');
    const { network, problems } = new CniConfigurationReader(directory).current();
    expect(network?.name).toBe('n');
    expect(problems).toEqual([expect.stringMatching(/00-loop\.conf: ELOOP/)]);
    const file = new CniConfigurationReader(join(directory, '10.conf')).current();
    expect(file).toMatchObject({ files: [], problems: [expect.stringMatching(/ENOTDIR/)] });
    expect(file.network).toBeUndefined();
  });

  test('may be missing', () => {
    expect(new CniConfigurationReader(join(directory, 'absent')).current().network).toBeUndefined();
  });
});
