import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { OciSpec } from '../../../src/base/index.ts';
import { onHost, Workshop } from './testing/bundle.ts';

/** Waits up to five seconds for `condition`. */
const waitFor = (condition: string): string =>
  `for i in $(seq 100); do if ${condition}; then break; fi; sleep 0.05; done; ${condition}`;

/** Says that it runs, waits until the host has mounted something, looks, mounts something itself. */
const inside = `
touch /vol/ready; n=0; until [ -e /vol/go ]; do sleep 0.05; n=$((n+1)); [ $n -lt 200 ] || exit 9; done
echo "late: $(ls /vol/late)"
mkdir -p /vol/inner; mount -t tmpfs inner /vol/inner && touch /vol/inner/file
`;

describe.each(['private', 'shared'] as const)('with / %s', (hostRoot) => {
  let shop: Workshop;
  beforeAll(() => {
    shop = new Workshop();
  });
  afterAll(() => shop.dispose());

  const withVolume = (script: string, volume: string, options: readonly string[]): OciSpec =>
    shop.script(script, (spec) => {
      spec.mounts.push({ destination: '/vol', type: 'bind', source: volume, options: [...options] });
      spec.process.capabilities = {
        bounding: ['CAP_SYS_ADMIN'],
        effective: ['CAP_SYS_ADMIN'],
        permitted: ['CAP_SYS_ADMIN'],
      };
      if (options.includes('rslave')) spec.linux.rootfsPropagation = 'rslave';
      if (options.includes('rshared')) spec.linux.rootfsPropagation = 'rshared';
    });

  /** What the container saw of the host's late mount, and the host of the container's. */
  const exchange = (
    options: readonly string[],
    under = '',
  ): { late: string; inner: string; leaked: string } => {
    const volume = shop.newDirectory('volume');
    const command = shop.command(withVolume(inside, under === '' ? volume : `${volume}/${under}`, options));
    const place = `${volume}/${under}`;
    const done = onHost(
      hostRoot,
      `mount -t tmpfs vol ${volume}; mount --make-shared ${volume}; mkdir -p ${place}
       before=$(grep -vc ${volume} /proc/self/mountinfo)
       ${command} > ${volume}.out 2>&1 & pid=$!
       ${waitFor(`[ -e ${place}/ready ]`)} || { cat ${volume}.out; exit 8; }
       mkdir -p ${place}/late; mount -t tmpfs late ${place}/late; touch ${place}/late/file; touch ${place}/go
       wait $pid; cat ${volume}.out; echo "inner: $(ls ${place}/inner)"
       echo "leaked: $(( $(grep -vc ${volume} /proc/self/mountinfo) - before ))"`,
    );
    expect(done.stderr).toBe('');
    expect(done.status).toBe(0);
    const field = (name: string): string =>
      done.stdout.match(new RegExp(`^${name}: ?(.*)$`, 'm'))?.[1] ?? 'missing';
    return { late: field('late'), inner: field('inner'), leaked: field('leaked') };
  };

  test('a private mount exchanges nothing', () => {
    expect(exchange(['rbind', 'rprivate'])).toEqual({ late: '', inner: '', leaked: '0' });
  });

  test('a mount without a word about propagation is private', () => {
    expect(exchange(['rbind'])).toEqual({ late: '', inner: '', leaked: '0' });
  });

  test('HostToContainer: what the host mounts later is there, nothing comes back', () => {
    expect(exchange(['rbind', 'rslave'])).toEqual({ late: 'file', inner: '', leaked: '0' });
  });

  test('Bidirectional: both ways', () => {
    expect(exchange(['rbind', 'rshared'])).toEqual({ late: 'file', inner: 'file', leaked: '0' });
  });

  test('both, of a directory below the shared mount', () => {
    expect(exchange(['rbind', 'rslave'], 'below')).toEqual({ late: 'file', inner: '', leaked: '0' });
    expect(exchange(['rbind', 'rshared'], 'below')).toEqual({ late: 'file', inner: 'file', leaked: '0' });
  });

  test('Bidirectional of a source that is no shared mount is refused by name', () => {
    const volume = shop.newDirectory('volume');
    const command = shop.command(withVolume('true', volume, ['rbind', 'rshared']));
    const done = onHost(hostRoot, `mount -t tmpfs vol ${volume}; mount --make-private ${volume}; ${command}`);
    expect(done.status).toBe(125);
    expect(done.stderr).toContain(
      `mount ${volume}: Invalid argument (is mounted on the host, but not as a shared mount`,
    );
  });

  test('a sub-path bound on the host just before is there, with all that is mounted below it', () => {
    const [source, volume] = [shop.newDirectory('source'), shop.newDirectory('volume')];
    const command = shop.command(withVolume('cat /vol/file /vol/deep/file', volume, ['rbind', 'rprivate']));
    const done = onHost(
      hostRoot,
      `mkdir ${source}/deep; echo top > ${source}/file; mount -t tmpfs deep ${source}/deep; echo deep > ${source}/deep/file
       mount --rbind ${source} ${volume}; ${command}`,
    );
    expect(done).toEqual({ status: 0, stdout: 'top\ndeep\n', stderr: '' });
  });

  test('a volume is let go as soon as the host unmounts it and its own container has ended', () => {
    const [image, volume, marks] = [
      shop.path('image'),
      shop.newDirectory('volume'),
      shop.newDirectory('marks'),
    ];
    execFileSync('truncate', ['--size=8M', image]);
    execFileSync('mkfs.ext4', ['-q', '-F', image]);
    const waiting = (name: string): string =>
      `touch /marks/${name}; until [ -e /marks/end-${name} ]; do sleep 0.05; done`;
    const marked = (spec: OciSpec): OciSpec => {
      spec.mounts.push({ destination: '/marks', type: 'bind', source: marks, options: ['bind', 'rw'] });
      return spec;
    };
    const user = shop.command(marked(withVolume(waiting('user'), volume, ['rbind', 'rprivate'])));
    const other = shop.command(marked(shop.script(waiting('other'))));
    const done = onHost(
      hostRoot,
      `loop=$(losetup --find --show ${image}); mount $loop ${volume}; losetup --detach $loop
       ${user} & ${other} & ${waitFor(`[ -e ${marks}/user -a -e ${marks}/other ]`)}
       umount ${volume}; losetup --list --noheadings --output BACK-FILE $loop | grep -c ${image} || true
       touch ${marks}/end-user; wait %1
       losetup --list --noheadings --output BACK-FILE | grep -c ${image} || true
       touch ${marks}/end-other; wait`,
    );
    if (existsSync(image)) rmSync(image);
    // Attached while its container runs, gone at once after that, though the other one still runs.
    expect(done.stdout).toBe('1\n0\n');
    expect(done.status).toBe(0);
  });
});
