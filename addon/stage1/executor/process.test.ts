import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OciProcess, OciSpec } from '../../../src/base/index.ts';
import { compile, edited, Workshop } from './testing/bundle.ts';

let shop: Workshop;
beforeAll(() => {
  shop = new Workshop();
});
afterAll(() => shop.dispose());

const argv = (...args: string[]): OciSpec =>
  edited(shop.base, (spec) => {
    spec.process.args = args;
  });

describe('a program that cannot be started', () => {
  test.each([
    [['nosuch'], 'exec: "nosuch": executable file not found in $PATH'],
    [['/no/such'], 'exec: "/no/such": stat /no/such: no such file or directory'],
    [['./tmp'], 'exec: "./tmp": is a directory'],
    [['/etc/passwd'], 'exec: "/etc/passwd": permission denied'],
    [['/tmp/garbage'], 'exec /tmp/garbage: exec format error'],
    [['/tmp/no-interpreter'], 'its interpreter is missing'],
    [[''], 'executable file not found in $PATH'],
  ])('%j', (args, message) => {
    writeFileSync(join(shop.root, 'tmp/garbage'), 'not a program', { mode: 0o755 });
    writeFileSync(join(shop.root, 'tmp/no-interpreter'), '#!/no/such/shell\n', { mode: 0o755 });
    const done = shop.run(argv(...args));
    expect(done.status).toBe(125);
    expect(done.stderr).toContain(message);
  });

  test('the search follows the container’s own PATH, and goes past what may not be executed', () => {
    mkdirSync(join(shop.root, 'one'), { recursive: true });
    mkdirSync(join(shop.root, 'two'), { recursive: true });
    writeFileSync(join(shop.root, 'one/tool'), '', { mode: 0o644 });
    writeFileSync(join(shop.root, 'two/tool'), '#!/bin/sh\necho two\n', { mode: 0o755 });
    const spec = (path: string): OciSpec =>
      edited(argv('tool'), (copy) => {
        copy.process.env = [`PATH=${path}`];
      });
    expect(shop.run(spec('/none:/one:/two')).stdout).toBe('two\n');
    expect(shop.run(spec('/one')).stderr).toContain('exec: "tool": permission denied');
  });
});

describe('the environment', () => {
  test('has a HOME from the container’s /etc/passwd, and the last of several values', () => {
    const spec = shop.script('env | sort', (copy) => {
      copy.process.user = { uid: 1000, gid: 1000 };
      copy.process.env = ['PATH=/none', 'A=1', 'HOME=', 'A=2', 'PATH=/bin'];
    });
    expect(shop.run(spec).stdout).toBe('A=2\nHOME=/home/guest\nPATH=/bin\nPWD=/\nSHLVL=1\n');
    const nobody = edited(spec, (copy) => {
      copy.process.user = { uid: 4711, gid: 1 };
    });
    expect(shop.run(nobody).stdout).toContain('HOME=/\n');
  });

  test('has variables that are no text byte by byte, unless they were changed since', () => {
    const spec = shop.script('env | grep -a ^[BC]= | sort | od -An -tx1', (copy) => {
      copy.process.env = ['PATH=/bin', 'B=\ufffd', 'C=changed'];
      copy.process.envBytes = [
        { entry: 'B=\ufffd', bytes: [0x42, 0x3d, 0xff] },
        { entry: 'C=\ufffd', bytes: [0x43, 0x3d, 0xff] },
      ];
    });
    expect(shop.run(spec)).toEqual({
      status: 0,
      stdout: ' 42 3d ff 0a 43 3d 63 68 61 6e 67 65 64 0a\n',
      stderr: '',
    });
    const wrong = edited(spec, (copy) => {
      copy.process.envBytes = [{ entry: 'B=', bytes: [0x42, 0x3d, 0] }];
    });
    expect(shop.run(wrong).stderr).toContain('the bytes of a variable must be from 1 to 255');
  });
});

