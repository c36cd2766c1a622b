import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { ContainerConfigInit, PodSandboxConfigInit } from '../../src/cri-types/index.ts';
import {
  containerStatus,
  createContainer,
  exec,
  failure,
  type Pod,
  pull,
  removePod,
  runPod,
  shellImage,
  startContainer,
  World,
} from '../harness/index.ts';

let world: World;
let pods: Pod[] = [];

beforeAll(async () => {
  world = await World.create({ subnet: 172 });
  await pull(world, shellImage);
});
afterAll(() => world.dispose());
beforeEach(() => {
  pods = [];
});
afterEach(async () => {
  for (const pod of pods) await removePod(world, pod);
});

type Linux = NonNullable<ContainerConfigInit['linux']>;
type Security = NonNullable<Linux['securityContext']>;

const podOf = async (linux: NonNullable<PodSandboxConfigInit['linux']> = {}): Promise<Pod> => {
  const securityContext = { namespaceOptions: { network: 'NODE' as const }, ...linux.securityContext };
  const pod = await runPod(world, { linux: { ...linux, securityContext } });
  pods.push(pod);
  return pod;
};
/** PID 1 is the container's. */
const ownProcesses = { network: 'NODE', pid: 'CONTAINER' } as const;
const started = async (securityContext: Security, more: Linux = {}, config: ContainerConfigInit = {}) => {
  const { privileged = false } = securityContext;
  return await startContainer(world, await podOf({ securityContext: { privileged } }), {
    ...config,
    linux: { ...more, securityContext: { namespaceOptions: ownProcesses, ...securityContext } },
  });
};
const say = async (id: string, text: string): Promise<string> => {
  const { text: said, exitCode, stderr } = await exec(world, id, text);
  if (exitCode !== 0) throw new Error(`${text}: ${exitCode}: ${Buffer.from(stderr).toString()}`);
  return said;
};
const fails = async (id: string, text: string): Promise<string> => {
  const { exitCode, stderr } = await exec(world, id, text);
  expect([text, exitCode]).not.toEqual([text, 0]);
  return Buffer.from(stderr).toString();
};
const refusal = async (securityContext: Security, more: Linux = {}): Promise<string> => {
  const { privileged = false } = securityContext;
  const pod = await podOf({ securityContext: { privileged } });
  const linux = { ...more, securityContext };
  return (await failure(createContainer(world, pod, { linux }))).message;
};
const statusLine = (id: string, name: string): Promise<string> =>
  say(id, `sed -n 's/^${name}:[[:space:]]*//p' /proc/1/status`);

describe('masked and read-only paths', () => {
  test('are those that are named', async () => {
    const id = await started({
      maskedPaths: ['/proc/uptime', '/etc', '/absent'],
      readonlyPaths: ['/proc/sys', '/tmp'],
    });
    expect(await say(id, 'ls /etc; wc -c < /proc/uptime; stat -c %F /proc/uptime')).toBe(
      '0\ncharacter special file',
    );
    expect(await fails(id, 'touch /tmp/x')).toContain('Read-only');
    expect(await fails(id, 'echo 1 > /proc/sys/kernel/shmmni')).toContain('Read-only');
    await say(id, 'cat /proc/version > /dev/null');
  });

  test('are none where none are named (an unmasked /proc), and none in a privileged container', async () => {
    for (const security of [{}, { privileged: true, maskedPaths: ['/etc'], readonlyPaths: ['/tmp'] }]) {
      const id = await started(security);
      expect(await say(id, 'grep -c " /proc/" /proc/self/mountinfo || true')).toBe('0');
      await say(id, 'ls /etc/passwd && touch /tmp/x');
    }
  });
});

