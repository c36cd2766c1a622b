import { describe, expect, it } from 'vitest';
import type { OciSpec } from '../base/index.ts';
import { applyEdits } from './apply.ts';
import { bareSpec, specOf, specText, testNodes } from './testing.ts';

function apply(edits: object, spec: OciSpec = bareSpec): OciSpec {
  const [device] = specOf(specText(edits)).devices;
  if (device === undefined) throw new Error('no device');
  return applyEdits(spec, device.containerEdits, 'v.com/class=dev', testNodes);
}
const devices = (node: object, spec = bareSpec) => apply({ deviceNodes: [node] }, spec).linux.devices;
const rules = (node: object) => apply({ deviceNodes: [node] }).linux.resources?.devices;

describe('edits', () => {
  it('set variables: those that are there in their place, new ones behind', () => {
    expect(apply({ env: ['NEW=1', 'B=new=2', 'NEW=2'] }).process.env).toEqual([
      'PATH=/bin',
      'B=new=2',
      'NEW=2',
    ]);
  });

  it('leave alone what they do not name', () => {
    const { process, ...rest } = apply({ env: ['A=1'] });
    expect(rest.mounts).toEqual(bareSpec.mounts);
    expect(rest.linux.devices).toEqual(bareSpec.linux.devices);
    expect(process.user.additionalGids).toEqual([]);
  });

  it('add groups, each once, never 0', () => {
    const spec = {
      ...bareSpec,
      process: { ...bareSpec.process, user: { uid: 0, gid: 0, additionalGids: [5] } },
    };
    expect(apply({ additionalGids: [0, 7, 5, 7] }, spec).process.user.additionalGids).toEqual([5, 7]);
  });

  it('replace the mount at their place, and sort by depth', () => {
    const mounts = [
      { hostPath: '/lib/a', containerPath: '/data', options: ['ro', 'nosuid', 'rbind'] },
      { hostPath: 'tmpfs', containerPath: '/top', type: 'tmpfs' },
    ];
    expect(apply({ mounts }).mounts).toEqual([
      { destination: '/dev' },
      { destination: '/data', source: '/lib/a', options: ['ro', 'nosuid', 'rbind'] },
      { destination: '/top', source: 'tmpfs', type: 'tmpfs', options: [] },
      { destination: '/dev/pts' },
    ]);
  });

  it.each([
    [{ options: ['rbind', 'ro'] }, ['rbind', 'ro', 'ridmap']],
    [{ options: ['bind'] }, ['bind', 'idmap']],
    [{ type: 'bind' }, ['idmap']],
    [{ options: ['rbind', 'idmap'] }, ['rbind', 'idmap']],
    [{ type: 'tmpfs' }, []],
  ])('of a bind mount %j are ID-mapped in a user namespace', (mount, options) => {
    const spec: OciSpec = { ...bareSpec, linux: { ...bareSpec.linux, namespaces: [{ type: 'user' }] } };
    const { mounts } = apply({ mounts: [{ hostPath: '/a', containerPath: '/b', ...mount }] }, spec);
    expect(mounts.find(({ destination }) => destination === '/b')?.options).toEqual(options);
  });

  it('bind nodes of other paths in a user namespace, where none can be made', () => {
    const spec: OciSpec = { ...bareSpec, linux: { ...bareSpec.linux, namespaces: [{ type: 'user' }] } };
    const deviceNodes = [
      { path: '/dev/renamed', hostPath: '/dev/char', permissions: 'r' },
      { path: '/dev/block' },
      { path: '/dev/other', hostPath: '/dev/char', type: 'c', major: 99, minor: 1 },
    ];
    const { mounts, linux } = apply({ deviceNodes }, spec);
    expect(mounts.filter(({ destination }) => destination === '/dev/renamed')).toEqual([
      {
        destination: '/dev/renamed',
        source: '/dev/char',
        type: 'bind',
        options: ['bind', 'nosuid', 'noexec'],
      },
    ]);
    expect(linux.devices?.map(({ path }) => path)).toEqual(['/dev/old', '/dev/block', '/dev/other']);
    expect(linux.resources?.devices).toContainEqual({
      allow: true,
      type: 'c',
      major: 10,
      minor: 229,
      access: 'r',
    });
  });

  it('add hooks behind those that are there', () => {
    const spec: OciSpec = {
      ...bareSpec,
      hooks: { createContainer: [{ path: '/first' }], poststop: [{ path: '/p' }] },
    };
    const hooks = [
      { hookName: 'createContainer', path: '/second', args: ['second', 'x'], env: ['A=1'], timeout: 5 },
      { hookName: 'startContainer', path: '/third' },
    ];
    expect(apply({ hooks }, spec).hooks).toEqual({
      createContainer: [
        { path: '/first' },
        { path: '/second', args: ['second', 'x'], env: ['A=1'], timeout: 5 },
      ],
      startContainer: [{ path: '/third' }],
      poststop: [{ path: '/p' }],
    });
  });

  it.each<[object, string]>([
    [
      { intelRdt: { closID: 'x' } },
      'CDI device v.com/class=dev cannot be given to a container: it wants Intel RDT',
    ],
    [
      { netDevices: [{ hostInterfaceName: 'eth1', name: 'lan' }] },
      'network interface eth1 would have to be moved',
    ],
  ])('%j are refused', (edits, message) => {
    expect(() => apply(edits)).toThrow(message);
  });
});

