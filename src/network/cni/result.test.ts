import { describe, expect, test } from 'vitest';
import { convert, normalize, parseResult, podAddresses } from './result.ts';

const modern = {
  cniVersion: '1.1.0',
  interfaces: [
    { name: 'cni0', mac: '00:00:00:00:00:01' },
    { name: 'veth1' },
    { name: 'eth0', sandbox: '/run/netns/x', mtu: 1500 },
  ],
  ips: [
    { address: '10.1.0.5/16', gateway: '10.1.0.1', interface: 2 },
    { address: 'fd00::5/64', interface: 2 },
    { address: '169.254.1.1/32', interface: 1 },
  ],
  routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1400 }, { dst: '::/0' }],
  dns: { nameservers: ['10.1.0.1'] },
};

describe('versions', () => {
  test('1.1.0 as 0.4.0 names the families and drops what is newer', () => {
    expect(convert(modern, '0.4.0')).toEqual({
      cniVersion: '0.4.0',
      interfaces: [
        { name: 'cni0', mac: '00:00:00:00:00:01' },
        { name: 'veth1' },
        { name: 'eth0', sandbox: '/run/netns/x' },
      ],
      ips: [
        { version: '4', address: '10.1.0.5/16', gateway: '10.1.0.1', interface: 2 },
        { version: '6', address: 'fd00::5/64', interface: 2 },
        { version: '4', address: '169.254.1.1/32', interface: 1 },
      ],
      routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1' }, { dst: '::/0' }],
      dns: { nameservers: ['10.1.0.1'] },
    });
  });

  test('1.1.0 as 0.2.0 has one address a family', () => {
    expect(convert(modern, '0.2.0')).toEqual({
      cniVersion: '0.2.0',
      ip4: {
        ip: '10.1.0.5/16',
        gateway: '10.1.0.1',
        routes: [{ dst: '0.0.0.0/0', gw: '10.1.0.1', mtu: 1400 }],
      },
      ip6: { ip: 'fd00::5/64', routes: [{ dst: '::/0' }] },
      dns: { nameservers: ['10.1.0.1'] },
    });
  });

  test('0.2.0 as 1.0.0, and its own version untouched', () => {
    const old = {
      cniVersion: '0.2.0',
      ip4: { ip: '10.1.0.5/16', gateway: '10.1.0.1', routes: [{ dst: '0.0.0.0/0' }] },
    };
    expect(convert(old, '1.0.0')).toEqual({
      cniVersion: '1.0.0',
      interfaces: [],
      ips: [{ address: '10.1.0.5/16', gateway: '10.1.0.1' }],
      routes: [{ dst: '0.0.0.0/0' }],
      dns: {},
    });
    expect(convert(old, '0.2.0')).toBe(old);
    expect(normalize(convert(convert(modern, '0.3.1'), '1.1.0')).ips).toEqual(modern.ips);
  });
});

describe('what a plug-in printed', () => {
  test('is of the configuration’s version when it says none', () => {
    expect(parseResult('{"ips":[]}', '1.0.0')).toEqual({ ips: [], cniVersion: '1.0.0' });
  });
  test.each([
    ['[]', /no object/],
    ['\n', /no result/],
    ['{"cniVersion":"9.9.9"}', /9.9.9/],
    ['oops', /JSON/],
  ])('%s is refused', (text, message) => {
    expect(() => parseResult(text, '1.0.0')).toThrow(message);
  });
});

describe('the pod’s addresses', () => {
  test('are those of its eth0', () => {
    expect(podAddresses(modern, 'eth0')).toEqual(['10.1.0.5', 'fd00::5']);
  });
  test('and those of no interface', () => {
    expect(
      podAddresses({ cniVersion: '0.4.0', ips: [{ version: '4', address: '10.1.0.9/24' }] }, 'eth0'),
    ).toEqual(['10.1.0.9']);
    expect(podAddresses({ cniVersion: '0.1.0', ip4: { ip: '10.1.0.9/24' } }, 'eth0')).toEqual(['10.1.0.9']);
  });
});