describe('users and groups', () => {
  const user = { runAsUser: { value: 1000n }, runAsGroup: { value: 2000n } };
  test.each([
    ['Merge', '2000 3000 50000'],
    ['Strict', '2000 3000'],
  ] as const)('supplemental groups, policy %s', async (supplementalGroupsPolicy, groups) => {
    const predefined = 'gcr.io/k8s-staging-cri-tools/test-image-predefined-group:latest';
    await pull(world, predefined);
    const id = await started(
      { ...user, supplementalGroups: [3000n], supplementalGroupsPolicy },
      {},
      {
        image: { image: predefined },
      },
    );
    expect((await say(id, 'id -u; id -g; id -G')).split('\n')).toEqual(['1000', '2000', groups]);
    expect((await containerStatus(world, id)).user?.linux).toEqual({
      uid: 1000n,
      gid: 2000n,
      supplementalGroups: groups.split(' ').map(BigInt),
    });
  });

  test('a user by name, and one that is not there', async () => {
    const id = await started({ runAsUsername: 'www-data' });
    expect(await say(id, 'id -u; id -g; echo $HOME')).toBe('33\n33\n/var/www');
    expect(await refusal({ runAsUsername: 'nobody-here' })).toContain(
      "user 'nobody-here' is not in the image's",
    );
  });
});

describe('capabilities', () => {
  const NET_ADMIN = 1n << 12n;
  const sets = async (id: string): Promise<Record<string, bigint>> => {
    const lines = (await say(id, 'grep ^Cap /proc/1/status')).split('\n');
    return Object.fromEntries(
      lines.map((line) => [line.slice(3, 6), BigInt(`0x${line.split(':')[1]?.trim() ?? ''}`)]),
    );
  };
  const own = BigInt(`0x${/^CapBnd:\s*(\w+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? ''}`);

  test('none', async () => {
    const id = await started({ capabilities: { dropCapabilities: ['ALL'] } });
    expect(await sets(id)).toEqual({ Inh: 0n, Prm: 0n, Eff: 0n, Bnd: 0n, Amb: 0n });
  });

  test('one alone', async () => {
    const id = await started({ capabilities: { dropCapabilities: ['ALL'], addCapabilities: ['net_admin'] } });
    expect(await sets(id)).toEqual({ Inh: 0n, Prm: NET_ADMIN, Eff: NET_ADMIN, Bnd: NET_ADMIN, Amb: 0n });
  });

  test('all that the server itself may hand on', async () => {
    for (const security of [{ capabilities: { addCapabilities: ['ALL'] } }, { privileged: true }]) {
      expect((await sets(await started(security))).Bnd).toBe(own);
    }
  });

  test('ambient ones stay with a user that is not root; others do not', async () => {
    const capabilities = { addCapabilities: ['NET_ADMIN'] };
    const user = { runAsUser: { value: 1000n } };
    const plain = await sets(await started({ ...user, capabilities }));
    expect([plain.Eff, plain.Amb]).toEqual([0n, 0n]);
    const ambient = { ...capabilities, addAmbientCapabilities: ['NET_ADMIN'] };
    const kept = await sets(await started({ ...user, capabilities: ambient }));
    expect([kept.Eff, kept.Amb, kept.Inh]).toEqual([NET_ADMIN, NET_ADMIN, NET_ADMIN]);
  });

  test('that do not exist are refused', async () => {
    expect(await refusal({ capabilities: { addCapabilities: ['FLY'] } })).toContain(
      'there is no capability CAP_FLY',
    );
  });
});