describe('a device node', () => {
  const old = { path: '/dev/old', type: 'c', major: 1, minor: 1 };

  it.each<[object, object]>([
    [{ path: '/dev/char' }, { path: '/dev/char', type: 'c', major: 10, minor: 229, fileMode: 0o640 }],
    [
      { path: '/dev/x', hostPath: '/dev/block', fileMode: 0o600, uid: 5, gid: 0 },
      { path: '/dev/x', type: 'b', major: 10, minor: 229, fileMode: 0o600, uid: 5, gid: 0 },
    ],
    [
      { path: '/dev/x', hostPath: '/dev/fifo' },
      { path: '/dev/x', type: 'p', fileMode: 0o640 },
    ],
    // Described in full: what the host has does not matter.
    [
      { path: '/dev/none', type: 'c', major: 7, minor: 3 },
      { path: '/dev/none', type: 'c', major: 7, minor: 3 },
    ],
    [
      { path: '/dev/block', type: 'c', major: 7 },
      { path: '/dev/block', type: 'c', major: 7, minor: 0, fileMode: 0o640 },
    ],
    [
      { path: '/dev/none', type: 'p' },
      { path: '/dev/none', type: 'p' },
    ],
  ])('%j is %j', (node, expected) => {
    expect(devices(node)).toEqual([old, expected]);
  });

  it('replaces one of its path, and belongs to whom the container runs as', () => {
    const spec = { ...bareSpec, process: { ...bareSpec.process, user: { uid: 1000, gid: 2000 } } };
    expect(devices({ path: '/dev/old', hostPath: '/dev/char' }, spec)).toEqual([
      { path: '/dev/old', type: 'c', major: 10, minor: 229, fileMode: 0o640, uid: 1000, gid: 2000 },
    ]);
  });

  it.each<[object, object[]]>([
    [{ path: '/dev/char' }, [{ allow: true, type: 'c', major: 10, minor: 229, access: 'rwm' }]],
    [
      { path: '/dev/block', permissions: 'r' },
      [{ allow: true, type: 'b', major: 10, minor: 229, access: 'r' }],
    ],
    [{ path: '/dev/char', permissions: 'none' }, []],
    [{ path: '/dev/fifo' }, []],
    [
      { path: '/x', type: 'u', major: 3, minor: 4 },
      [{ allow: true, type: 'c', major: 3, minor: 4, access: 'rwm' }],
    ],
  ])('%j may be used as %j', (node, expected) => {
    expect(rules(node)).toEqual([{ allow: false }, ...expected]);
  });

  it.each<[object, string]>([
    [{ path: '/dev/none' }, 'CDI device v.com/class=dev: the host has no device node /dev/none'],
    [{ path: '/dev/char', hostPath: '/dev/none', type: 'c' }, 'the host has no device node /dev/none'],
    [{ path: '/dev/char', type: 'b' }, '/dev/char of the host is of type c, not b'],
  ])('%j is refused', (node, message) => {
    expect(() => devices(node)).toThrow(message);
  });
});
