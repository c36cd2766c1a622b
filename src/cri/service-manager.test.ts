import { pino } from 'pino';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { inheritedSocket, serviceManager, watchdogInterval } from './service-manager.ts';

const own = String(process.pid);
const quiet = pino({ level: 'silent' });

afterEach(() => {
  vi.useRealTimers();
});

describe('the service manager', () => {
  it('is told that the server is ready, lives and ends, and its variables go to nobody else', () => {
    vi.useFakeTimers();
    const told: [string, string][] = [];
    const environment: Record<string, string | undefined> = {
      NOTIFY_SOCKET: '@notify',
      WATCHDOG_USEC: '2000000',
      WATCHDOG_PID: own,
      LISTEN_FDS: '1',
      LISTEN_PID: own,
      LISTEN_FDNAMES: 'gantry.socket',
      PATH: '/bin',
    };
    const manager = serviceManager(quiet, environment, (socket, lines) => told.push([socket, lines]));
    expect(environment).toEqual({ PATH: '/bin' });
    expect(manager.listenFd).toBe(3);
    manager.ready('serving');
    vi.advanceTimersByTime(2500);
    manager.stopping();
    expect(told).toEqual([
      ['@notify', 'READY=1\nSTATUS=serving\n'],
      ['@notify', 'WATCHDOG=1\n'],
      ['@notify', 'WATCHDOG=1\n'],
      ['@notify', 'STOPPING=1\n'],
    ]);
  });

  it('that is not there is told nothing', () => {
    const manager = serviceManager(quiet, {}, () => {
      throw new Error('nobody is there');
    });
    manager.ready('serving');
    manager.stopping();
    expect(manager.listenFd).toBeUndefined();
  });

  it('that cannot be told does not end the server', () => {
    const manager = serviceManager(quiet, { NOTIFY_SOCKET: '/gone' }, () => {
      throw new Error('ECONNREFUSED');
    });
    expect(() => manager.ready('serving')).not.toThrow();
  });
});

it.each([
  ['half of it', { WATCHDOG_USEC: '3000000', WATCHDOG_PID: own }, 1500],
  ['for any process', { WATCHDOG_USEC: '10000' }, 5],
  ['of another process', { WATCHDOG_USEC: '3000000', WATCHDOG_PID: '1' }, undefined],
  ['none', {}, undefined],
  ['nonsense', { WATCHDOG_USEC: 'soon' }, undefined],
])('a watchdog’s interval: %s', (_name, environment, expected) => {
  expect(watchdogInterval(environment)).toBe(expected);
});

it.each([
  ['one', { LISTEN_FDS: '1', LISTEN_PID: own }, 3],
  ['none', {}, undefined],
  ['zero', { LISTEN_FDS: '0', LISTEN_PID: own }, undefined],
  ['another process’s', { LISTEN_FDS: '1', LISTEN_PID: '1' }, undefined],
])('a socket that is handed over: %s', (_name, environment, expected) => {
  expect(inheritedSocket(environment)).toBe(expected);
});

it('takes one socket and no more', () => {
  expect(() => inheritedSocket({ LISTEN_FDS: '2', LISTEN_PID: own })).toThrow(/handed over 2 sockets/);
});