describe('the working directory', () => {
  test('is made when missing', () => {
    const spec = shop.script('pwd', (copy) => {
      copy.process.cwd = '/made/for/me';
    });
    expect(shop.run(spec).stdout).toBe('/made/for/me\n');
  });

  test('that is no directory, or closed to the user, is named', () => {
    const file = shop.script('pwd', (copy) => {
      copy.process.cwd = '/etc/passwd';
    });
    expect(shop.run(file).stderr).toContain('chdir /etc/passwd: Not a directory');
  });

  test('of the host cannot be reached through a descriptor', () => {
    for (const fd of [3, 4, 5, 6, 7, 8, 9, 10, 11, 12]) {
      const spec = shop.script('pwd; ls', (copy) => {
        copy.process.cwd = `/proc/self/fd/${fd}`;
      });
      const done = shop.run(spec);
      expect(done.stdout).toBe('');
      expect(done.status).toBe(125);
    }
  });
});

describe('limits that this host does not let us have', () => {
  test('a hard limit above our own is clamped, with a warning', () => {
    const spec = shop.script('ulimit -n; ulimit -Hn', (copy) => {
      copy.process.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 100000, hard: 200000 }];
    });
    const done = shop.run(spec, {
      under: [
        'setpriv',
        '--bounding-set=-sys_resource',
        '--inh-caps=-all',
        'prlimit',
        '--nofile=500:1500',
        '--',
      ],
    });
    expect(done.stdout).toBe('1500\n1500\n');
    expect(done.stderr).toContain('warning: RLIMIT_NOFILE is limited to 1500');
  });

  test('an OOM score below our own stays, with a warning', () => {
    const spec = shop.script('cat /proc/self/oom_score_adj', (copy) => {
      copy.process.oomScoreAdj = -900;
    });
    const done = shop.run(spec, {
      under: ['setpriv', '--bounding-set=-sys_resource', '--inh-caps=-all', '--'],
    });
    expect(done.stdout).toBe('0\n');
    expect(done.stderr).toContain('oom_score_adj stays 0 in place of -900');
  });

  test('unknown names are errors, unknown capabilities only warnings', () => {
    const limit = shop.script('true', (copy) => {
      copy.process.rlimits = [{ type: 'RLIMIT_X', soft: 1, hard: 1 }];
    });
    expect(shop.run(limit).stderr).toContain('prlimit RLIMIT_X: Invalid argument (unknown resource limit)');
    const capability = shop.script('grep CapBnd /proc/self/status', (copy) => {
      copy.process.capabilities = { bounding: ['CAP_CHOWN', 'CAP_FLY'] };
    });
    const done = shop.run(capability);
    expect(done.stdout).toBe('CapBnd:\t0000000000000001\n');
    expect(done.stderr).toContain('warning: capability CAP_FLY is not known here');
  });
});

describe('more of the document', () => {
  test('a time namespace with offsets, also for an exec', () => {
    const spec = shop.script('cut -d. -f1 /proc/uptime; sleep 30', (copy) => {
      copy.linux.namespaces?.push({ type: 'time' });
      Object.assign(copy.linux, { timeOffsets: { boottime: { secs: 1_000_000_000, nanosecs: 0 } } });
    });
    const exec = structuredClone(shop.base.process);
    exec.args = ['sh', '-c', 'sleep 0.3; cut -d. -f1 /proc/uptime'];
    const seen = shop.run(spec, { exec }).stdout.trim().split('\n').map(Number);
    expect(seen).toHaveLength(2);
    for (const uptime of seen) expect(uptime).toBeGreaterThan(1_000_000_000);
  });

  test('scheduling, I/O priority, personality, CPUs', () => {
    const look = `cut -d' ' -f19,41 /proc/self/stat; ionice; uname -m; grep Cpus_allowed_list /proc/self/status`;
    const spec = shop.script(look, (copy) => {
      copy.process.scheduler = { policy: 'SCHED_BATCH', nice: 5 };
      copy.process.ioPriority = { class: 'IOPRIO_CLASS_IDLE', priority: 0 };
      Object.assign(copy.linux, { personality: { domain: 'LINUX32' } });
    });
    expect(shop.run(spec).stdout).toMatch(/^5 3\nidle(: prio 0)?\ni686\n/);
    const exec = structuredClone(shop.base.process);
    exec.args = ['grep', 'Cpus_allowed_list', '/proc/self/status'];
    Object.assign(exec, { execCPUAffinity: { initial: '0', final: '1' } });
    expect(shop.run(shop.script('sleep 30'), { exec }).stdout).toBe('Cpus_allowed_list:\t1\n');
  });

  test('what is not supported is refused by name', () => {
    const spec = shop.script('true', (copy) => {
      copy.linux.netDevices = { eth9: {} };
    });
    expect(shop.run(spec).stderr).toContain('config.json linux.netDevices: Operation not supported');
  });
});