describe('no new privileges, seccomp', () => {
  test('no-new-privs is the process’s, and an exec’s', async () => {
    for (const noNewPrivs of [true, false]) {
      const id = await started({ noNewPrivs });
      const wanted = noNewPrivs ? '1' : '0';
      expect(await statusLine(id, 'NoNewPrivs')).toBe(wanted);
      expect(await say(id, "sed -n 's/^NoNewPrivs:[[:space:]]*//p' /proc/self/status")).toBe(wanted);
    }
  });

  const unshare = 'unshare -m true';
  const mayMount = { addCapabilities: ['SYS_ADMIN'] };
  const profile = (text: string): string => {
    const file = join(world.directory, 'profile.json');
    writeFileSync(file, text);
    return file;
  };

  test('the default profile is made for the container’s capabilities', async () => {
    const seccomp = { profileType: 'RuntimeDefault' as const };
    const plain = await started({ seccomp });
    expect(await statusLine(plain, 'Seccomp')).toBe('2');
    await fails(plain, unshare);
    expect(await say(await started({ seccomp, capabilities: mayMount }), `${unshare} && echo may`)).toBe(
      'may',
    );
  });

  test('a profile of the host decides, in an exec too; Unconfined and privileged have none', async () => {
    const localhostRef = profile(
      JSON.stringify({
        defaultAction: 'SCMP_ACT_ALLOW',
        syscalls: [{ names: ['unshare'], action: 'SCMP_ACT_ERRNO', errnoRet: 99 }],
      }),
    );
    const seccomp = { profileType: 'Localhost' as const, localhostRef };
    const id = await started({ seccomp, capabilities: mayMount });
    expect(await fails(id, unshare)).toContain('annot assign requested address'); // 99
    for (const security of [
      { seccomp: { profileType: 'Unconfined' as const }, capabilities: mayMount },
      { privileged: true, seccomp },
    ]) {
      const free = await started(security);
      expect(await statusLine(free, 'Seccomp')).toBe('0');
      expect(await say(free, `${unshare} && echo may`)).toBe('may');
    }
  });

  test('profiles that are not there, or none, are refused by name', async () => {
    const seccomp = { profileType: 'Localhost' as const, localhostRef: '/no/such/profile.json' };
    expect(await refusal({ seccomp })).toContain('seccomp profile /no/such/profile.json cannot be read');
    const bad = profile('{"defaultAction":"SCMP_ACT_DANCE"}');
    expect(await refusal({ seccomp: { ...seccomp, localhostRef: bad } })).toContain('SCMP_ACT_DANCE');
  });
});

describe('AppArmor and SELinux, on a host without', () => {
  test('a profile is refused, Unconfined and silence are not', async () => {
    expect(await refusal({ apparmor: { profileType: 'Localhost', localhostRef: 'x' } })).toContain(
      'AppArmor is not enabled on this host',
    );
    expect(await refusal({ apparmorProfile: 'runtime/default' })).toContain('AppArmor is not enabled');
    await started({ apparmor: { profileType: 'Unconfined' } });
    await started({ apparmorProfile: 'unconfined' });
  });

  test('labels say nothing, unless they make no sense', async () => {
    const id = await started({ selinuxOptions: { type: 'container_t', level: 's0:c1,c2' } });
    expect(await say(id, 'echo runs')).toBe('runs');
    expect(await refusal({ selinuxOptions: { level: 'high' } })).toContain("'high' is no SELinux level");
  });
});

describe('sysctls', () => {
  const POD = { namespaceOptions: { network: 'POD' as const } };
  test('of the pod’s namespaces are set, safe and unsafe ones', async () => {
    const sysctls = {
      'net.ipv4.ip_local_port_range': '1024 65000',
      'net/ipv4/conf/lo/forwarding': '1',
      'kernel.shm_rmid_forced': '1',
      'fs.mqueue.msg_max': '77',
      'kernel.msgmax': '4096',
    };
    const pod = await podOf({ sysctls, securityContext: POD });
    const id = await startContainer(world, pod);
    const files = Object.keys(sysctls).map((name) => `/proc/sys/${name.replaceAll('.', '/')}`);
    expect(await say(id, `cat ${files.join(' ')} | tr -s '\\t' ' '`)).toBe(Object.values(sysctls).join('\n'));
  });

  test.each([
    ['net.ipv4.tcp_syncookies', 'NODE', "on the host's network would change the node"],
    ['kernel.panic', 'POD', 'belongs to the whole node'],
    ['vm.swappiness', 'POD', 'belongs to the whole node'],
    ['net/../vm/swappiness', 'POD', 'is no name of a sysctl'],
  ] as const)('%s is refused (network of the %s)', async (name, network, message) => {
    const error = await failure(
      podOf({ sysctls: { [name]: '1' }, securityContext: { namespaceOptions: { network } } }),
    );
    expect(error.message).toContain(message);
  });

  test('of the host’s IPC are refused, and one that the kernel does not know fails the pod by name', async () => {
    const ipc = { namespaceOptions: { network: 'POD' as const, ipc: 'NODE' as const } };
    const host = await failure(podOf({ sysctls: { 'kernel.shmmax': '1' }, securityContext: ipc }));
    expect(host.message).toContain("in the host's IPC namespace would change the node");
    const unknown = await failure(
      podOf({ sysctls: { 'net.ipv4.no_such_thing': '1' }, securityContext: POD }),
    );
    expect(unknown.message).toContain('no_such_thing');
  });
});

