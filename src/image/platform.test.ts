import { describe, expect, it } from 'vitest';
import {
  acceptablePlatforms,
  formatPlatform,
  hostPlatform,
  normalizePlatform,
  platformRank,
} from './platform.ts';

const parse = (text: string) => {
  const [os = '', architecture = '', variant = ''] = text.split('/');
  return normalizePlatform({ os, architecture, variant });
};

describe('normalizePlatform', () => {
  it.each([
    ['Linux/x86_64', 'linux/amd64'],
    ['linux/amd64/v1', 'linux/amd64'],
    ['linux/amd64/v3', 'linux/amd64/v3'],
    ['linux/aarch64', 'linux/arm64'],
    ['linux/arm64/8', 'linux/arm64'],
    ['linux/arm', 'linux/arm/v7'],
    ['linux/armel', 'linux/arm/v6'],
    ['linux/arm/6', 'linux/arm/v6'],
  ])('%s is %s', (text, normal) => {
    expect(formatPlatform(parse(text))).toBe(normal);
  });
});

it('knows the machine that it runs on', () => {
  expect(hostPlatform('x64')).toEqual({ os: 'linux', architecture: 'amd64', variant: '' });
  expect(hostPlatform('arm64')).toEqual({ os: 'linux', architecture: 'arm64', variant: '' });
});

it('prefers what containerd prefers', () => {
  expect(acceptablePlatforms(parse('linux/amd64')).map(formatPlatform)).toEqual(['linux/amd64', 'linux/386']);
  expect(acceptablePlatforms(parse('linux/amd64/v3')).map(formatPlatform)).toEqual([
    'linux/amd64/v3',
    'linux/amd64/v2',
    'linux/amd64',
    'linux/386',
  ]);
  expect(acceptablePlatforms(parse('linux/arm64')).map(formatPlatform)).toEqual([
    'linux/arm64',
    'linux/arm/v8',
    'linux/arm/v7',
    'linux/arm/v6',
    'linux/arm/v5',
  ]);
  expect(acceptablePlatforms(parse('linux/s390x')).map(formatPlatform)).toEqual(['linux/s390x']);
});

it.each([
  ['linux/amd64', 'linux/amd64', 0],
  ['linux/amd64', 'linux/386', 1],
  ['linux/amd64', 'linux/amd64/v3', undefined],
  ['linux/amd64', 'windows/amd64', undefined],
  ['linux/amd64', 'unknown/unknown', undefined],
  ['linux/arm64', 'linux/arm/v7', 2],
  ['linux/arm/v6', 'linux/arm/v7', undefined],
])('on %s, %s has rank %s', (host, candidate, rank) => {
  expect(platformRank(parse(host), parse(candidate))).toBe(rank);
});
