import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OciMount, OciSpec } from '../../../src/base/index.ts';
import { Workshop } from './testing/bundle.ts';

/** Everything that a process can see of what was done to it. */
const probe = `
grep -E '^(Umask|Uid|Gid|Groups|Cap[A-Z][a-z]+|NoNewPrivs|Seccomp|Sig[BIC][a-z]+|Kthread|Cpus_allowed_list):' /proc/self/status
for fd in /proc/$$/fd/*; do echo "fd $fd" | sed 's:/.*/::'; done
cat /proc/self/limits /proc/self/oom_score_adj /proc/self/personality /proc/self/timerslack_ns 2>/dev/null
id; pwd; hostname; env | sort
ls -l /dev | sed -E 's/ [A-Z][a-z]{2} +[0-9]+ +[0-9:]+ / /; s/^total.*//'
stat -c '%n %a %u %g' /proc /sys /dev/shm /dev/mqueue /dev/pts / /tmp
cat /proc/sys/kernel/shmmax /proc/sys/net/ipv4/ip_local_port_range
cut -d' ' -f5- /proc/self/mountinfo | sort
ps -o pid,ppid,pgid,sid 2>/dev/null | head -3
ls /sys/firmware /proc/acpi; head -c 1 /proc/keys; touch /proc/sys/kernel/hostname; ls /sys/fs/cgroup
echo "stdin $(readlink /proc/self/fd/0)"
`;

/** Where we differ from crun on purpose; each is runc's way, or a number that nobody can see an effect of. */
function normalized(text: string): string[] {
  return (
    text
      .split('\n')
      .map((line) =>
        line
          // An empty file system behind masked directories: theirs unlimited, ours of one block.
          .replace(/ - tmpfs tmpfs (rw|ro)(,size=0k|,size=4k,nr_inodes=2)?$/, ' - tmpfs tmpfs')
          // The null device behind masked files: theirs read-only, which changes nothing for a device.
          .replace(/^(\/proc\/\w+) r[ow],relatime - devtmpfs/, '$1 - devtmpfs')
          // The directory of v1 hierarchies is read-only where the mount says so; theirs stays writable.
          .replace(/^\/sys\/fs\/cgroup r[ow],(.*) - tmpfs .*/, '/sys/fs/cgroup $1 - tmpfs')
          // crun 1.8 gives a user the container's /dev/null when that is its stdin; runc has stopped to.
          .replace(/^(crw-rw-rw- +1) \S+ +\S+ +(1, +3 null)$/, '$1 $2')
          .replace(/^\/dev\/(\S+) .*devtmpfs devtmpfs.*/, '/dev/$1 devtmpfs'),
      )
      // crun links /dev/core also where the kernel has no kcore, and net_cls and net_prio where it has neither.
      .filter(
        (line) => line !== '' && !line.endsWith(' core -> /proc/kcore') && !/^net_(cls|prio)$/.test(line),
      )
  );
}

const change = (edit: (spec: OciSpec) => void): ((spec: OciSpec) => void) => edit;
const mount = (added: OciMount): ((spec: OciSpec) => void) => change((spec) => spec.mounts.push(added));

const documents: Record<string, (spec: OciSpec) => void> = {
  'the default': () => undefined,
  'a user with groups': change((spec) => {
    spec.process.user = { uid: 1000, gid: 1000, additionalGids: [5, 2000], umask: 0o27 };
  }),
  'no capabilities at all': change((spec) => {
    delete spec.process.capabilities;
  }),
  'ambient capabilities of a user': change((spec) => {
    const all = ['CAP_NET_BIND_SERVICE', 'CAP_CHOWN', 'CAP_SETUID'];
    spec.process.user = { uid: 1000, gid: 1000 };
    spec.process.capabilities = {
      bounding: all,
      effective: all,
      permitted: all,
      inheritable: all,
      ambient: ['CAP_CHOWN'],
    };
  }),
  'new privileges allowed': change((spec) => {
    spec.process.noNewPrivileges = false;
  }),
  limits: change((spec) => {
    spec.process.rlimits = [
      { type: 'RLIMIT_NOFILE', soft: 200, hard: 300 },
      { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
      { type: 'RLIMIT_NPROC', soft: 500, hard: 600 },
      { type: 'RLIMIT_STACK', soft: 1048576, hard: 2097152 },
    ];
  }),
  'an OOM score': change((spec) => {
    spec.process.oomScoreAdj = 500;
  }),
  'a read-only root': change((spec) => {
    spec.root.readonly = true;
  }),
  'the host’s pid, ipc and uts namespaces': change((spec) => {
    spec.linux.namespaces = (spec.linux.namespaces ?? []).filter(
      ({ type }) => type === 'mount' || type === 'network',
    );
    delete spec.hostname;
  }),
  'devices of its own': change((spec) => {
    spec.linux.devices = [
      { path: '/dev/fuse', type: 'c', major: 10, minor: 229, fileMode: 0o640, uid: 7, gid: 8 },
      { path: '/dev/some/block', type: 'b', major: 7, minor: 0 },
      { path: '/dev/pipe', type: 'p', fileMode: 0o622 },
    ];
  }),
  'an environment': change((spec) => {
    spec.process.env = ['PATH=/bin', 'A=b=c', 'EMPTY=', 'HOME=/somewhere'];
  }),
  'a working directory': change((spec) => {
    spec.process.cwd = '/tmp';
  }),
  'a tmpfs with options': mount({
    destination: '/tmp/t',
    type: 'tmpfs',
    source: 'tmpfs',
    options: ['nosuid', 'noexec', 'nodev', 'mode=1770', 'uid=3', 'gid=4', 'size=1m', 'strictatime'],
  }),
  'a bound directory, read-only': mount({
    destination: '/tmp/b',
    type: 'bind',
    source: '/etc',
    options: ['rbind', 'ro', 'nosuid', 'nodev', 'noatime'],
  }),
  'a bound file': mount({
    destination: '/etc/issue',
    type: 'bind',
    source: '/etc/issue',
    options: ['bind', 'ro'],
  }),
  'a bound tmpfs, its attributes cleared': mount({
    destination: '/tmp/shm',
    type: 'bind',
    source: '/dev/shm',
    options: ['rbind', 'rw'],
  }),
};

describe('a process sees what it sees under crun:', () => {
  let shop: Workshop;
  beforeAll(() => {
    shop = new Workshop();
  });
  afterAll(() => shop.dispose());

  test.each(Object.entries(documents))('%s', (_name, edit) => {
    const spec = shop.script(probe, edit);
    const theirs = shop.runCrun(spec);
    const ours = shop.run(spec);
    expect(theirs.stderr).not.toContain('hybrid');
    expect(theirs.stdout).toContain('CapEff');
    expect(ours.stderr.replaceAll(/^ps:.*\n/gm, '')).toBe(theirs.stderr.replaceAll(/^ps:.*\n/gm, ''));
    expect(normalized(ours.stdout)).toEqual(normalized(theirs.stdout));
    expect(ours.status).toBe(theirs.status);
  });
});
