import { describe, expect, it } from 'vitest';
import { isInUnit, startScopeArguments } from './systemd.ts';

describe('startScopeArguments', () => {
  const args = startScopeArguments({
    pid: 42,
    slice: 'kubepods-pod1.slice',
    unit: 'gantry-x.scope',
    description: 'a pod',
  });

  it('call StartTransientUnit with its signature', () => {
    expect(args.slice(0, 8)).toEqual([
      'call',
      'org.freedesktop.systemd1',
      '/org/freedesktop/systemd1',
      'org.freedesktop.systemd1.Manager',
      'StartTransientUnit',
      'ssa(sv)a(sa(sv))',
      'gantry-x.scope',
      'replace',
    ]);
  });

  it('give as many properties as they announce, each of name, type and value, and no further units', () => {
    const rest = args.slice(8);
    const count = Number(rest.shift());
    const properties: Record<string, string[]> = {};
    for (let i = 0; i < count; i++) {
      const name = rest.shift() ?? '';
      const type = rest.shift() ?? '';
      const length = type === 'au' ? Number(rest[0]) + 1 : 1;
      properties[name] = [type, ...rest.splice(0, length)];
    }
    expect(rest).toEqual(['0']);
    expect(properties).toMatchObject({
      Slice: ['s', 'kubepods-pod1.slice'],
      Delegate: ['b', 'true'],
      PIDs: ['au', '1', '42'],
      Description: ['s', 'a pod'],
    });
  });
});

it.each([
  ['v2', '0::/kubepods.slice/gantry-x.scope\n', true],
  ['v2, in a child', '0::/kubepods.slice/gantry-x.scope/inner\n', true],
  ['v1', '5:memory:/\n1:name=systemd:/a.slice/gantry-x.scope\n', true],
  ['only another controller', '5:memory:/gantry-x.scope\n0::/\n', false],
  ['elsewhere', '0::/user.slice\n', false],
])('a process is in its unit: %s', (_name, text, expected) => {
  expect(isInUnit(text, 'gantry-x.scope')).toBe(expected);
});
