import { describe, expect, it } from 'vitest';
import type { OciSpec } from '../base/index.ts';
import { applyAdjustment } from './apply.ts';
import { Creation } from './creation.ts';
import type { ContainerAdjustmentInit } from './generated/messages.ts';
import { checkRequired, REQUIRED_PLUGINS } from './required.ts';
import { bareSpec, containerFacts } from './testing.ts';
import { containerView } from './views.ts';
import { decode, encode } from './wire.ts';

const whole = (adjustment: ContainerAdjustmentInit) =>
  decode('ContainerAdjustment', encode('ContainerAdjustment', adjustment));
/** As if each device were a variable, a device node and two mounts. */
const injectDevices = (spec: OciSpec, devices: readonly string[]): OciSpec => ({
  ...spec,
  process: { ...spec.process, env: [...spec.process.env, `DEVICES=${devices.join()}`] },
  mounts: [...spec.mounts, { destination: '/cdi/kept' }, { destination: '/cdi/replaced', source: '/cdi' }],
  linux: { ...spec.linux, devices: [{ path: '/dev/cdi', type: 'c', major: 1, minor: 1 }] },
});
const apply = (adjustment: ContainerAdjustmentInit, swapAccounting = false) =>
  applyAdjustment(bareSpec, whole(adjustment), { swapAccounting, injectDevices });

describe('an adjustment', () => {
  it('of nothing changes nothing that counts', () => {
    const { process, mounts, linux } = apply({});
    expect(process.env).toEqual(bareSpec.process.env);
    expect(mounts).toEqual(bareSpec.mounts);
    expect(linux).toEqual(bareSpec.linux);
  });

  it('of memory limits swap too, where the kernel counts it', () => {
    const adjustment = { linux: { resources: { memory: { limit: { value: 5n << 30n } } } } };
    expect(apply(adjustment).linux.resources?.memory).toEqual({ limit: 5 * 2 ** 30 });
    expect(apply(adjustment, true).linux.resources?.memory).toEqual({
      limit: 5 * 2 ** 30,
      swap: 5 * 2 ** 30,
    });
  });

  it('brings CDI devices, under the mounts and nodes that it names itself', () => {
    const { process, mounts, linux } = apply({
      CDIDevices: [{ name: 'v.com/c=0' }, { name: 'v.com/c=1' }],
      mounts: [{ destination: '/cdi/replaced', type: 'bind', source: '/own', options: ['bind'] }],
      linux: { devices: [{ path: '/dev/cdi', type: 'c', major: 2n, minor: 2n }] },
    });
    expect(process.env).toContain('DEVICES=v.com/c=0,v.com/c=1');
    expect(mounts.filter(({ destination }) => destination.startsWith('/cdi/'))).toEqual([
      { destination: '/cdi/kept' },
      { destination: '/cdi/replaced', type: 'bind', source: '/own', options: ['bind'] },
    ]);
    expect(linux.devices).toEqual([{ path: '/dev/cdi', type: 'c', major: 2, minor: 2 }]);
  });

  it('lifts the limit on processes by -1', () => {
    expect(apply({ linux: { resources: { pids: { limit: -1n } } } }).linux.resources?.pids).toBeUndefined();
  });

  it('lets mounts propagate, and orders them by depth', () => {
    const { mounts, linux } = apply({
      mounts: [
        { destination: '/a/b', type: 'bind', source: '/x', options: ['rbind', 'rslave'] },
        { destination: '/a', type: 'bind', source: '/y', options: ['rbind'] },
      ],
    });
    expect(mounts.map(({ destination }) => destination)).toEqual(['/proc', '/a', '/a/b']);
    expect(linux.rootfsPropagation).toBe('rslave');
  });

  it('takes what is unset away', () => {
    const spec = { ...bareSpec, process: { ...bareSpec.process, ioPriority: { class: 'x', priority: 1 } } };
    const wanted = whole({ linux: { ioPriority: { class: 'IOPRIO_CLASS_NONE' }, scheduler: {} } });
    const { process } = applyAdjustment(spec, wanted, { swapAccounting: false, injectDevices });
    expect(process).not.toHaveProperty('ioPriority');
    expect(process).not.toHaveProperty('scheduler');
  });
});

describe('what one plug-in has made is what the next is shown', () => {
  it('limits over limits, RDT after its removal', () => {
    const creation = new Creation(containerView(containerFacts('c')));
    creation.merge('10-a', whole({ linux: { resources: { cpu: { shares: { value: 7n } } } } }));
    creation.merge('20-b', whole({ linux: { resources: { cpu: { cpus: '0' } } } }));
    creation.merge('30-c', whole({ linux: { rdt: { remove: true, closId: { value: 'x' } } } }));
    expect(creation.container.linux?.resources?.cpu).toMatchObject({ shares: { value: 7n }, cpus: '0' });
    expect(creation.adjustment.linux?.rdt).toEqual({ remove: false, closId: { value: 'x' } });
    expect(() => creation.merge('40-d', whole({ linux: { rdt: { closId: { value: 'y' } } } }))).toThrow(
      /"30-c" and "40-d" both tried to set RdtClosID/,
    );
  });

  it('arguments are replaced by who says so', () => {
    const creation = new Creation(containerView(containerFacts('c')));
    creation.merge('10-a', whole({ args: ['x'] }));
    creation.merge('20-b', whole({ args: ['', 'y'] }));
    expect(creation.container.args).toEqual(['y']);
    expect(() => creation.merge('30-c', whole({ args: ['z'] }))).toThrow(/"20-b" and "30-c".*Args/);
  });
});

describe('required plug-ins', () => {
  const none = { requiredPlugins: [], tolerateAnnotation: '' };
  const present = [{ index: '10', name: 'here' }];
  const lists: [string, string, string[]][] = [
    ['a flow list', '[here, "away"]', ['away']],
    ['JSON', '["a","b"]', ['a', 'b']],
    ['lines', "- here\n- 'far-away'", ['far-away']],
    ['nothing', '[]', []],
    ['with index', '[10-here, 20-here]', ['20-here']],
  ];
  it.each(lists)('%s', (_name, text, missing) => {
    const check = () => checkRequired(none, { [REQUIRED_PLUGINS]: text }, 'c', present);
    if (missing.length === 0) expect(check).not.toThrow();
    else expect(check).toThrow(missing.map((name) => `"${name}"`).join(', '));
  });

  it('of the configuration hold for all but the tolerated', () => {
    const configured = { requiredPlugins: ['away'], tolerateAnnotation: 't' };
    expect(() => checkRequired(configured, {}, 'c', present)).toThrow('"away"');
    expect(() =>
      checkRequired(configured, { 't/container.c': 'true', t: 'false' }, 'c', present),
    ).not.toThrow();
    expect(() => checkRequired(configured, { t: 'maybe' }, 'c', present)).toThrow(/must be true or false/);
  });
});
