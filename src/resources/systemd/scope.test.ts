import { describe, expect, it } from 'vitest';
import { isInUnit, scopeProperties } from './scope.ts';

describe('scopeProperties', () => {
  const request = {
    pid: 42,
    slice: 'kubepods-pod1.slice',
    unit: 'gantry-x.scope',
    description: 'a pod',
  };
  const values = (properties: ReturnType<typeof scopeProperties>): Record<string, unknown> =>
    Object.fromEntries(properties.map(({ name, type, value }) => [name, [type, value]]));

  it('have the process, its slice, and the inside of its cgroup to itself', () => {
    expect(values(scopeProperties(request))).toMatchObject({
      Slice: ['s', 'kubepods-pod1.slice'],
      Delegate: ['b', true],
      PIDs: ['au', [42]],
      Description: ['s', 'a pod'],
      CollectMode: ['s', 'inactive-or-failed'],
      TasksMax: ['t', 2n ** 64n - 1n],
    });
  });

  it('give each name once: the request’s own limits win', () => {
    const properties = scopeProperties({
      ...request,
      properties: [{ name: 'TasksMax', type: 't', value: 33n }],
    });
    expect(properties.filter(({ name }) => name === 'TasksMax')).toEqual([
      { name: 'TasksMax', type: 't', value: 33n },
    ]);
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