describe('resources that are security’s', () => {
  test('oom_score_adj is raised, and bounded', async () => {
    const id = await started({}, { resources: { oomScoreAdj: 777n } });
    expect(await say(id, 'cat /proc/1/oom_score_adj /proc/self/oom_score_adj')).toBe('777\n777');
    expect(await refusal({}, { resources: { oomScoreAdj: 1001n } })).toContain(
      'is not between -1000 and 1000',
    );
  });

  test('devices: the access that is given, and no other', async () => {
    const device = (permissions: string) => [{ hostPath: '/dev/zero', containerPath: '/dev/z', permissions }];
    const config = (permissions: string): ContainerConfigInit => ({ devices: device(permissions) });
    const all = await started({}, {}, config('rwm'));
    expect(await say(all, 'stat -c %t:%T /dev/z; head -c 3 /dev/z | wc -c')).toBe('1:5\n3');
    expect(await fails(all, 'mknod /kmsg c 1 11 && cat /kmsg')).toContain('not permitted');
    const loop = { hostPath: '/dev/loop-control', containerPath: '/dev/l', permissions: 'r' };
    const reading = await started({}, {}, { devices: [loop] });
    await say(reading, 'exec 3< /dev/l');
    expect(await fails(reading, 'exec 3> /dev/l')).toContain('not permitted');
  });

  test('huge pages: the kernel itself keeps to the limit', async () => {
    const pool = '/proc/sys/vm/nr_hugepages';
    const before = readFileSync(pool, 'utf8');
    const program = join(world.directory, 'huge');
    const source = `
      #include <stdio.h>
      #include <string.h>
      #include <sys/mman.h>
      int main(void) {
        for (int n = 1; n <= 3; n++) {
          void *p = mmap(0, 2 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
          if (p == MAP_FAILED) { printf("refused %d\\n", n); return 0; }
          printf("page %d\\n", n); fflush(stdout);
          memset(p, 1, 2 << 20);
        }
        printf("all\\n");
        return 0;
      }`;
    execFileSync('gcc', ['-static', '-O1', '-x', 'c', '-o', program, '-'], { input: source });
    writeFileSync(pool, '8');
    try {
      expect(Number(readFileSync(pool, 'utf8'))).toBeGreaterThanOrEqual(3);
      const run = async (limit: bigint): Promise<string> => {
        const id = await started(
          {},
          { resources: { hugepageLimits: [{ pageSize: '2MB', limit }] } },
          { mounts: [{ hostPath: program, containerPath: '/huge', readonly: true }] },
        );
        const { text } = await exec(world, id, '/huge');
        await world.cri.call('StopContainer', { containerId: id, timeout: 0n });
        return text;
      };
      expect(await run(3n << 21n)).toBe('page 1\npage 2\npage 3\nall');
      // Reservations are limited too: no page is promised that could not be had.
      expect(await run(1n << 21n)).toBe('page 1\nrefused 2');
      expect(await run(0n)).toBe('refused 1');
    } finally {
      writeFileSync(pool, before);
    }
  });
});
