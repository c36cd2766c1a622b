import { describe, expect, it } from 'vitest';
import { complete, type LinuxContainerSecurityContextInit } from '../cri-types/index.ts';
import { resolveAccount } from './account.ts';

const files = {
  passwd: [
    'root:x:0:0:root:/root:/bin/sh',
    '# comment:x:7:7::/:/bin/sh',
    'broken line',
    'overflow:x:99999999999:5::/:/bin/sh',
    'www-data:x:33:33:www:/var/www:/usr/sbin/nologin',
    'default-user:x:1000:1000::/home/user:/bin/sh',
    'short:x:1010',
    'no-group::1011:::/home/no-group:',
    'no-number:x::1012::/:/bin/sh',
    `long:x:1013:1013:${'x'.repeat(100_000)}:/home/long:/bin/sh`,
    'returned:x:1014:1015::/home/returned:/bin/sh\r',
    '',
  ].join('\n'),
  group: [
    'root:x:0:',
    'www-data:x:33:www-data',
    'media:x:44:www-data, default-user',
    'image:x:50000:default-user',
    'empty:x:7:',
    'no-members:x:8',
    'no-number:x::short',
  ].join('\n'),
};

type Case = [
  string,
  LinuxContainerSecurityContextInit,
  string,
  { uid: number; gid: number; additionalGids: number[]; home?: string },
];
const cases: Case[] = [
  ['nothing said', {}, '', { uid: 0, gid: 0, additionalGids: [0], home: '/root' }],
  ["the image's name", {}, 'www-data', { uid: 33, gid: 33, additionalGids: [33, 44], home: '/var/www' }],
  ["the image's number", {}, '1000', { uid: 1000, gid: 1000, additionalGids: [44, 1000, 50000] }],
  ['a number that nobody has', {}, '1002', { uid: 1002, gid: 0, additionalGids: [0], home: '' }],
  ["the image's name and group", {}, 'www-data:media', { uid: 33, gid: 44, additionalGids: [44] }],
  ["the image's numbers", {}, '1003:1004', { uid: 1003, gid: 1004, additionalGids: [1004] }],
  ['a name and a number', {}, 'www-data:1004', { uid: 33, gid: 1004, additionalGids: [44, 1004] }],
  [
    'run_as_user over the image',
    { runAsUser: { value: 1000 } },
    'www-data',
    { uid: 1000, gid: 1000, additionalGids: [44, 1000, 50000] },
  ],
  [
    'a name whose line ends after its number',
    {},
    'short',
    { uid: 1010, gid: 0, additionalGids: [0], home: '' },
  ],
  [
    'a name without a group',
    {},
    'no-group',
    { uid: 1011, gid: 0, additionalGids: [0], home: '/home/no-group' },
  ],
  [
    'a name with a long comment',
    {},
    'long',
    { uid: 1013, gid: 1013, additionalGids: [1013], home: '/home/long' },
  ],
  ['a name in a file of another system', {}, 'returned', { uid: 1014, gid: 1015, additionalGids: [1015] }],
  [
    'a group whose line ends after its number',
    {},
    'short:no-members',
    { uid: 1010, gid: 8, additionalGids: [8] },
  ],
  ['run_as_user 0', { runAsUser: { value: 0 } }, 'www-data', { uid: 0, gid: 0, additionalGids: [0] }],
  ['run_as_username', { runAsUsername: 'www-data' }, '', { uid: 33, gid: 33, additionalGids: [33, 44] }],
  [
    'run_as_group',
    { runAsUser: { value: 1000 }, runAsGroup: { value: 7 } },
    '',
    { uid: 1000, gid: 7, additionalGids: [7, 44, 50000] },
  ],
  [
    'supplemental groups merged',
    { runAsUser: { value: 1000 }, supplementalGroups: [1234] },
    '',
    { uid: 1000, gid: 1000, additionalGids: [44, 1000, 1234, 50000] },
  ],
  [
    'supplemental groups, strictly',
    { runAsUser: { value: 1000 }, supplementalGroups: [1234], supplementalGroupsPolicy: 'Strict' },
    '',
    { uid: 1000, gid: 1000, additionalGids: [1000, 1234] },
  ],
];

describe('resolveAccount', () => {
  it.each(cases)('%s', (_name, security, imageUser, expected) => {
    const whole = complete('LinuxContainerSecurityContext', security);
    expect(resolveAccount(whole, imageUser, files)).toMatchObject(expected);
  });

  it('needs no files for numbers', () => {
    expect(resolveAccount(undefined, '5:6', { passwd: '', group: '' })).toEqual({
      uid: 5,
      gid: 6,
      additionalGids: [6],
      home: '',
    });
  });

  const wrongs: [string, LinuxContainerSecurityContextInit, string, string][] = [
    ['an unknown user', {}, 'nobody-here', "user 'nobody-here' is not in the image's /etc/passwd"],
    ['a user without a number', {}, 'no-number', "user 'no-number' is not in the image's /etc/passwd"],
    ['a number that is too big', {}, 'overflow', "user 'overflow' is not in the image's /etc/passwd"],
    ['an unknown group', {}, 'root:none', "group 'none' is not in the image's /etc/group"],
    ['a group without a user', { runAsGroup: { value: 5 } }, '', 'run_as_group needs run_as_user'],
    [
      'a group without a user, whatever the image says',
      { runAsGroup: { value: 5 } },
      'root',
      'run_as_group needs run_as_user',
    ],
    ['a negative user', { runAsUser: { value: -1 } }, '', 'uid -1 is out of range'],
    ['a user that is too big', { runAsUser: { value: 2n ** 31n } }, '', 'uid 2147483648 is out of range'],
    ['a supplemental group that is too big', { supplementalGroups: [2n ** 40n] }, '', 'is out of range'],
    ['three parts', {}, 'a:b:c', "the image's user 'a:b:c' is not USER or USER:GROUP"],
  ];
  it.each(wrongs)('refuses %s', (_name, security, imageUser, message) => {
    const whole = complete('LinuxContainerSecurityContext', security);
    expect(() => resolveAccount(whole, imageUser, files)).toThrow(message);
  });
});
