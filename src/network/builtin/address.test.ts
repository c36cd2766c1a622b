import { describe, expect, test } from 'vitest';
import * as address from './address.ts';

describe('addresses', () => {
  test.each([
    ['0.0.0.0', 4, 0n],
    ['10.88.0.1', 4, 0x0a580001n],
    ['::', 6, 0n],
    ['::1', 6, 1n],
    ['fd00:88::10:1', 6, 0xfd0000880000000000000000001000_01n],
    ['::ffff:1.2.3.4', 6, 0xffff01020304n],
  ] as const)('%s', (text, family, value) => {
    expect(address.parseIp(text)).toEqual({ family, value });
  });
  test.each(['', '1.2.3', 'fe80::1%eth0', 'host', '1.2.3.4/24'])('%j is none', (text) => {
    expect(address.parseIp(text)).toBeUndefined();
  });
  test.each([
    '10.0.0.255',
    '::',
    '::1',
    '1::',
    'fd00:88::2',
    '1:0:0:2::3',
    '2001:db8:1:2:3:4:5:6',
    '1:2:3:4:5:6:7:0',
    '::2:0:0:0:1',
  ])('%s is written as it was read', (text) => {
    const { family, value } = address.parseIp(text) ?? { family: 4 as const, value: -1n };
    expect(address.formatIp(family, value)).toBe(text);
  });
});

describe('ranges', () => {
  test('count, first, last and the gateway', () => {
    const range = address.parseRange('10.94.0.7/29');
    expect(range.cidr).toBe('10.94.0.0/29');
    expect(address.gatewayOf(range)).toBe('10.94.0.1');
    expect(address.podCount(range)).toBe(5n);
    expect([address.podAddress(range, 0n), address.podAddress(range, 4n)]).toEqual([
      '10.94.0.2',
      '10.94.0.6',
    ]);
    expect([
      address.podIndex(range, '10.94.0.6'),
      address.podIndex(range, '10.94.0.7'),
      address.podIndex(range, '::1'),
    ]).toEqual([4n, undefined, undefined]);
    const six = address.parseRange('fd00:88::/64');
    expect([address.gatewayOf(six), address.podAddress(six, 0n), address.podCount(six)]).toEqual([
      'fd00:88::1',
      'fd00:88::2',
      1n << 32n,
    ]);
  });
  test.each(['10.0.0.0', '10.0.0.0/31', '10.0.0.0/4', 'x/8', 'fd00::/127', '10.0.0.0/8/8', '10.0.0.0/1e1'])(
    '%s is none',
    (text) => {
      expect(() => address.parseRange(text)).toThrow(/is not a range/);
    },
  );
  test('one of each family', () => {
    expect(address.parseRanges('10.1.0.0/16, fd00::/64').map((range) => range.family)).toEqual([4, 6]);
    expect(() => address.parseRanges('10.1.0.0/16,10.2.0.0/16')).toThrow(/one of each family/);
    expect(() => address.parseRanges('')).toThrow();
  });
  test.each([
    ['10.0.0.0/8', '10.9.0.0/16', true],
    ['10.8.0.0/16', '10.9.0.0/16', false],
    ['10.0.0.0/8', 'fd00::/8', false],
    ['fd00:1::/64', 'fd00::/16', true],
  ])('%s and %s overlap: %s', (a, b, expected) => {
    expect(address.overlaps(address.parseRange(a), address.parseRange(b))).toBe(expected);
  });
});

test('the hardware address follows from the address', () => {
  expect(address.macFor('10.88.0.2')).toBe('0a:58:0a:58:00:02');
});