describe('AppArmor and SELinux', () => {
  test('asked for on a host without them is an error that says so', () => {
    const apparmor = shop.script('true', (copy) => {
      copy.process.apparmorProfile = 'some-profile';
    });
    expect(shop.run(apparmor).stderr).toMatch(/apparmor some-profile: .*this host has no AppArmor/);
    const selinux = shop.script('true', (copy) => {
      copy.process.selinuxLabel = 'a:b:c:s0';
    });
    expect(shop.run(selinux).stderr).toMatch(/selinux a:b:c:s0: .*this host has no SELinux/);
    const unconfined = shop.script('true', (copy) => {
      copy.process.apparmorProfile = 'unconfined';
    });
    expect(shop.run(unconfined).status).toBe(0);
  });
});

describe('a terminal', () => {
  test('is the container’s own: stdio, controlling terminal, /dev/console, size', () => {
    const look =
      'tty; stty size; readlink /proc/self/fd/0; readlink /dev/ptmx; stat -c %t:%T /dev/console /dev/pts/0; echo > /dev/tty && echo ctty';
    const spec = shop.script(look, (copy) => {
      copy.process.terminal = true;
      copy.process.consoleSize = { height: 33, width: 99 };
      copy.process.user = { uid: 1000, gid: 1000 };
    });
    const lines = shop.run(spec).stdout.replaceAll('\r', '').trim().split('\n');
    expect(lines).toEqual(['/dev/pts/0', '33 99', '/dev/pts/0', 'pts/ptmx', '88:0', '88:0', '', 'ctty']);
  });

  test('needs a devpts', () => {
    const spec = shop.script('true', (copy) => {
      copy.process.terminal = true;
      copy.mounts = copy.mounts.filter(({ destination }) => destination !== '/dev/pts');
    });
    expect(shop.run(spec).stderr).toContain('a terminal needs a devpts file system at /dev/pts');
  });

  test('is not taken from what an image calls its multiplexer', () => {
    rmSync(join(shop.root, 'dev/pts'), { recursive: true, force: true });
    const spec = shop.script('true', (copy) => {
      copy.process.terminal = true;
      copy.mounts = copy.mounts.filter(({ destination }) => destination !== '/dev/pts');
      copy.linux.devices = [{ path: '/dev/pts/ptmx', type: 'c', major: 5, minor: 2 }];
    });
    expect(shop.run(spec).stderr).toContain('/dev/pts/ptmx');
  });
});

