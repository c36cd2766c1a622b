import { describe, expect, it } from 'vitest';
import { formatReference, isDigest, parseCommandLineReference, parseReference } from './reference.ts';

const hex = 'a'.repeat(64);
const digest = `sha256:${hex}`;

describe('parseReference', () => {
  it.each([
    ['busybox', 'docker.io/library/busybox:latest'],
    ['busybox:1.36', 'docker.io/library/busybox:1.36'],
    ['library/busybox', 'docker.io/library/busybox:latest'],
    ['someone/thing:v1', 'docker.io/someone/thing:v1'],
    ['docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['index.docker.io/busybox', 'docker.io/library/busybox:latest'],
    ['localhost/app', 'localhost/app:latest'],
    ['localhost:5000/app:x', 'localhost:5000/app:x'],
    ['127.0.0.1:5000/a/b/c:1', '127.0.0.1:5000/a/b/c:1'],
    ['[::1]:5000/app', '[::1]:5000/app:latest'],
    ['registry.k8s.io/pause:3.9', 'registry.k8s.io/pause:3.9'],
    ['Host/app', 'Host/app:latest'],
    [`busybox@${digest}`, `docker.io/library/busybox@${digest}`],
    [`reg.example:5000/a:tag@${digest}`, `reg.example:5000/a@${digest}`],
    ['a__b/c--d.e_f', 'docker.io/a__b/c--d.e_f:latest'],
    [`x:${'t'.repeat(128)}`, `docker.io/library/x:${'t'.repeat(128)}`],
  ])('%s', (text, full) => {
    expect(formatReference(parseReference(text))).toBe(full);
    expect(formatReference(parseReference(full))).toBe(full);
  });

  it.each([
    ['', 'empty'],
    ['Busybox', 'lower-case'],
    ['a:b:c', 'no tag'],
    ['busybox:', 'no tag'],
    [`busybox:${'t'.repeat(129)}`, 'no tag'],
    ['busybox@sha256:abc', 'no digest'],
    [`busybox@sha256:${'A'.repeat(64)}`, 'no digest'],
    [`busybox@sha256:${'a'.repeat(63)}`, 'no digest'],
    ['-x/y', 'no repository name'],
    ['a//b', 'no repository name'],
    ['a/./b', 'no repository name'],
    ['../../etc/passwd', 'no registry host'],
    ['reg.example:port/x', 'no registry host'],
    ['http://reg/x', 'no registry host'],
    ['a b', 'no repository name'],
    [hex, 'image ID'],
    [`reg.example/${'a/'.repeat(130)}b`, 'longer than'],
  ])('refuses %j', (text, why) => {
    expect(() => parseReference(text)).toThrow(why);
  });
});

describe('parseCommandLineReference', () => {
  it.each([
    ['docker://reg:5000/a:1', 'reg:5000/a:1'],
    ['docker:///busybox', 'docker.io/library/busybox:latest'],
    ['busybox', 'docker.io/library/busybox:latest'],
  ])('%s', (text, full) => {
    expect(formatReference(parseCommandLineReference(text))).toBe(full);
  });
  it('names a scheme that it does not know', () => {
    expect(() => parseCommandLineReference('ftp://x/y')).toThrow('scheme "ftp"');
  });
});

describe('isDigest', () => {
  it.each([
    [digest, true],
    [`sha512:${'0'.repeat(128)}`, true],
    [`sha512:${'0'.repeat(64)}`, false],
    ['sha256', false],
    [`md5:${'0'.repeat(32)}`, true],
    [`sha256:${'g'.repeat(64)}`, false],
  ])('%s → %s', (text, valid) => {
    expect(isDigest(text)).toBe(valid);
  });
});
