import { spawn, spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OciSeccomp, OciSeccompRule, OciSpec } from '../../../src/base/index.ts';
import { defaultSeccomp } from '../../../src/security/seccomp-default.ts';
import { compile, nativeTool, Workshop } from './testing/bundle.ts';

let shop: Workshop;
beforeAll(() => {
  shop = new Workshop();
});
afterAll(() => shop.dispose());

describe('seccomp', () => {
  const program = `
    #include <errno.h>
    #include <stdio.h>
    #include <sys/personality.h>
    #include <sys/syscall.h>
    #include <unistd.h>
    static int code(long r) { return r < 0 ? errno : 0; }
    int main(void) {
      printf("mkdir %d ", code(syscall(SYS_mkdir, "/tmp/seccomp-dir", 0700)));
      printf("personality0 %d ", code(syscall(SYS_personality, 0)));
      printf("personality8 %d ", code(syscall(SYS_personality, 8)));
      printf("personality9 %d ", code(syscall(SYS_personality, 0xffffffff)));
      printf("unshare %d ", code(syscall(SYS_unshare, 0)));
      printf("newest %d\\n", code(syscall(1000)));
      rmdir("/tmp/seccomp-dir");
      return 0;
    }`;
  const everything = [
    'read',
    'write',
    'exit',
    'exit_group',
    'execve',
    'brk',
    'arch_prctl',
    'fstat',
    'newfstatat',
    'readlink',
    'readlinkat',
    'getrandom',
  ];
  const more = [
    'mmap',
    'munmap',
    'mprotect',
    'prlimit64',
    'set_tid_address',
    'set_robust_list',
    'rseq',
    'uname',
    'ioctl',
    'rmdir',
    'futex',
    'no_such_call',
  ];
  const late = [
    'capget',
    'capset',
    'prctl',
    'setgroups',
    'setresuid',
    'setresgid',
    'chdir',
    'getcwd',
    'stat',
    'statx',
    'faccessat',
    'faccessat2',
    'fchown',
    'openat',
    'close',
    'pread64',
    'seccomp',
    'sendmsg',
  ];

  const profile = (noNewPrivileges: boolean): OciSpec =>
    shop.script('', (spec) => {
      compile(program, join(shop.root, 'bin/seccomp-probe'));
      spec.process.args = ['seccomp-probe'];
      spec.process.noNewPrivileges = noNewPrivileges;
      spec.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ERRNO',
        defaultErrnoRet: 77,
        architectures: ['SCMP_ARCH_X86_64', 'SCMP_ARCH_X86', 'SCMP_ARCH_X32'],
        flags: ['SECCOMP_FILTER_FLAG_LOG', 'SECCOMP_FILTER_FLAG_SPEC_ALLOW'],
        syscalls: [
          { names: [...everything, ...more, ...(noNewPrivileges ? [] : late)], action: 'SCMP_ACT_ALLOW' },
          {
            names: ['personality'],
            action: 'SCMP_ACT_ALLOW',
            // Two conditions on one argument: either holds.
            args: [
              { index: 0, value: 0, op: 'SCMP_CMP_EQ' },
              { index: 0, value: 8, op: 'SCMP_CMP_EQ' },
            ],
          },
          { names: ['unshare'], action: 'SCMP_ACT_ERRNO', errnoRet: 78 },
          // Says what is the default anyway.
          { names: ['mkdir'], action: 'SCMP_ACT_ERRNO', errnoRet: 77 },
        ],
      };
    });

  test.each([true, false])('decides call by call (no_new_privs: %s)', (noNewPrivileges) => {
    const done = shop.run(profile(noNewPrivileges));
    expect(done.stderr).toBe('');
    expect(done.stdout).toBe('mkdir 77 personality0 0 personality8 0 personality9 77 unshare 78 newest 38\n');
  });

  test.each([
    ['SCMP_ACT_KILL_PROCESS', 128 + 31],
    ['SCMP_ACT_TRAP', 128 + 31],
    ['SCMP_ACT_LOG', 0],
  ])('%s', (action, status) => {
    const spec = shop.script('mkdir /tmp/seccomp-dir && rmdir /tmp/seccomp-dir', (copy) => {
      copy.process.args = ['mkdir', '-p', '/tmp/seccomp-dir'];
      copy.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['mkdir', 'mkdirat'], action }],
      };
    });
    expect(shop.run(spec).status).toBe(status);
  });

  test.each([
    [{ defaultAction: 'SCMP_ACT_FLY' }, 'SCMP_ACT_FLY: Invalid argument (unknown action)'],
    [
      { defaultAction: 'SCMP_ACT_ALLOW', architectures: ['SCMP_ARCH_Z80'] },
      'z80: Invalid argument (unknown architecture)',
    ],
    [{ defaultAction: 'SCMP_ACT_ALLOW', flags: ['FLAG_X'] }, 'FLAG_X: Invalid argument (unknown flag)'],
    [
      { defaultAction: 'SCMP_ACT_ALLOW', syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' }] },
      'SCMP_ACT_NOTIFY needs one',
    ],
  ])('%j is an error', (seccomp, message) => {
    const done = shop.run(
      shop.script('true', (spec) => {
        spec.linux.seccomp = seccomp;
      }),
    );
    expect(done.status).toBe(125);
    expect(done.stderr).toContain(message);
  });
});

