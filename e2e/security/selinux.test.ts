import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { native } from '../../src/base/index.ts';
import type { MountInit, NamespaceMode } from '../../src/cri-types/index.ts';
import {
  createContainer,
  failure,
  type Pod,
  podConfig,
  pull,
  removePod,
  runPod,
  shellImage,
  World,
} from '../harness/index.ts';

/**
 * The server's mount namespace looks like a host's whose SELinux has a policy for containers; the kernel has none. So what
 * the server decides and writes to files is real, and what stage1 asks of the kernel is refused, by name: lsm/ shows it
 * granted.
 */
const pretending = `
  d=$(mktemp -d); mount -t tmpfs e2e $d; mkdir $d/fs $d/upper $d/work
  mkdir $d/fs/cgroup $d/fs/selinux; echo 1 > $d/fs/selinux/enforce; touch $d/fs/selinux/context
  mount --rbind /sys/fs/cgroup $d/fs/cgroup; mount --rbind $d/fs /sys/fs
  mount -t overlay -o lowerdir=/etc,upperdir=$d/upper,workdir=$d/work e2e /etc
  mkdir -p /etc/selinux/targeted/contexts
  printf '%s\\n' 'process = "system_u:system_r:container_t:s0"' 'file = "system_u:object_r:container_file_t:s0"' \\
    > /etc/selinux/targeted/contexts/lxc_contexts
  umount -l $d; rmdir $d; exec "$@"`;
const wrapper = ['unshare', '--mount', '--propagation', 'private', 'sh', '-euc', pretending, 'sh'];

let world: World;
let pods: Pod[] = [];
beforeAll(async () => {
  world = await World.create({ subnet: 173, server: { wrapper } });
  await pull(world, shellImage);
});
afterAll(() => world.dispose());
beforeEach(() => {
  pods = [];
});
afterEach(async () => {
  for (const pod of pods) await removePod(world, pod);
});

const namespaces = (pid: NamespaceMode) => ({
  securityContext: { namespaceOptions: { network: 'NODE' as const, pid } },
});
const newPod = async (selinuxOptions?: { level: string }): Promise<Pod> => {
  const { securityContext } = namespaces('CONTAINER');
  const security = selinuxOptions === undefined ? securityContext : { ...securityContext, selinuxOptions };
  const pod = await runPod(world, { linux: { securityContext: security } });
  pods.push(pod);
  return pod;
};
const fileOf = (pod: Pod, name: string): string => join(world.gantry.root, 'pods', pod.id, name);
/** Of the helper process's label in what stage1 was given. */
const levelOf = (pod: Pod): string => {
  const { selinuxLabel } = JSON.parse(readFileSync(fileOf(pod, 'pod.json'), 'utf8')) as {
    selinuxLabel: string;
  };
  const [, level = ''] = /^system_u:system_r:container_t:(.*)$/.exec(selinuxLabel) ?? [];
  return level;
};
const labelOf = (path: string): string | undefined =>
  native().xattrGet(path, 'security.selinux')?.replace(/\0$/, '');
const volume = (name: string): string => {
  const path = join(world.directory, name);
  mkdirSync(join(path, 'below'), { recursive: true });
  writeFileSync(join(path, 'below/file'), '');
  return path;
};
const refused = async (pod: Pod, mount: MountInit, more = {}): Promise<string> => {
  const linux = { securityContext: { ...namespaces('CONTAINER').securityContext, ...more } };
  return (await failure(createContainer(world, pod, { mounts: [mount], linux }))).message;
};

describe('levels', () => {
  test('are a pod’s own, over restarts of the server too', async () => {
    const first = await newPod();
    const second = await newPod();
    expect(levelOf(first)).toMatch(/^s0:c\d+,c\d+$/);
    expect(levelOf(second)).not.toBe(levelOf(first));
    await world.gantry.daemon.kill();
    await world.gantry.daemon.start();
    const level = levelOf(first);
    expect(await refused(first, { hostPath: volume('restarted'), containerPath: '/mnt' })).toContain(
      `:${level}: invalid`,
    );
    expect(levelOf(await newPod({ level: 's0:c5,c6' }))).toBe('s0:c5,c6');
  });

  test('go to the pod’s helper process with its label', async () => {
    const config = podConfig(world, { linux: namespaces('POD') });
    const error = await failure(world.cri.call('RunPodSandbox', { config }));
    expect(error.message).toMatch(
      /selinux system_u:system_r:container_t:s0:c\d+,c\d+: .*this host has no SELinux/,
    );
  });
});

describe('volumes', () => {
  const mountedWith = (level: string): string =>
    `context=system_u:object_r:container_file_t:${level}: invalid argument`;

  test('that ask for it get the pod’s label, and so do the pod’s own files; others do not', async () => {
    const pod = await newPod();
    const label = `system_u:object_r:container_file_t:${levelOf(pod)}`;
    const [asked, silent] = [volume('asked'), volume('silent')];
    const mount = { hostPath: asked, containerPath: '/mnt', selinuxRelabel: true };
    expect(await refused(pod, mount)).toContain(mountedWith(levelOf(pod)));
    for (const name of ['', 'below', 'below/file']) expect(labelOf(join(asked, name))).toBe(label);
    for (const name of ['hostname', 'hosts', 'resolv.conf']) expect(labelOf(fileOf(pod, name))).toBe(label);
    await refused(pod, { ...mount, hostPath: silent, selinuxRelabel: false });
    expect(labelOf(join(silent, 'below/file'))).toBeUndefined();
    await refused(
      pod,
      { ...mount, hostPath: silent },
      { privileged: false, selinuxOptions: { type: 'spc_t' } },
    );
    expect(labelOf(join(silent, 'below/file'))).toBeUndefined();
    await refused(pod, { ...mount, hostPath: silent }, { selinuxOptions: { level: 's0:c7,c8' } });
    expect(labelOf(join(silent, 'below/file'))).toBe('system_u:object_r:container_file_t:s0:c7,c8');
  });

  test('that are the host’s are refused', async () => {
    const mount = { containerPath: '/mnt', selinuxRelabel: true };
    for (const hostPath of ['/etc', '/usr/', '/']) {
      expect(await refused(await newPod(), { ...mount, hostPath })).toContain(
        "is the host's and is not given a container's SELinux label",
      );
    }
    expect(labelOf('/etc')).toBeUndefined();
  });
});
