import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { defaultConfig, mergeSettings, readConfigFile, settings } from './index.ts';

const directory = mkdtempSync(join(tmpdir(), 'gantry-cri-config-'));
afterAll(() => rmSync(directory, { recursive: true }));

function file(content: string): string {
  const path = join(directory, 'config.toml');
  writeFileSync(path, content);
  return path;
}

const flags = (values: Record<string, unknown>) => ({
  origin: 'command line',
  values: new Map(Object.entries(values)),
});

describe('settings', () => {
  it('cover every member of the configuration once', () => {
    const members = Object.values(settings).map((s) => s.member);
    expect(members.sort()).toEqual(Object.keys(defaultConfig).sort());
  });

  it('are the defaults when nothing is said', () => {
    expect(mergeSettings()).toEqual(defaultConfig);
  });

  it('come from the file, and from flags over the file', () => {
    const given = readConfigFile(
      file(
        'root = "/data"\nlog-level = "warn"\ncni-bin-dir = ["/a", "/b"]\ncni-garbage-collection = true\npull-concurrency = 5\n',
      ),
    );
    expect(
      mergeSettings(given, flags({ root: '/other', 'cni-bin-dir': '/x:/y', 'pull-minimum-rate': '2048' })),
    ).toEqual({
      ...defaultConfig,
      root: '/other',
      logLevel: 'warn',
      cniBinDirs: ['/x', '/y'],
      cniGarbageCollection: true,
      pullConcurrency: 5,
      pullMinimumRate: 2048,
    });
  });

  const wrongs: [string, string, RegExp][] = [
    ['an unknown key', 'rooot = "/x"', /config\.toml: rooot: there is no such setting/],
    ['a number for a text', 'root = 7', /config\.toml: root: must be a text/],
    ['a relative path', 'root = "data"', /config\.toml: root: must be an absolute path, not "data"/],
    ['an unknown choice', 'network = "calico"', /network: must be auto or cni or builtin, not "calico"/],
    [
      'a text for a number',
      'pull-concurrency = "many"',
      /pull-concurrency: must be a whole number above 0, not "many"/,
    ],
    ['zero', 'pull-concurrency = 0', /must be a whole number above 0, not 0/],
    ['a text for a switch', 'cni-garbage-collection = "yes"', /must be true or false/],
    ['a number for a list', 'cni-bin-dir = 1', /must be a list of directories/],
    ['a relative path in a list', 'cni-bin-dir = ["bin"]', /must be an absolute path, not "bin"/],
    ['an address of another kind', 'listen = "tcp://1.2.3.4:5"', /listen: must be unix:\/\/\/absolute\/path/],
    ['an address without a port', 'metrics = "localhost"', /metrics: must be HOST:PORT/],
    ['a table', '[listen]\nx = 1', /listen: must be a text/],
  ];
  it.each(wrongs)('refuse %s, naming key and file', (_name, content, message) => {
    expect(() => mergeSettings(readConfigFile(file(content)))).toThrow(message);
  });

  it('may turn NRI off by an empty path, but not the root', () => {
    expect(mergeSettings(flags({ 'nri-socket': '' })).nriSocket).toBe('');
    expect(() => mergeSettings(flags({ root: '' }))).toThrow(/command line: root: must be an absolute path/);
  });
});

describe('the file', () => {
  it('is named when it is absent or no TOML', () => {
    expect(() => readConfigFile('/nonexistent/gantry.toml')).toThrow(
      /\/nonexistent\/gantry\.toml cannot be read/,
    );
    expect(() => readConfigFile(file('root = '))).toThrow(/config\.toml is no TOML/);
  });
});
