import { describe, expect, it } from 'vitest';
import type { ImageRecord } from '../../image/index.ts';
import { toImage } from './image-message.ts';

const image = (user: string, pinned = false): ImageRecord => ({
  id: `sha256:${'1'.repeat(64)}`,
  repoTags: ['reg.test/a:1'],
  repoDigests: [`reg.test/a@sha256:${'2'.repeat(64)}`],
  size: 5_000_000_000,
  config: {
    user,
    env: [],
    entrypoint: [],
    cmd: [],
    workingDir: '',
    volumes: [],
    stopSignal: '',
    labels: {},
    architecture: 'amd64',
    os: 'linux',
    created: '',
  },
  layers: [],
  pinned,
  pulledAt: 0n,
});

describe('toImage', () => {
  it('carries names and size', () => {
    expect(toImage(image(''), false)).toEqual({
      id: `sha256:${'1'.repeat(64)}`,
      repoTags: ['reg.test/a:1'],
      repoDigests: [`reg.test/a@sha256:${'2'.repeat(64)}`],
      size: 5_000_000_000,
      username: '',
      pinned: false,
    });
  });

  it.each([
    ['1002', { uid: { value: 1002n } }],
    ['1003:1004', { uid: { value: 1003n } }],
    ['0', { uid: { value: 0n } }],
    ['www-data', { username: 'www-data' }],
    ['www-data:1004', { username: 'www-data' }],
    ['', { username: '' }],
    // No number that fits: a name, which no /etc/passwd will have.
    ['99999999999999999999', { username: '99999999999999999999' }],
  ])('user %j', (user, shown) => {
    const { uid, username } = toImage(image(user), false);
    expect({ ...(uid && { uid }), ...(username !== undefined && { username }) }).toEqual(shown);
  });

  it('pins what the record pins, and what pods of the command line use', () => {
    expect(toImage(image('', true), false).pinned).toBe(true);
    expect(toImage(image(''), true).pinned).toBe(true);
  });
});
