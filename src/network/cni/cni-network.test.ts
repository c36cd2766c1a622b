import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { NetworkConfig, NetworkRecord } from '../index.ts';
import { CniFiles, names } from '../testing/cni-files.ts';
import { requestFor, TestHost, type TestPod, TestSite } from '../testing/host.ts';

const site = new TestSite();
let serial = 0;
let host: TestHost;
let files: CniFiles;
let pod: TestPod;

async function makeHost(config: Partial<NetworkConfig>): Promise<void> {
  const netns = await site.namespace(`host-${serial++}`);
  host = new TestHost(site, netns, { network: 'cni', ...config });
  files = new CniFiles(host.config);
  pod = await host.pod('pod');
}
beforeEach(() => makeHost({}));
afterEach(() => host.kill());
afterAll(() => site.close());

const list = (cniVersion: string, ...plugins: object[]) => ({ cniVersion, name: 'net', plugins });
/** A main plug-in's result, when it is asked for one. */
const RESULT = `[ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/x"}],"ips":[{"address":"10.7.0.5/24","interface":0}]}'; exit 0`;
const PASS = `[ "$CNI_COMMAND" = ADD ] && echo "$input" | sed 's/.*"prevResult"://; s/}$//'; exit 0`;
const failing = (command: string, code: number, message: string) =>
  `[ "$CNI_COMMAND" = ${command} ] && { echo '{"code":${code},"msg":"${message}","details":"look here"}'; exit 1; }\n`;

describe('a chain', () => {
  beforeEach(() => {
    files.plugin('main', RESULT);
    files.plugin('meta', PASS);
    files.configure(
      '10.conflist',
      list('1.0.0', { type: 'main', own: 1 }, { type: 'meta', capabilities: { portMappings: true } }),
    );
  });
  const mapped = () =>
    requestFor(pod, { portMappings: [{ protocol: 'tcp', containerPort: 80, hostPort: 8080, hostIp: '' }] });

  test('ADD in order: environment, configuration, previous result, declared arguments', async () => {
    const record = await host.setUp(mapped());
    expect(record).toMatchObject({ kind: 'cni', ips: ['10.7.0.5'] });
    const [main, meta] = files.take();
    expect(main?.env).toEqual({
      command: 'ADD',
      id: pod.id,
      netns: pod.netns,
      ifname: 'eth0',
      args: `IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web;K8S_POD_INFRA_CONTAINER_ID=${pod.id};K8S_POD_UID=uid-1`,
      path: host.config.cniBinDirs.join(':'),
    });
    expect(main?.config).toEqual({ type: 'main', own: 1, name: 'net', cniVersion: '1.0.0' });
    expect(meta?.config).toEqual({
      type: 'meta',
      name: 'net',
      cniVersion: '1.0.0',
      runtimeConfig: { portMappings: [{ hostPort: 8080, containerPort: 80, protocol: 'tcp', hostIP: '' }] },
      prevResult: JSON.parse(RESULT.match(/\{.*\}/)?.[0] ?? ''),
    });
  });

  test('DEL gets the stored result, in reverse, also when configuration and namespace are gone', async () => {
    const record = await host.setUp(mapped());
    files.take();
    files.remove('10.conflist');
    await host.call('netnsRemove', pod.netns);
    await host.kill();
    host.start();
    await host.tearDown(record);
    const calls = files.take();
    expect(names(calls)).toEqual(['meta.DEL', 'main.DEL']);
    expect(calls.map((call) => call.env['netns'])).toEqual(['', '']);
    expect(calls[0]?.config['runtimeConfig']).toBeDefined();
    expect(calls[1]?.config['prevResult']).toMatchObject({ ips: [{ address: '10.7.0.5/24' }] });
  });

  test('a plug-in that fails: its words, then DEL of the whole chain', async () => {
    files.plugin('meta', `${failing('ADD', 7, 'bad option')}exit 0`);
    await expect(host.setUp(mapped())).rejects.toMatchObject({
      code: 'failed-precondition',
      message: expect.stringMatching(
        /network "net" \(.*10.conflist\): CNI plug-in "meta" failed \(ADD\): bad option; look here/,
      ),
    });
    expect(names(files.take())).toEqual(['main.ADD', 'meta.ADD', 'meta.DEL', 'main.DEL']);
  });

  test.each([
    ['says it in words', 'echo "iptables: not found" >&2; exit 3', /failed \(ADD\): iptables: not found/],
    ['says nothing', 'exit 3', /failed \(ADD\): exit code 3/],
    ['prints nonsense', 'echo nonsense', /nonsense/],
    ['prints nothing and is content', 'exit 0', /"meta" ended well \(ADD\) and printed no result/],
    ['prints no object', 'echo []', /"meta".*no object/],
    [
      'takes the address away',
      `echo '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/x"}],"ips":[]}'`,
      /gave the pod no address/,
    ],
    ['is killed', 'kill -9 $$', /killed by SIGKILL/],
  ])('a plug-in that fails and %s', async (_, body, message) => {
    files.plugin('meta', `[ "$CNI_COMMAND" = ADD ] || exit 0\n${body}`);
    await expect(host.setUp(mapped())).rejects.toThrow(message);
    expect(names(files.take())).toEqual(['main.ADD', 'meta.ADD', 'meta.DEL', 'main.DEL']);
  });

  test('a plug-in that is nowhere is named, with the places', async () => {
    rmSync(join(host.config.cniBinDirs[0] ?? '', 'main'));
    await expect(host.setUp(mapped())).rejects.toThrow(
      /"main" is in none of .*bin; install it there or set --cni-bin-dir/,
    );
  });

  test('every plug-in gets its DEL, and a failure is told', async () => {
    const record = await host.setUp(mapped());
    files.take();
    files.plugin('meta', `${failing('DEL', 11, 'busy')}exit 0`);
    await expect(host.tearDown(record)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('busy'),
    });
    expect(names(files.take())).toEqual(['meta.DEL', 'main.DEL']);
    files.plugin('meta', PASS);
    await host.tearDown(record);
    await host.tearDown(record);
  });
});

