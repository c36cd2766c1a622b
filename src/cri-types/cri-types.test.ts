import { describe, expect, it } from 'vitest';
import { complete, revive } from './index.ts';

describe('complete', () => {
  it('fills every default and leaves absent messages out', () => {
    const config = complete('ContainerConfig', {
      metadata: { name: 'a' },
      linux: { resources: { cpuQuota: -1 } },
    });
    expect(config.metadata).toEqual({ name: 'a', attempt: 0 });
    expect(config.command).toEqual([]);
    expect(config.annotations).toEqual({});
    expect(config.tty).toBe(false);
    expect(config.stopSignal).toBe('SIGNAL_RUNTIME_DEFAULT');
    expect(config.image).toBeUndefined();
    expect(config.linux?.resources?.cpuQuota).toBe(-1n);
    expect(config.linux?.resources?.unified).toEqual({});
    expect(config.linux?.securityContext).toBeUndefined();
  });

  it('drops what it does not know', () => {
    expect(revive('PodIP', { ip: '10.0.0.1', later: 7 })).toEqual({ ip: '10.0.0.1' });
  });
});

describe('revive', () => {
  it('reads back what JSON made of bigint and bytes', () => {
    const config = complete('ContainerConfig', {
      envs: [{ key: 'BIN', value: Buffer.from([0xff, 0x00]) }],
      linux: { securityContext: { runAsUser: { value: 9007199254740993n } } },
    });
    const json = JSON.stringify(config, (_k, v) => (typeof v === 'bigint' ? v.toString() : v));
    expect(revive('ContainerConfig', JSON.parse(json))).toEqual(config);
  });

  const wrongs: [string, () => unknown, string][] = [
    ['a list in place of an object', () => revive('Mount', []), 'Mount is not an object'],
    ['a fraction', () => revive('Int64Value', { value: 1.5 }), 'Int64Value.value is not an integer'],
    [
      'an unknown name of an enum',
      () => revive('Mount', { propagation: 'X' }),
      'Mount.propagation is not one of PROPAGATION_',
    ],
    ['a number for a string', () => revive('PodIP', { ip: 7 }), 'PodIP.ip is not a string'],
    [
      'deep inside',
      () => revive('ContainerConfig', { mounts: [{}, { hostPath: 1 }] }),
      'ContainerConfig.mounts[1].hostPath is not a string',
    ],
    ['text for bytes', () => revive('KeyValue', { value: 'x' }), 'KeyValue.value is not bytes'],
    ['a text for a map', () => revive('Container', { labels: 'x' }), 'Container.labels is not a map'],
  ];
  it.each(wrongs)('refuses %s', (_name, act, message) => {
    expect(act).toThrow(message);
  });
});
