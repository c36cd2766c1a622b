import { describe, expect, it } from 'vitest';
import { cgroupPath, expandSlice } from './paths.ts';

describe('cgroupfs', () => {
  it.each([
    ['/kubepods/burstable/pod1', '/kubepods/burstable/pod1/x'],
    ['kubepods/pod1/', '/kubepods/pod1/x'],
    ['', '/gantry/x'],
    ['/', '/gantry/x'],
    ['/system.slice/pod', '/system.slice/pod/x'],
  ])('%j', (parent, path) => {
    expect(cgroupPath('cgroupfs', parent, 'x')).toEqual({ path, ociPath: path, scope: undefined });
  });

  it('refuses a slice and a way out', () => {
    expect(() => cgroupPath('cgroupfs', 'kubepods-pod1.slice', 'x')).toThrow(
      'is a systemd slice, but the cgroup driver is cgroupfs',
    );
    expect(() => cgroupPath('cgroupfs', '/a/../..', 'x')).toThrow("must not contain '..'");
  });
});

describe('systemd', () => {
  it('puts a scope into the slice', () => {
    expect(cgroupPath('systemd', 'kubepods-burstable-pod1_2.slice', 'x')).toEqual({
      path: '/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod1_2.slice/gantry-x.scope',
      ociPath: 'kubepods-burstable-pod1_2.slice:gantry:x',
      scope: { slice: 'kubepods-burstable-pod1_2.slice', unit: 'gantry-x.scope' },
    });
  });

  it('takes the last part of a path, and system.slice when nothing is said', () => {
    expect(cgroupPath('systemd', '/kubepods.slice/kubepods-pod1.slice', 'x').path).toBe(
      '/kubepods.slice/kubepods-pod1.slice/gantry-x.scope',
    );
    expect(cgroupPath('systemd', '', 'x').path).toBe('/system.slice/gantry-x.scope');
  });

  it('refuses what is no slice', () => {
    expect(() => cgroupPath('systemd', '/kubepods/pod1', 'x')).toThrow(
      'is no systemd slice, but the cgroup driver is systemd',
    );
  });

  it.each([
    ['a.slice', '/a.slice'],
    ['a-b-c.slice', '/a.slice/a-b.slice/a-b-c.slice'],
    ['-.slice', '/'],
  ])('expands %s', (slice, path) => {
    expect(expandSlice(slice)).toBe(path);
  });

  it.each(['a--b.slice', '-a.slice', 'a-.slice', 'a/b.slice'])('refuses %s', (slice) => {
    expect(() => expandSlice(slice)).toThrow('is no name of a slice');
  });
});
