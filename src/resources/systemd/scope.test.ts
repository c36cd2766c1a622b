import { describe, expect, it } from 'vitest';
import type { BusValue } from '../../base/index.ts';
import type { SignalListener } from './bus.ts';
import { isInUnit, type Manager, Scopes, scopeProperties } from './scope.ts';

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

/** systemd's side: `calls` is what it was asked, `onStart` what it does when it is to start a scope. */
class FakeManager implements Manager {
  readonly calls: [string, readonly BusValue[]][] = [];
  onStart: (signal: (result: string, unit?: string, job?: string) => void) => Promise<BusValue[]>;
  #onSignal: SignalListener = () => undefined;
  onLost: (reason: Error) => void = () => undefined;
  listening = 0;

  constructor(onStart: FakeManager['onStart']) {
    this.onStart = onStart;
  }

  async call(member: string, _signature: string, values: readonly BusValue[]): Promise<BusValue[]> {
    this.calls.push([member, values]);
    if (member !== 'StartTransientUnit') return [];
    return await this.onStart((result, unit = 'gantry-x.scope', job = '/job/1') =>
      this.#onSignal('JobRemoved', [1, job, unit, result]),
    );
  }

  async property(): Promise<BusValue> {
    return await Promise.resolve('252.38-1~deb12u1');
  }

  listen(onSignal: SignalListener, onLost: (reason: Error) => void): () => void {
    this.#onSignal = onSignal;
    this.onLost = onLost;
    this.listening += 1;
    return () => {
      this.listening -= 1;
    };
  }

  async close(): Promise<void> {
    await Promise.resolve();
  }
}

const later = (work: () => void): void => void setTimeout(work, 5);
const refusal = (busError: string): Error => Object.assign(new Error(busError), { busError });

describe('a scope’s start', () => {
  const request = { pid: 42, slice: 'a.slice', unit: 'gantry-x.scope', description: 'x' };
  const start = async (manager: FakeManager, cgroup = '', timeout = 5_000): Promise<void> => {
    await new Scopes(manager, () => cgroup).start(request, AbortSignal.timeout(timeout));
    expect(manager.listening).toBe(0);
  };

  it('is over when its own job is done, told before or behind the answer', async () => {
    await start(
      new FakeManager(async (signal) => {
        signal('done');
        return await Promise.resolve(['/job/1']);
      }),
    );
    const order: string[] = [];
    const manager = new FakeManager(async (signal) => {
      later(() => signal('failed', 'other.scope'));
      later(() => signal('failed', 'gantry-x.scope', '/job/2'));
      later(() => {
        order.push('done');
        signal('done');
      });
      return await Promise.resolve(['/job/1']);
    });
    await start(manager);
    expect(order).toEqual(['done']);
  });

  it.each(['failed', 'canceled', 'timeout', 'dependency'])(
    'fails with the job’s result, and the unit is forgotten: %s',
    async (result) => {
      const manager = new FakeManager(async (signal) => {
        later(() => signal(result));
        return await Promise.resolve(['/job/1']);
      });
      await expect(start(manager)).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(`the job ended with the result "${result}"`),
      });
      expect(manager.calls.map(([member]) => member)).toEqual(['StartTransientUnit', 'ResetFailedUnit']);
      expect(manager.listening).toBe(0);
    },
  );

  it('is tried again, once, where a unit of that name was left', async () => {
    let attempts = 0;
    const manager = new FakeManager(async (signal) => {
      attempts += 1;
      if (attempts === 1) throw refusal('org.freedesktop.systemd1.UnitExists');
      signal('done');
      return await Promise.resolve(['/job/1']);
    });
    await start(manager);
    expect(manager.calls.map(([member]) => member)).toEqual([
      'StartTransientUnit',
      'ResetFailedUnit',
      'StartTransientUnit',
    ]);
    const stubborn = new FakeManager(() => Promise.reject(refusal('org.freedesktop.systemd1.UnitExists')));
    await expect(start(stubborn)).rejects.toThrow(/UnitExists/);
    expect(stubborn.calls.filter(([member]) => member === 'StartTransientUnit')).toHaveLength(2);
  });

  it('whose end was not heard is over when the process is there', async () => {
    const manager = new FakeManager(async () => {
      later(() => manager.onLost(new Error('the bus went away')));
      return await Promise.resolve(['/job/1']);
    });
    await start(manager, '0::/a.slice/gantry-x.scope\n');
    await expect(start(manager, '0::/elsewhere\n', 100)).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('that systemd never ends fails at the deadline', async () => {
    const manager = new FakeManager(() => Promise.resolve(['/job/1']));
    await expect(start(manager, '', 50)).rejects.toThrow(/the job did not end in time/);
    expect(manager.listening).toBe(0);
  });
});

it('limits of a unit are set for as long as it runs, if there are any', async () => {
  const manager = new FakeManager(() => Promise.resolve([]));
  const scopes = new Scopes(manager);
  await scopes.setProperties('gantry-x.scope', []);
  await scopes.setProperties('gantry-x.scope', [{ name: 'TasksMax', type: 't', value: 3n }]);
  expect(manager.calls).toEqual([['SetUnitProperties', ['gantry-x.scope', true, [['TasksMax', ['t', 3n]]]]]]);
});

it('a scope that is empty is stopped, and one that is gone already is no error', async () => {
  const manager = new FakeManager(async () => await Promise.resolve([]));
  await new Scopes(manager).stop('gantry-x.scope');
  expect(manager.calls).toEqual([['StopUnit', ['gantry-x.scope', 'replace']]]);
  manager.call = async () => await Promise.reject(refusal('org.freedesktop.systemd1.NoSuchUnit'));
  await new Scopes(manager).stop('gantry-x.scope');
});

it('a unit’s properties are changed but for those that it has from its start', async () => {
  const manager = new FakeManager(async () => await Promise.resolve([]));
  manager.property = async () => await Promise.resolve('257');
  await new Scopes(manager).setProperties('gantry-x.scope', [
    { name: 'TasksMax', type: 't', value: 7n },
    { name: 'OOMPolicy', type: 's', value: 'kill' },
  ]);
  expect(manager.calls).toEqual([['SetUnitProperties', ['gantry-x.scope', true, [['TasksMax', ['t', 7n]]]]]]);
});

it('a reload is told of when it is over', async () => {
  const manager = new FakeManager(async () => await Promise.resolve([]));
  let onSignal: SignalListener = () => undefined;
  manager.listen = (listener) => {
    onSignal = listener;
    return () => undefined;
  };
  let told = 0;
  await new Scopes(manager).onReloaded(() => {
    told += 1;
  });
  onSignal('JobRemoved', [1, '/job/1', 'gantry-x.scope', 'done']);
  onSignal('Reloading', [true]);
  expect(told).toBe(0);
  onSignal('Reloading', [false]);
  expect(told).toBe(1);
});