describe('SCMP_ACT_NOTIFY', () => {
  /** Takes one listener, prints what came with it, and answers its first notification with errno 93. */
  const agent = `
import array, ctypes, fcntl, os, socket, struct, sys
server = socket.socket(socket.AF_UNIX); server.bind(sys.argv[1]); server.listen(1); print("listening", flush=True)
connection, _ = server.accept()
text, fds, _, _ = socket.recv_fds(connection, 16384, 1)
print(text.decode(), flush=True)
notification = bytearray(80)
fcntl.ioctl(fds[0], 0xc0502100, notification)
number, = struct.unpack_from("Q", notification, 0)
fcntl.ioctl(fds[0], 0xc0182101, bytearray(struct.pack("QqiI", number, 0, -93, 0)))
`;

  test('hands the listener to the agent, which decides', async () => {
    const path = shop.path('agent.sock');
    const child = spawn('python3', ['-c', agent, path], { stdio: ['ignore', 'pipe', 'inherit'] });
    let said = '';
    child.stdout.on('data', (chunk: Buffer) => {
      said += chunk.toString();
    });
    const ended = new Promise((resolve) => child.on('exit', resolve));
    await expect.poll(() => said, { timeout: 10_000 }).toContain('listening');
    const done = shop.run(
      shop.script('mkdir /tmp/asked', (spec) => {
        spec.linux.seccomp = {
          defaultAction: 'SCMP_ACT_ALLOW',
          listenerPath: path,
          listenerMetadata: 'some metadata',
          syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_NOTIFY' }],
        };
      }),
    );
    await ended;
    expect(done.stderr).toContain("can't create directory '/tmp/asked': Protocol not supported");
    const state = JSON.parse(said.replace('listening\n', '')) as Record<string, unknown>;
    expect(state).toMatchObject({
      fds: ['seccompFd'],
      metadata: 'some metadata',
      state: { id: 'bundle', status: 'creating' },
    });
    expect(state['pid']).toBeGreaterThan(1);
  });

  test('needs its agent', () => {
    const spec = shop.script('true', (copy) => {
      copy.linux.seccomp = {
        defaultAction: 'SCMP_ACT_ALLOW',
        listenerPath: '/no/agent',
        syscalls: [{ names: ['mkdir'], action: 'SCMP_ACT_NOTIFY' }],
      };
    });
    expect(shop.run(spec).stderr).toContain('connect /no/agent: No such file or directory');
  });
});

describe('the compiled filter decides as libseccomp’s own does', () => {
  const judged = (seccomp: OciSeccomp): string => {
    const bundle = shop.bundle({ ...shop.base, linux: { ...shop.base.linux, seccomp } });
    const done = spawnSync(nativeTool('seccomp-oracle'), [join(bundle, 'config.json')], { encoding: 'utf8' });
    expect(`${done.stderr}${done.stdout}`).toMatch(/ 0 differences/);
    return done.stdout;
  };

  test.each([
    ['no capability', []],
    ['the usual ones', ['CAP_CHOWN', 'CAP_NET_RAW', 'CAP_SYS_CHROOT', 'CAP_KILL']],
    [
      'all',
      [
        'CAP_SYS_ADMIN',
        'CAP_SYS_PTRACE',
        'CAP_BPF',
        'CAP_SYS_MODULE',
        'CAP_SYSLOG',
        'CAP_SYS_TIME',
        'CAP_SYS_BOOT',
      ],
    ],
  ])('for RuntimeDefault with %s', (_name, capabilities) => {
    expect(judged(defaultSeccomp(capabilities, 'x64'))).toContain(' 0 errors of libseccomp');
  });

  /** Numbers from a seed (Park and Miller's). */
  const generator = (seed: number): ((below: number) => number) => {
    let state = seed;
    return (below) => {
      state = (state * 48271) % 0x7fffffff;
      return state % below;
    };
  };
  const calls =
    `read write open socket connect bind sendto shmget shmat semctl msgget clone personality ioctl prctl mmap mmap2
    futex accept4 recvmmsg getsockopt setsockopt keyctl bpf openat2 clone3 landlock_create_ruleset no_such_call time stat64`.split(
      /\s+/,
    );
  const values = [
    0, 1, 2, 40, 255, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000, 0x100000001, 0x123456789abc,
    2114060288,
  ];
  const operators = ['NE', 'LT', 'LE', 'EQ', 'GE', 'GT', 'MASKED_EQ'];
  const architectures = [
    [],
    ['X86_64'],
    ['X86_64', 'X86'],
    ['X86_64', 'X32'],
    ['X86', 'X32', 'AARCH64'],
    ['ARM', 'AARCH64'],
  ];

  const profile = (seed: number): OciSeccomp => {
    const random = generator(seed);
    const one = <T>(list: readonly T[]): T => list[random(list.length)] as T;
    const rule = (name: string, action: string): OciSeccompRule => {
      const indices = [...new Set(Array.from({ length: random(4) }, () => random(6)))];
      const condition = (index: number) => ({
        index,
        value: one(values),
        valueTwo: one(values),
        op: `SCMP_CMP_${one(operators)}`,
      });
      return { names: [name], action, errnoRet: 13, args: indices.map(condition) };
    };
    const syscalls = calls.flatMap((name) => {
      const action = one(['SCMP_ACT_ALLOW', 'SCMP_ACT_ERRNO', 'SCMP_ACT_LOG']);
      return Array.from({ length: random(3) }, () => rule(name, action));
    });
    const names = one(architectures).map((name) => `SCMP_ARCH_${name}`);
    return {
      defaultAction: one(['SCMP_ACT_ERRNO', 'SCMP_ACT_ALLOW', 'SCMP_ACT_KILL_PROCESS']),
      defaultErrnoRet: 7,
      architectures: names,
      syscalls,
    };
  };

  test.each(Array.from({ length: 40 }, (_, index) => index + 1))('for made-up profile %i', (seed) => {
    expect(judged(profile(seed))).toContain(' decisions');
  });
});
