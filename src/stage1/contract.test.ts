import { describe, expect, it } from 'vitest';
import { type Additions, checkManifest, checkRequest, manifestVersion } from './contract.ts';
import { CONTRACT_VERSION } from './manifest.ts';

const hello = (contractVersion: number) => ({
  contractVersion,
  version: '0.1.0',
  pid: 1,
  podId: 'p',
  flavor: 'namespaces',
});

/** As a later release may have them. */
const additions: Additions = { requests: { resize: 4, exec: 3 }, members: { 'rootfs.kind': 2, deep: 3 } };

describe('the version of an app’s manifest', () => {
  it.each([
    ['stage1’s own where it is older', hello(1), 1],
    ['ours where it is as new', hello(CONTRACT_VERSION), CONTRACT_VERSION],
    ['ours where it is newer', hello(99), CONTRACT_VERSION],
    ['the first where it has said nothing', undefined, 1],
    ['the first where it has given no number', hello(0), 1],
  ])('is %s', (_what, said, version) => {
    expect(manifestVersion(said)).toBe(version);
  });
});

describe('a request', () => {
  it.each([
    ['resize', 4, true],
    ['resize', 3, false],
    ['exec', 3, true],
    ['exec', 2, false],
    ['stop', 1, true],
  ] as const)('%s of version %i: %s', (verb, version, isKnown) => {
    const check = (): void => checkRequest(hello(version), verb, additions);
    if (isKnown) expect(check).not.toThrow();
    else expect(check).toThrow(/release 0\.1\.0 \(contract \d\) and does not know the request "\w+"/);
  });
});

describe('a member of a manifest', () => {
  it.each([
    ['that is not used', 1, { rootfs: {} }, true],
    ['that is used', 1, { rootfs: { kind: 'layers' } }, false],
    ['that is used by one that knows it', 2, { rootfs: { kind: 'layers' } }, true],
    ['at the top', 2, { deep: 0 }, false],
  ])('%s, of version %i', (_what, version, manifest, isGood) => {
    const check = (): void => checkManifest(hello(version), manifest, additions);
    if (isGood) expect(check).not.toThrow();
    else expect(check).toThrow(expect.objectContaining({ code: 'unimplemented' }));
  });
});
