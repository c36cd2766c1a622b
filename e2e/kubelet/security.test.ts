import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Container,
  KubeletNode,
  manyAtOnce,
  type PodShape,
  pod,
  removeStatic,
  runStatic,
  runToEnd,
  sh,
  statusOf,
} from './harness/index.ts';

manyAtOnce();
let node: KubeletNode;
beforeAll(async () => {
  node = await KubeletNode.create({ subnet: 166, config: { allowedUnsafeSysctls: ['kernel.msg*'] } });
  const profiles = join(node.kubelet.rootDirectory, 'seccomp/profiles');
  mkdirSync(profiles, { recursive: true });
  const syscalls = [{ names: ['mkdir', 'mkdirat'], action: 'SCMP_ACT_ERRNO', errnoRet: 95 }];
  writeFileSync(
    join(profiles, 'no-mkdir.json'),
    JSON.stringify({ defaultAction: 'SCMP_ACT_ALLOW', syscalls }),
  );
});
afterAll(async () => await node?.dispose());

/** What a script says in a container with this security context. */
async function says(
  script: string,
  securityContext: object,
  more: Partial<PodShape> = {},
  container: Container = {},
): Promise<string> {
  const manifest = pod('security', {
    ...more,
    containers: [{ ...sh(`exec 2>&1; ${script}`), ...container, securityContext }],
  });
  const done = await runToEnd(node, manifest);
  return (await node.kubelet.api.logs(done, 'main')).trim();
}
const ids = 'id -u; id -g; id -G';
/** Of the process itself, in hexadecimal. */
const capabilities = (set: string): string => `sed -n 's/^${set}:\\t0*//p' /proc/self/status`;
const seccomp = "sed -n 's/^Seccomp:\\t//p' /proc/self/status";

describe.concurrent('users', () => {
  test('and groups are those of the container, before those of the pod', async () => {
    const securityContext = {
      runAsUser: 1000,
      runAsGroup: 2000,
      supplementalGroups: [3000, 4000],
      fsGroup: 5000,
    };
    const [own, podWide] = await Promise.all([
      says(ids, { runAsUser: 1111 }, { securityContext }),
      says(ids, {}, { securityContext }),
    ]);
    expect(own.split('\n')).toEqual(['1111', '2000', '2000 3000 4000 5000']);
    expect(podWide.split('\n')).toEqual(['1000', '2000', '2000 3000 4000 5000']);
  });

  // The kubelet takes the user out of the image's `1002:33` and asks for it by number, and so the group is the user's own.
  test("are the image's where nothing is said", async () => {
    const container = { image: 'gantry.test/config:1', imagePullPolicy: 'IfNotPresent' };
    expect(await says('id -u; id -g', {}, {}, container)).toBe('1002\n0');
  });

  test('of an image that runs as root are refused with runAsNonRoot', async () => {
    const manifest = pod('non-root', {
      containers: [{ ...sh('true'), securityContext: { runAsNonRoot: true } }],
    });
    const refused = await runStatic(
      node,
      manifest,
      (found) => statusOf(found).state.waiting?.reason === 'CreateContainerConfigError',
    );
    expect(statusOf(refused).state.waiting?.message).toMatch(/runAsNonRoot/);
    await removeStatic(node, manifest);
  });
});

describe.concurrent('privileges', () => {
  test('are the default capabilities for root, and none for others', async () => {
    const [root, user] = await Promise.all([
      says(capabilities('CapEff'), {}),
      says(`${capabilities('CapEff')}; echo .`, { runAsUser: 1000 }),
    ]);
    expect(root).toBe('a80425fb');
    expect(user).toBe('.');
  });

  test('are added and dropped by name', async () => {
    const [added, dropped, one] = await Promise.all([
      says(capabilities('CapBnd'), { capabilities: { add: ['SYS_TIME', 'NET_ADMIN'], drop: ['CHOWN'] } }),
      says(`${capabilities('CapEff')}; echo .`, { capabilities: { drop: ['ALL'] } }),
      says(capabilities('CapEff'), { capabilities: { drop: ['ALL'], add: ['NET_BIND_SERVICE'] } }),
    ]);
    expect(BigInt(`0x${added}`)).toBe((0xa80425fbn | (1n << 25n) | (1n << 12n)) & ~1n);
    expect(dropped).toBe('.');
    expect(one).toBe('400');
  });

  test('are all, with all devices and nothing hidden, for a privileged container', async () => {
    const text = await says(
      `${capabilities('CapEff')}; ls /dev | wc -l; mount -t tmpfs x /tmp && echo mounted; grep -c " /sys .*rw" /proc/mounts; ${seccomp}`,
      { privileged: true },
    );
    const [all = '', devices, mounted, writable, filter] = text.split('\n');
    expect(all).toMatch(/^1ff/);
    expect(Number(devices)).toBeGreaterThan(20);
    expect([mounted, writable, filter]).toEqual(['mounted', '1', '0']);
  });

  test('are not gained where allowPrivilegeEscalation is false', async () => {
    const flag = "sed -n 's/^NoNewPrivs:\\t//p' /proc/self/status";
    const [no, yes] = await Promise.all([
      says(flag, { allowPrivilegeEscalation: false }),
      says(flag, { allowPrivilegeEscalation: true }),
    ]);
    expect([no, yes]).toEqual(['1', '0']);
  });
});

