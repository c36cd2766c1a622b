import { describe, expect, it } from 'vitest';
import { parseQualifiedName, requestedDevices } from './names.ts';
import { specOf, specText } from './testing.ts';

const none = {
  env: [],
  deviceNodes: [],
  netDevices: [],
  hooks: [],
  mounts: [],
  intelRdt: undefined,
  additionalGids: [],
};
const edit = (edits: object) => specText(edits);
const node = (changes: object) => edit({ deviceNodes: [{ path: '/dev/x', ...changes }] });

describe('a specification', () => {
  it('is the same in JSON and in YAML', () => {
    const yaml = `---
# A comment.
cdiVersion: "0.6.0"
kind: vendor.com/gpu.x
annotations: {a: b}
containerEdits:
  env: [SHARED=1]
devices:
- name: "0"
  containerEdits: &edits
    deviceNodes:
    - path: /dev/g0
      hostPath: /dev/real
      fileMode: 0660
      permissions: rw
- name: gpu:1
  containerEdits: *edits
`;
    const json = JSON.stringify({
      cdiVersion: 'v0.6.0',
      kind: 'vendor.com/gpu.x',
      annotations: { a: 'b' },
      containerEdits: { env: ['SHARED=1'], mounts: null },
      devices: ['0', 'gpu:1'].map((name) => ({
        name,
        containerEdits: {
          deviceNodes: [{ path: '/dev/g0', hostPath: '/dev/real', fileMode: 0o660, permissions: 'rw' }],
        },
      })),
    });
    expect(specOf(json)).toEqual({ ...specOf(yaml), cdiVersion: 'v0.6.0' });
    const [first] = specOf(yaml).devices;
    expect(first?.containerEdits).toEqual({
      ...none,
      deviceNodes: [
        {
          path: '/dev/g0',
          hostPath: '/dev/real',
          type: '',
          major: 0,
          minor: 0,
          fileMode: 0o660,
          permissions: 'rw',
          uid: undefined,
          gid: undefined,
        },
      ],
    });
  });

  it('may write members’ names in any case, as documents of the format do', () => {
    expect(specOf(edit({ additionalGIDs: [5] })).devices[0]?.containerEdits.additionalGids).toEqual([5]);
  });

  it.each<[string, string, string]>([
    ['nothing', '', 'it is empty'],
    ['no YAML', '{', ''],
    ['a list', '[]', 'the specification must be an object'],
    ['the same member twice', '{"kind":"a/b","kind":"a/b"}', 'unique'],
    ['an unknown member', specText(undefined, { kindd: 'x' }), 'kindd is unknown'],
    ['an unknown member deep inside', node({ path2: 'x' }), 'containerEdits.deviceNodes[0].path2 is unknown'],
    ['a number for a string', specText(undefined, { kind: 7 }), 'kind must be a string'],
    ['an object for a list', edit({ env: { A: '1' } }), 'env must be a list'],
    ['a fraction', node({ major: 1.5 }), 'major must be a whole number'],
    ['an impossible user', node({ uid: -1 }), 'uid must be a whole number'],
    [
      'a timeout of nothing',
      edit({ hooks: [{ hookName: 'prestart', path: '/x', timeout: 0 }] }),
      'timeout must be',
    ],
    ['no version', specText(undefined, { cdiVersion: '' }), 'cdiVersion "" is unknown'],
    ['a version to come', specText(undefined, { cdiVersion: '2.0.0' }), 'cdiVersion "2.0.0" is unknown'],
    ['a version before all', specText(undefined, { cdiVersion: '0.2.0' }), 'came with 0.3.0'],
    ['no vendor', specText(undefined, { kind: 'class' }), 'kind "class" is not of the form'],
    ['three parts', specText(undefined, { kind: 'v.com/a/b' }), 'is not of the form'],
    ['a vendor with a digit first', specText(undefined, { kind: '1v.com/a' }), 'is not of the form'],
    ['no devices', specText(undefined, { devices: [] }), 'it describes no device'],
    ['a device without edits', edit({}), 'device "dev" has no edits'],
    ['a device with empty edits', edit({ env: [] }), 'device "dev" has no edits'],
    [
      'a device twice',
      specText(undefined, {
        devices: [1, 2].map((n) => ({ name: 'dev', containerEdits: { env: [`A=${n}`] } })),
      }),
      'device "dev" is there twice',
    ],
    ['a bad variable', edit({ env: ['=x'] }), '"=x" is no NAME=VALUE'],
    ['a node without path', edit({ deviceNodes: [{ hostPath: '/dev/null' }] }), 'has no path'],
    ['a type that is none', node({ type: 'x' }), '"x" is no type of device'],
    ['permissions that are none', node({ permissions: 'rx' }), 'permissions "rx"'],
    ['a hook that is none', edit({ hooks: [{ hookName: 'before', path: '/x' }] }), '"before" is no hook'],
    ['a hook without path', edit({ hooks: [{ hookName: 'prestart' }] }), 'the prestart hook has no path'],
    ['a mount of nothing', edit({ mounts: [{ containerPath: '/x' }] }), 'has no hostPath'],
    ['a mount to nowhere', edit({ mounts: [{ hostPath: '/x' }] }), 'has no containerPath'],
    ['a class of service with a slash', edit({ intelRdt: { closID: 'a/b' } }), 'no class of service'],
    [
      'an interface twice',
      edit({ netDevices: ['a', 'b'].map((name) => ({ hostInterfaceName: 'eth1', name })) }),
      'the same hostInterfaceName',
    ],
    [
      'wrong edits for all',
      specText(undefined, { containerEdits: { env: ['x'] } }),
      'containerEdits: "x" is no',
    ],
  ])('with %s is refused', (_what, content, message) => {
    expect(() => specOf(content)).toThrow(message);
  });

  it.each<[string, object, object]>([
    ['0.4.0', { mounts: [{ hostPath: '/a', containerPath: '/b', type: 'bind' }] }, {}],
    ['0.5.0', { deviceNodes: [{ path: '/a', hostPath: '/b' }] }, {}],
    ['0.5.0', {}, { devices: [{ name: '0', containerEdits: { env: ['A=1'] } }] }],
    ['0.6.0', { env: ['A=1'] }, { kind: 'v.com/a.b' }],
    ['0.6.0', { env: ['A=1'] }, { annotations: { a: 'b' } }],
    ['0.7.0', { additionalGids: [1] }, {}],
    ['0.7.0', { intelRdt: { closID: 'x' } }, {}],
    ['1.1.0', { intelRdt: { enableMonitoring: true } }, {}],
    ['1.1.0', { netDevices: [{ hostInterfaceName: 'a', name: 'b' }] }, {}],
  ])('needs version %s for %j %j', (version, edits, changes) => {
    const versions = ['0.3.0', '0.4.0', '0.5.0', '0.6.0', '0.7.0', '0.8.0', '1.0.0', '1.1.0'];
    for (const cdiVersion of versions) {
      const read = () => specOf(specText(edits, { ...changes, cdiVersion }));
      if (versions.indexOf(cdiVersion) >= versions.indexOf(version)) expect(read).not.toThrow();
      else
        expect(read, cdiVersion).toThrow(
          `cdiVersion is ${cdiVersion}, but what is in it came with ${version}`,
        );
    }
  });
});

