import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultConfig } from '../config/index.ts';
import { parseServeArguments } from './serve.ts';

let directory: string;
let file: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'gantry-cri-cli-'));
  file = join(directory, 'config.toml');
  writeFileSync(file, 'root = "/from/file"\nstate = "/from/file"\ncni-garbage-collection = true\n');
});
afterAll(() => rmSync(directory, { recursive: true }));

describe('arguments of serve', () => {
  it('win over the file, which wins over the defaults', () => {
    expect(parseServeArguments(['--config', file, '--state=/from/flag', '--log-level', 'debug'])).toEqual({
      ...defaultConfig,
      root: '/from/file',
      state: '/from/flag',
      cniGarbageCollection: true,
      logLevel: 'debug',
    });
  });

  it('ask for help', () => {
    expect(parseServeArguments(['--config', '/nonexistent', '--help'])).toBe('help');
  });

  const wrongs: [string, string[], RegExp][] = [
    ['an unknown flag', ['--rooot', '/x'], /Unknown option '--rooot'; 'gantry serve --help'/],
    ['a flag without its value', ['--root'], /--root/],
    ['a stray word', ['now'], /now/],
    ['a wrong value', ['--network', 'none'], /command line: network: must be auto or cni or builtin/],
    [
      'a file that is not there',
      ['--config', '/nonexistent/c.toml'],
      /\/nonexistent\/c\.toml cannot be read/,
    ],
  ];
  it.each(wrongs)('refuse %s', (_name, args, message) => {
    expect(() => parseServeArguments(args)).toThrow(message);
  });
});
