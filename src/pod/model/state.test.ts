import { describe, expect, it } from 'vitest';
import type { ContainerState, SandboxState } from './record.ts';
import { advance, containerTransitions, sandboxTransitions } from './state.ts';

const sandboxStates: Record<SandboxState['kind'], SandboxState> = {
  creating: { kind: 'creating' },
  ready: { kind: 'ready' },
  notready: { kind: 'notready', networkDown: true, reason: '' },
  removing: { kind: 'removing' },
};

const exit = { startedAt: 1n, finishedAt: 2n, exitCode: 0, reason: 'Completed', message: '' };
const containerStates: Record<ContainerState['kind'], ContainerState> = {
  creating: { kind: 'creating' },
  created: { kind: 'created' },
  running: { kind: 'running', startedAt: 1n, pid: 2 },
  exited: { kind: 'exited', ...exit },
  removing: { kind: 'removing' },
};

const pairs = <K extends string>(kinds: Record<K, unknown>): [K, K][] => {
  const names = Object.keys(kinds) as K[];
  return names.flatMap((from) => names.map((to): [K, K] => [from, to]));
};

/** Written out a second time, on purpose: the table in state.ts must not change unnoticed. */
const sandboxLegal = ['creating>ready', 'creating>removing', 'ready>notready', 'notready>notready'];
sandboxLegal.push('notready>removing', 'removing>removing');
const containerLegal = ['creating>created', 'creating>removing', 'created>running', 'created>exited'];
containerLegal.push(
  'created>removing',
  'running>exited',
  'exited>exited',
  'exited>removing',
  'removing>removing',
);

describe('sandbox states', () => {
  it.each(pairs(sandboxTransitions))('%s → %s', (from, to) => {
    const step = (): SandboxState =>
      advance<SandboxState>('sandbox', 'x', sandboxStates[from], sandboxStates[to]);
    if (sandboxLegal.includes(`${from}>${to}`)) expect(step()).toBe(sandboxStates[to]);
    else expect(step).toThrow(`sandbox x cannot go from ${from} to ${to}`);
  });
});

describe('container states', () => {
  it.each(pairs(containerTransitions))('%s → %s', (from, to) => {
    const step = (): ContainerState =>
      advance<ContainerState>('container', 'x', containerStates[from], containerStates[to]);
    if (containerLegal.includes(`${from}>${to}`)) expect(step()).toBe(containerStates[to]);
    else expect(step).toThrow(`container x cannot go from ${from} to ${to}`);
  });
});