describe('versions', () => {
  test('an old plug-in’s result is converted for the next; none is given to a DEL before 0.4.0', async () => {
    files.plugin(
      'old',
      `[ "$CNI_COMMAND" = ADD ] && echo '{"cniVersion":"0.2.0","ip4":{"ip":"10.8.0.3/24"}}'; exit 0`,
    );
    files.plugin('meta', PASS);
    files.configure('10.conflist', list('0.3.1', { type: 'old' }, { type: 'meta' }));
    const record = await host.setUp(requestFor(pod));
    expect(record.ips).toEqual(['10.8.0.3']);
    expect(files.take()[1]?.config['prevResult']).toMatchObject({
      cniVersion: '0.3.1',
      ips: [{ version: '4' }],
    });
    await host.tearDown(record);
    const calls = files.take();
    expect(names(calls)).toEqual(['meta.DEL', 'old.DEL']);
    expect(calls[0]?.config).not.toHaveProperty('prevResult');
  });
});

describe('plug-ins that hang', () => {
  const hanging = () =>
    `if [ "$CNI_COMMAND" = ADD ]; then sleep 300 & echo $! > ${host.netns}.child; wait; fi; exit 0`;
  /** Ended, be it as a zombie that this machine's init has not reaped yet. */
  const childIsGone = (): boolean => {
    const stat = `/proc/${readFileSync(`${host.netns}.child`, 'utf8').trim()}/stat`;
    return !existsSync(stat) || readFileSync(stat, 'utf8').includes(') Z ');
  };

  test('ADD ends with the caller’s patience, its children with it, and DEL follows', async () => {
    files.plugin('main', hanging());
    files.configure('10.conflist', list('1.0.0', { type: 'main' }));
    await expect(host.call('setUp', requestFor(pod), 300)).rejects.toMatchObject({
      code: 'deadline-exceeded',
      message: expect.stringContaining('"main" did not finish ADD in time and was killed'),
    });
    expect(names(files.take())).toEqual(['main.ADD', 'main.DEL']);
    await expect.poll(childIsGone).toBe(true);
  });

  test('a server killed during ADD: the next one’s DEL waits until the plug-in has ended', async () => {
    files.plugin(
      'main',
      `[ "$CNI_COMMAND" = ADD ] && { sleep 0.7; echo late >> ${host.netns}.order; }; [ "$CNI_COMMAND" = DEL ] && echo del >> ${host.netns}.order; exit 0`,
    );
    files.configure('10.conflist', list('1.0.0', { type: 'main' }));
    await host.call('setUpAndDie', requestFor(pod), 200).catch(() => undefined);
    host.start();
    await host.tearDown(host.lastAnnounced as NetworkRecord);
    expect(readFileSync(`${host.netns}.order`, 'utf8')).toBe('late\ndel\n');
  });
});