describe.concurrent('the file system', () => {
  test('is written to only where volumes are, with readOnlyRootFilesystem', async () => {
    const text = await says(
      'touch /file; touch /e/file && echo written; echo reason > /dev/termination-log && echo told',
      { readOnlyRootFilesystem: true },
      { volumes: [{ name: 'e', emptyDir: {} }] },
      { volumeMounts: [{ name: 'e', mountPath: '/e' }] },
    );
    expect(text).toMatch(/Read-only file system\nwritten\ntold$/);
  });

  test('of /proc hides what is the host’s, and with procMount: Unmasked in a user namespace does not', async () => {
    const look = 'cat /proc/keys | wc -c; echo 1 > /proc/sys/vm/swappiness; grep -c " /proc/" /proc/mounts';
    const [masked, unmasked] = await Promise.all([
      says(look, {}),
      says('grep -c " /proc/" /proc/mounts', { procMount: 'Unmasked' }, { hostUsers: false }),
    ]);
    expect(masked).toMatch(/^0\n.*Read-only file system\n[1-9]\d*$/s);
    expect(unmasked).toBe('0');
  });
});

describe.concurrent('seccomp', () => {
  test('is off where nothing is said, and on with RuntimeDefault', async () => {
    const attempt = `${seccomp}; unshare -m true && echo done`;
    const admin = { capabilities: { add: ['SYS_ADMIN'] } };
    const [none, byDefault, unconfined] = await Promise.all([
      says(attempt, admin),
      says(`${seccomp}; unshare -U true || echo refused`, {
        seccompProfile: { type: 'RuntimeDefault' },
      }),
      says(attempt, { ...admin, seccompProfile: { type: 'Unconfined' } }),
    ]);
    expect(none).toBe('0\ndone');
    expect(unconfined).toBe('0\ndone');
    expect(byDefault).toMatch(/^2\n.*not permitted\nrefused$/s);
  });

  test('is a profile of the node’s, for the pod or the container', async () => {
    const seccompProfile = { type: 'Localhost', localhostProfile: 'profiles/no-mkdir.json' };
    const attempt = 'mkdir /tmp/new || touch /tmp/file && echo rest works';
    const [own, podWide] = await Promise.all([
      says(attempt, { seccompProfile }),
      says(attempt, {}, { securityContext: { seccompProfile } }),
    ]);
    for (const text of [own, podWide]) expect(text).toMatch(/Operation not supported\nrest works$/);
  });

  test('of a profile that is not there keeps the container from being made, and says which', async () => {
    const seccompProfile = { type: 'Localhost', localhostProfile: 'profiles/absent.json' };
    const manifest = pod('absent-profile', {
      containers: [{ ...sh('true'), securityContext: { seccompProfile } }],
    });
    const refused = await runStatic(node, manifest, (found) =>
      /^CreateContainer/.test(statusOf(found).state.waiting?.reason ?? ''),
    );
    expect(statusOf(refused).state.waiting?.message).toMatch(/profiles\/absent\.json/);
    await removeStatic(node, manifest);
  });
});

describe.concurrent('sysctls', () => {
  test('safe ones and those that the node allows are set', async () => {
    const sysctls = [
      { name: 'kernel.shm_rmid_forced', value: '1' },
      { name: 'net.ipv4.ip_unprivileged_port_start', value: '1' },
      { name: 'kernel.msgmax', value: '12345' },
    ];
    const files = 'kernel/shm_rmid_forced net/ipv4/ip_unprivileged_port_start kernel/msgmax';
    const text = await says(`cd /proc/sys; cat ${files}`, {}, { securityContext: { sysctls } });
    expect(text).toBe('1\n1\n12345');
  });

  test('others are forbidden, and the pod fails', async () => {
    const sysctls = [{ name: 'kernel.sem', value: '1 2 3 4' }];
    const done = await runToEnd(
      node,
      pod('forbidden', { securityContext: { sysctls }, containers: [sh('true')] }),
    );
    expect(done.status).toMatchObject({ phase: 'Failed', reason: 'SysctlForbidden' });
  });
});

test('nothing is left', async () => {
  expect(await node.leftovers()).toEqual([]);
});
