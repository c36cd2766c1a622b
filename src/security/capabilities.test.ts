import { describe, expect, it } from 'vitest';
import { complete, type LinuxContainerSecurityContextInit } from '../cri-types/index.ts';
import { allCapabilities, containerCapabilities } from './capabilities.ts';

const defaults = [
  ...['CAP_CHOWN', 'CAP_DAC_OVERRIDE', 'CAP_FOWNER', 'CAP_FSETID', 'CAP_KILL', 'CAP_SETGID', 'CAP_SETUID'],
  ...[
    'CAP_SETPCAP',
    'CAP_NET_BIND_SERVICE',
    'CAP_NET_RAW',
    'CAP_SYS_CHROOT',
    'CAP_MKNOD',
    'CAP_AUDIT_WRITE',
    'CAP_SETFCAP',
  ],
];
const without = (list: readonly string[], ...names: string[]): string[] =>
  list.filter((n) => !names.includes(n));

const cases: [string, LinuxContainerSecurityContextInit, readonly string[]][] = [
  ['nothing said', {}, defaults],
  [
    'one more',
    { capabilities: { addCapabilities: ['SYS_TIME'] } },
    allCapabilities.filter((c) => defaults.includes(c) || c === 'CAP_SYS_TIME'),
  ],
  [
    'one less, in small letters',
    { capabilities: { dropCapabilities: ['chown'] } },
    without(defaults, 'CAP_CHOWN'),
  ],
  ['with the prefix', { capabilities: { dropCapabilities: ['CAP_CHOWN'] } }, without(defaults, 'CAP_CHOWN')],
  ['all', { capabilities: { addCapabilities: ['ALL'] } }, allCapabilities],
  [
    'all but one',
    { capabilities: { addCapabilities: ['all'], dropCapabilities: ['SYS_ADMIN'] } },
    without(allCapabilities, 'CAP_SYS_ADMIN'),
  ],
  ['none', { capabilities: { dropCapabilities: ['ALL'] } }, []],
  [
    'none but one',
    { capabilities: { dropCapabilities: ['ALL'], addCapabilities: ['NET_ADMIN'] } },
    ['CAP_NET_ADMIN'],
  ],
  [
    'privileged, whatever else is said',
    { privileged: true, capabilities: { dropCapabilities: ['ALL'] } },
    allCapabilities,
  ],
];

describe('containerCapabilities', () => {
  it.each(cases)('%s', (_name, security, expected) => {
    const sets = containerCapabilities(complete('LinuxContainerSecurityContext', security), allCapabilities);
    expect(sets).toEqual({ bounding: [...expected], effective: [...expected], permitted: [...expected] });
  });

  it('never gives what the host lacks', () => {
    const host = without(allCapabilities, 'CAP_SYS_RESOURCE', 'CAP_CHOWN');
    for (const security of [
      { privileged: true },
      { capabilities: { addCapabilities: ['ALL'] } },
      { capabilities: { addCapabilities: ['SYS_RESOURCE'] } },
    ]) {
      const { bounding } = containerCapabilities(complete('LinuxContainerSecurityContext', security), host);
      expect(bounding).not.toContain('CAP_SYS_RESOURCE');
      expect(bounding).not.toContain('CAP_CHOWN');
    }
  });

  it('keeps ambient ones only when asked, and inheritable with them', () => {
    const security = complete('LinuxContainerSecurityContext', {
      capabilities: { dropCapabilities: ['ALL'], addAmbientCapabilities: ['NET_BIND_SERVICE'] },
    });
    const only = ['CAP_NET_BIND_SERVICE'];
    expect(containerCapabilities(security, allCapabilities)).toEqual({
      bounding: only,
      effective: only,
      permitted: only,
      inheritable: only,
      ambient: only,
    });
  });

  it('refuses a name that does not exist', () => {
    const security = complete('LinuxContainerSecurityContext', {
      capabilities: { addCapabilities: ['FLY'] },
    });
    expect(() => containerCapabilities(security, allCapabilities)).toThrow('there is no capability CAP_FLY');
  });

  it('knows all 41 of Linux 5.9 and later', () => {
    expect(allCapabilities).toHaveLength(41);
    expect(allCapabilities[21]).toBe('CAP_SYS_ADMIN');
    expect(allCapabilities[24]).toBe('CAP_SYS_RESOURCE');
    expect(allCapabilities[40]).toBe('CAP_CHECKPOINT_RESTORE');
  });
});
