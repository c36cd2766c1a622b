import { describe, expect, test } from 'vitest';
import type { NetworkRequest } from '../index.ts';
import { bitRate, capabilityArgs, cniArgs, runtimeConfig } from './runtime-config.ts';

const request: NetworkRequest = {
  podId: 'abc',
  podName: 'web',
  podNamespace: 'prod',
  podUid: 'u-1',
  netnsPath: '/run/netns/x',
  portMappings: [
    { protocol: 'tcp', containerPort: 80, hostPort: 8080, hostIp: '127.0.0.1' },
    { protocol: 'udp', containerPort: 53, hostPort: 0, hostIp: '' },
  ],
  dns: { servers: ['10.0.0.10'], searches: ['svc'], options: ['ndots:5'] },
  labels: {},
  annotations: { 'kubernetes.io/ingress-bandwidth': '10M', 'gantry/mac': '02:00:00:00:00:01' },
  cgroupParent: '/kubepods/pod1',
};

test('CNI_ARGS', () => {
  expect(cniArgs(request)).toBe(
    'IgnoreUnknown=1;K8S_POD_NAMESPACE=prod;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=abc;K8S_POD_UID=u-1',
  );
  expect(() => cniArgs({ ...request, podName: 'a;b=c' })).toThrow(/K8S_POD_NAME/);
});

test('a plug-in gets the arguments that it declares, and no others', () => {
  const args = capabilityArgs(request, ['10.1.0.0/24', 'fd00::/64']);
  const of = (capabilities: Record<string, boolean>) => runtimeConfig({ type: 'x', capabilities }, args);
  expect(of({ portMappings: true, mac: false })).toEqual({
    portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '127.0.0.1' }],
  });
  expect(of({ bandwidth: true, mac: true })).toEqual({
    bandwidth: { ingressRate: 10_000_000, ingressBurst: 4294967295 },
    mac: '02:00:00:00:00:01',
  });
  expect(of({ dns: true, ipRanges: true, aliases: true, cgroupPath: true })).toEqual({
    dns: request.dns,
    ipRanges: [[{ subnet: '10.1.0.0/24' }], [{ subnet: 'fd00::/64' }]],
    aliases: ['web'],
    cgroupPath: '/kubepods/pod1',
  });
  expect(of({ 'io.kubernetes.cri.pod-annotations': true })).toEqual({
    'io.kubernetes.cri.pod-annotations': request.annotations,
  });
  expect(runtimeConfig({ type: 'x' }, args)).toBeUndefined();
  expect(of({ unheardOf: true })).toBeUndefined();
});

test('what a pod has not is not given', () => {
  const args = capabilityArgs(
    { ...request, portMappings: [], annotations: {}, dns: { servers: [], searches: [], options: [] } },
    [],
  );
  expect(Object.keys(args).sort()).toEqual(['aliases', 'cgroupPath', 'io.kubernetes.cri.pod-annotations']);
});

describe('bandwidths', () => {
  test.each([
    ['1k', 1000],
    ['10M', 1e7],
    ['1.5G', 1.5e9],
    ['2Mi', 2097152],
    ['1e6', 1e6],
    ['1000000m', 1000],
    ['1P', 1e15],
  ])('%s', (text, rate) => expect(bitRate(text)).toBe(rate));
  test.each(['', '10', '2P', '-1M', '10MB', 'fast', '1.2.3M'])('%j is refused', (text) => {
    expect(() => bitRate(text)).toThrow(/bandwidth/);
  });
});
