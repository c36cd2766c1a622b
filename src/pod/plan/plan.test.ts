import { describe, expect, it } from 'vitest';
import { complete, type PodSandboxConfigInit } from '../../cri-types/index.ts';
import { containerLogPath } from './app.ts';
import { planSandbox } from './pod.ts';

const metadata = { name: 'web', namespace: 'default', uid: 'u-1', attempt: 2 };
const plan = (init: PodSandboxConfigInit, handler = '') =>
  planSandbox(complete('PodSandboxConfig', { metadata, ...init }), handler, 'node-1');
const onHost = { linux: { securityContext: { namespaceOptions: { network: 'NODE' as const } } } };

describe('planning a sandbox', () => {
  it('names it by name, namespace, uid and attempt', () => {
    expect(plan({}).name).toBe('web_default_u-1_2');
  });

  it.each([
    ['the pod’s own', { hostname: 'web-0' }, 'web-0'],
    ['the node’s when the pod names none', {}, 'node-1'],
    ['the node’s on the host’s network, whatever the pod says', { hostname: 'web-0', ...onHost }, 'node-1'],
  ])('host name: %s', (_what, init, name) => {
    expect(plan(init).hostname).toBe(name);
  });

  it.each([
    ['no metadata', { metadata: undefined }, '', /metadata is missing/],
    ['no name', { metadata: { ...metadata, name: '' } }, '', /no name/],
    ['no namespace', { metadata: { ...metadata, namespace: '' } }, '', /no namespace/],
    ['no uid', { metadata: { ...metadata, uid: '' } }, '', /no uid/],
    ['unknown handler', {}, 'runsc', /no runtime handler "runsc"/],
    ['kvm', {}, 'kvm', /not built yet/],
    ['a long host name', { hostname: 'x'.repeat(65) }, '', /longer than 64/],
    [
      'an impossible port',
      { portMappings: [{ containerPort: 0, hostPort: 80 }] },
      '',
      /port 0 is not between/,
    ],
  ])('refuses %s', (_what, init, handler, message) => {
    expect(() => plan(init, handler)).toThrow(message);
  });

  it('keeps only ports that ask for one of the host’s, and none on its network', () => {
    const portMappings = [{ containerPort: 80, hostPort: 8080 }, { containerPort: 81 }];
    expect(plan({ portMappings }).portMappings).toEqual([
      { protocol: 'tcp', containerPort: 80, hostPort: 8080, hostIp: '' },
    ]);
    expect(plan({ portMappings, ...onHost }).portMappings).toEqual([]);
  });

  it('the host flavor shares every namespace', () => {
    expect(plan({}, 'host').namespaces).toEqual({
      ownNetwork: false,
      ipc: 'host',
      uts: 'host',
      pid: 'host',
      userns: undefined,
    });
    const usernsOptions = { mode: 'POD' as const };
    const linux = { securityContext: { namespaceOptions: { usernsOptions } } };
    expect(() => plan({ linux }, 'host')).toThrow(/no user namespaces/);
  });
});

describe('log paths', () => {
  const path = (logDirectory: string, logPath: string): string =>
    containerLogPath(
      complete('PodSandboxConfig', { logDirectory }),
      complete('ContainerConfig', { logPath }),
    );

  it.each([
    ['/var/log/pods/p', 'c/0.log', '/var/log/pods/p/c/0.log'],
    ['/var/log/pods/p/', './c/../0.log', '/var/log/pods/p/0.log'],
    ['', 'c/0.log', ''],
    ['/var/log/pods/p', '', ''],
  ])('%s + %s → %s', (directory, log, whole) => {
    expect(path(directory, log)).toBe(whole);
  });

  it.each([
    ['/var/log/pods/p', '../q/0.log'],
    ['/var/log/pods/p', '/etc/passwd'],
    ['/var/log/pods/p', '.'],
    ['/var/log/pods/p', 'c/'],
    ['logs', '0.log'],
  ])('%s + %s is refused', (directory, log) => {
    expect(() => path(directory, log)).toThrow(/log (directory|path)/);
  });
});