describe('exec', () => {
  const sleeping = (edit: (spec: OciSpec) => void = () => undefined): OciSpec =>
    shop.script('sleep 30', edit);
  const shell = (script: string, edit: (process: OciProcess) => void = () => undefined): OciProcess => {
    const process = structuredClone(shop.base.process);
    process.args = ['sh', '-c', script];
    edit(process);
    return process;
  };

  test('is in the app’s namespaces and root, with its exit code', () => {
    const names = ['mnt', 'pid', 'ipc', 'uts', 'net', 'cgroup'].map(
      (name) => `/proc/self/ns/${name} /proc/1/ns/${name}`,
    );
    const look = names
      .map((pair) => `set -- ${pair}; [ "$(readlink $1)" = "$(readlink $2)" ] || echo "$1 differs"`)
      .join('\n');
    const done = shop.run(
      sleeping((spec) => {
        spec.linux.namespaces?.push({ type: 'cgroup' });
        spec.hostname = 'somewhere';
        spec.process.capabilities = {
          bounding: ['CAP_SYS_PTRACE'],
          effective: ['CAP_SYS_PTRACE'],
          permitted: ['CAP_SYS_PTRACE'],
        };
      }),
      {
        exec: shell(
          `${look}\nhostname; tr '\\0' ' ' < /proc/1/cmdline; for fd in /proc/$$/fd/*; do echo "$fd" | sed 's:.*/::'; done; exit 9`,
          (process) => {
            process.capabilities = {
              bounding: ['CAP_SYS_PTRACE'],
              effective: ['CAP_SYS_PTRACE'],
              permitted: ['CAP_SYS_PTRACE'],
            };
          },
        ),
      },
    );
    expect(done).toEqual({ status: 9, stdout: 'somewhere\nsleep 30 0\n1\n2\n3\n', stderr: '' });
  });

  test('has its own user, capabilities, limits and directory', () => {
    const process = shell(
      'id -u; grep -E "CapEff|NoNew" /proc/self/status; ulimit -n; pwd; umask',
      (copy) => {
        copy.user = { uid: 1000, gid: 1000, umask: 0o77 };
        copy.capabilities = { bounding: ['CAP_CHOWN'] };
        copy.rlimits = [{ type: 'RLIMIT_NOFILE', soft: 77, hard: 88 }];
        copy.cwd = '/tmp';
      },
    );
    const done = shop.run(sleeping(), { exec: process });
    expect(done.stdout).toBe('1000\nCapEff:\t0000000000000000\nNoNewPrivs:\t1\n77\n/tmp\n0077\n');
  });

  test('runs under the app’s seccomp profile', () => {
    const done = shop.run(
      sleeping((spec) => {
        spec.linux.seccomp = {
          defaultAction: 'SCMP_ACT_ALLOW',
          syscalls: [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 }],
        };
      }),
      { exec: shell('mkdir /tmp/d; grep Seccomp: /proc/self/status') },
    );
    expect(done.stderr).toContain("can't create directory '/tmp/d': Operation not supported");
    expect(done.stdout).toBe('Seccomp:\t2\n');
  });

  test('gets a terminal of the container’s', () => {
    const done = shop.run(sleeping(), {
      exec: shell('tty; exit 3', (copy) => {
        copy.terminal = true;
      }),
    });
    expect(done.stdout.trim()).toBe('/dev/pts/0');
    expect(done.status).toBe(3);
  });

  test('of a program that is not there is an error', () => {
    const done = shop.run(sleeping(), { exec: { ...shell(''), args: ['nosuch'] } });
    expect(done.stderr).toContain('exec: "nosuch": executable file not found in $PATH');
  });
});

test('nothing of the runtime’s is left open to a neighbour: descriptors, memory, root', () => {
  compile(
    `#include <stdio.h>
     #include <sys/prctl.h>
     #include <signal.h>
     int main(void) {
       sigset_t set; sigprocmask(0, 0, &set); int blocked = 0, ignored = 0;
       for (int i = 1; i < 65; ++i) { struct sigaction a; if (sigaction(i, 0, &a) == 0 && a.sa_handler != SIG_DFL) ++ignored; if (sigismember(&set, i) == 1) ++blocked; }
       int death = -1; prctl(PR_GET_PDEATHSIG, &death);
       printf("%d %d %d %d\\n", blocked, ignored, death, prctl(PR_GET_DUMPABLE));
     }`,
    join(shop.root, 'bin/probe'),
  );
  expect(shop.run(argv('probe')).stdout).toBe('0 0 0 1\n');
});