describe('names', () => {
  it.each([
    ['vendor.com/gpu=0', { vendor: 'vendor.com', class: 'gpu', name: '0' }],
    ['v/c.d=all', { vendor: 'v', class: 'c.d', name: 'all' }],
    ['v_1/c-2=a:b.c', { vendor: 'v_1', class: 'c-2', name: 'a:b.c' }],
  ])('%s', (device, parts) => {
    expect(parseQualifiedName(device)).toEqual(parts);
  });
  it.each([
    '',
    '/dev/null',
    'gpu=0',
    'v.com/gpu',
    'v.com/gpu=',
    'v.com=0',
    '0v/c=a',
    'v.com/c=a/b',
    'v./c=a',
    'v/c=a=',
  ])('"%s" is none', (device) => {
    expect(parseQualifiedName(device)).toBeUndefined();
  });

  it('are asked for by field and by annotation, each once', () => {
    const annotations = {
      'cdi.k8s.io/b': 'v.com/c=2,v.com/c=1',
      'cdi.k8s.io/a': 'v.com/c=3',
      other: 'v.com/c=4',
    };
    expect(requestedDevices(['v.com/c=1', 'v.com/c=1'], annotations)).toEqual([
      'v.com/c=1',
      'v.com/c=3',
      'v.com/c=2',
    ]);
    expect(requestedDevices([], {})).toEqual([]);
    expect(() => requestedDevices([], { 'cdi.k8s.io/x': 'v.com/c=1, v.com/c=2' })).toThrow(
      'annotation cdi.k8s.io/x: " v.com/c=2" is no CDI device name',
    );
  });
});
