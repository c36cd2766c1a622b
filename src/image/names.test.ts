import { describe, expect, it } from 'vitest';
import { withNames, withoutReference, withoutTags } from './names.ts';
import type { ImageRecord } from './types.ts';

const digest = (c: string): string => `sha256:${c.repeat(64)}`;
const image = (repoTags: string[], repoDigests: string[]): ImageRecord => ({
  id: digest('1'),
  repoTags,
  repoDigests,
  size: 1,
  config: {
    user: '',
    env: [],
    entrypoint: [],
    cmd: [],
    workingDir: '',
    volumes: [],
    stopSignal: '',
    labels: {},
    architecture: '',
    os: '',
    created: '',
  },
  layers: [],
  pinned: false,
  pulledAt: 0n,
});

it('adds names once', () => {
  const named = withNames(image(['r/a:1'], []), ['r/a:1', 'r/a:2'], [`r/a@${digest('2')}`]);
  expect(named.repoTags).toEqual(['r/a:1', 'r/a:2']);
  expect(named.repoDigests).toEqual([`r/a@${digest('2')}`]);
});

it('keeps its digest when a tag moves on', () => {
  const rest = withoutTags(image(['r/a:1', 'r/a:2'], [`r/a@${digest('2')}`]), ['r/a:1']);
  expect(rest).toMatchObject({ repoTags: ['r/a:2'], repoDigests: [`r/a@${digest('2')}`] });
});

describe('withoutReference', () => {
  const a = `localhost/a@${digest('2')}`;
  const b = `localhost/b@${digest('2')}`;
  it.each<[string, string[], string[], string, [string[], string[]] | undefined]>([
    ['one of two tags', ['localhost/a:1', 'localhost/a:2'], [a], 'localhost/a:1', [['localhost/a:2'], [a]]],
    [
      'the last tag of a repository',
      ['localhost/a:1', 'localhost/b:1'],
      [a, b],
      'localhost/a:1',
      [['localhost/b:1'], [b]],
    ],
    ['the last tag of all', ['localhost/a:1'], [a], 'localhost/a:1', undefined],
    ['a digest beside a tag', ['localhost/a:1'], [a], a, [['localhost/a:1'], []]],
    ['the only digest', [], [a], a, undefined],
  ])('%s', (_what, tags, digests, reference, left) => {
    const rest = withoutReference(image(tags, digests), reference);
    expect(rest && [rest.repoTags, rest.repoDigests]).toEqual(left);
  });
});