describe('readiness', () => {
  test('without a valid configuration: not ready, with containerd’s words, and no pod', async () => {
    files.configure('05.conflist', '{');
    const status = await host.status();
    expect(status).toMatchObject({ ready: false, reason: 'NetworkPluginNotReady' });
    expect(status.message).toMatch(
      /^Network plugin returns error: cni plugin not initialized: no valid CNI configuration in .*net.d: .*05.conflist: the file is not JSON.*; install the cluster's network plug-in$/,
    );
    await expect(host.setUp(requestFor(pod))).rejects.toMatchObject({ code: 'unavailable' });
    files.configure('10.conflist', list('1.0.0', { type: 'main' }));
    files.plugin('main', RESULT);
    expect(await host.status()).toMatchObject({
      ready: true,
      details: { network: { name: 'net', plugins: ['main'] } },
    });
  });

  // While a node is set up the configuration often comes first: a pod that were made would have a DEL that nobody can run.
  test('without a plug-in of the chain: not ready, and a pod that announces nothing', async () => {
    files.plugin('main', RESULT);
    files.configure('10.conflist', list('1.0.0', { type: 'main' }, { type: 'absent' }));
    expect(await host.status()).toMatchObject({
      ready: false,
      message: expect.stringMatching(/10.conflist.*"absent" is in none of .*; install it there/),
    });
    await expect(host.setUp(requestFor(pod))).rejects.toMatchObject({ code: 'failed-precondition' });
    expect(host.lastAnnounced).toBeUndefined();
    expect(files.take()).toEqual([]);
  });

  test('STATUS is asked of 1.1.0, and its refusal is the node’s', async () => {
    files.plugin('main', `${failing('STATUS', 50, 'no address left')}${RESULT}`);
    files.configure('10.conflist', list('1.1.0', { type: 'main' }));
    expect(await host.status()).toMatchObject({
      ready: false,
      message: expect.stringContaining('no address left; look here'),
    });
    await expect(host.setUp(requestFor(pod))).rejects.toMatchObject({ code: 'unavailable' });
    expect(names(files.take())).not.toContain('main.ADD');
    files.plugin('main', RESULT);
    await expect.poll(async () => (await host.status()).ready, { timeout: 5000 }).toBe(true);
    expect((await host.setUp(requestFor(pod))).ips).toEqual(['10.7.0.5']);
  });

  test('a STATUS that hangs does not hang ours', async () => {
    files.plugin('main', '[ "$CNI_COMMAND" = STATUS ] && sleep 60; exit 0');
    files.configure('10.conflist', list('1.1.0', { type: 'main' }));
    const begin = performance.now();
    expect(await host.status()).toMatchObject({
      ready: false,
      message: expect.stringContaining('has not answered STATUS yet'),
    });
    expect(performance.now() - begin).toBeLessThan(3000);
    const killed = expect.stringContaining('did not finish STATUS in time and was killed');
    await expect
      .poll(() => host.status(), { timeout: 10_000 })
      .toMatchObject({ ready: false, message: killed });
  });
});

describe('auto', () => {
  test('is the built-in network until a configuration was ever seen, and never again', async () => {
    await host.kill();
    await makeHost({ network: 'auto' });
    const first = await host.setUp(requestFor(pod));
    expect(first.kind).toBe('builtin');
    files.configure('10.conflist', '{ "broken": true }');
    expect(await host.status()).toMatchObject({ ready: false });
    files.remove('10.conflist');
    await host.kill();
    host.start();
    expect(await host.status()).toMatchObject({ ready: false, details: { mode: 'auto', kind: 'cni' } });
    await expect(host.setUp(requestFor(await host.pod('late')))).rejects.toThrow(
      /cni plugin not initialized/,
    );
    // What it had made before is torn down by what made it.
    await host.tearDown(first);
    expect(await host.call('link', (first.details as { hostName: string }).hostName)).toBeUndefined();
  });
});

describe('garbage collection', () => {
  const run = async (config: Partial<NetworkConfig>, more: object): Promise<string[]> => {
    await host.kill();
    await makeHost(config);
    files.plugin('main', RESULT);
    files.configure('10.conflist', { ...list('1.1.0', { type: 'main' }), ...more });
    const record = await host.setUp(requestFor(pod));
    files.take();
    await host.call('collectGarbage', [record]);
    const calls = files.take();
    for (const call of calls) {
      expect(call.config['cni.dev/valid-attachments']).toEqual([{ containerID: pod.id, ifname: 'eth0' }]);
    }
    return names(calls);
  };
  test('only where configuration says that nobody else shares the network', async () => {
    expect(await run({}, {})).toEqual([]);
    expect(await run({ cniGarbageCollection: true }, {})).toEqual(['main.GC']);
    expect(await run({ cniGarbageCollection: true }, { disableGC: true })).toEqual([]);
    expect(await run({ cniGarbageCollection: true }, { cniVersion: '1.0.0' })).toEqual([]);
  });
});
