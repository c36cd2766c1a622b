// A CNI plug-in whose DEL fails, or hangs: the pod stays, says why, keeps its namespace and its address, and goes when DEL works.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { armFailpoints } from '../../base/index.ts';
import { podSandboxStatus } from './pod-sandbox-status.ts';
import { removePodSandbox } from './remove-pod-sandbox.ts';
import { runPodSandbox } from './run-pod-sandbox.ts';
import { stopPodSandbox } from './stop-pod-sandbox.ts';
import { eventually, processes, World } from './test-world.ts';

/** Writes down each command; what `behaviour` says of it is done: nothing, `fail`, `sleep N`. */
const plugin = (directory: string): string => `#!/bin/sh
cat > /dev/null
case "$CNI_COMMAND" in
VERSION) echo '{"cniVersion":"1.0.0","supportedVersions":["1.0.0"]}'; exit 0;;
esac
echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_NETNS" >> ${directory}/calls
behaviour=$(cat ${directory}/$CNI_COMMAND 2>/dev/null)
case "$behaviour" in
fail) echo '{"cniVersion":"1.0.0","code":11,"msg":"the fabric does not answer"}'; exit 1;;
sleep*) $behaviour;;
esac
case "$CNI_COMMAND" in
ADD) echo '{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"'"$CNI_NETNS"'"}],"ips":[{"address":"10.99.0.2/24","interface":0}]}';;
esac
`;

let world: World;
let directory: string;
let before: string[];
beforeAll(async () => {
  directory = mkdtempSync('/tmp/gantry-pod-test-cni-');
  mkdirSync(join(directory, 'conf'));
  writeFileSync(join(directory, 'rogue'), plugin(directory), { mode: 0o755 });
  const conflist = { cniVersion: '1.0.0', name: 'rogue', plugins: [{ type: 'rogue' }] };
  writeFileSync(join(directory, 'conf', '10-rogue.conflist'), JSON.stringify(conflist));
  world = await World.open({ network: 'cni', cniConfDir: join(directory, 'conf'), cniBinDirs: [directory] });
  before = world.leftovers();
});
afterAll(async () => {
  await world.close();
  rmSync(directory, { recursive: true });
});

const behave = (command: string, how: string): void => writeFileSync(join(directory, command), how);
const calls = (command: string, pod: string): number =>
  readFileSync(join(directory, 'calls'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`${command} ${pod} `)).length;
const own = { securityContext: { namespaceOptions: { network: 'POD', pid: 'POD', ipc: 'POD' } } } as const;
const run = () => world.runPod({ linux: { cgroupParent: world.cgroupParent, ...own } });
function signalStage1(podId: string, signal: NodeJS.Signals): void {
  const [line = ''] = processes(join(world.config.root, 'pods', podId));
  process.kill(Number(line.replace('process ', '')), signal);
}
const failureOf = async (podSandboxId: string): Promise<unknown> => {
  const { status, info } = await world.call(podSandboxStatus, 'PodSandboxStatusRequest', {
    podSandboxId,
    verbose: true,
  });
  expect(status?.state).toBe('SANDBOX_NOTREADY');
  return (JSON.parse(info?.['info'] ?? '') as { failure: unknown }).failure;
};

describe('DEL that fails', () => {
  it('at a stop: the pod says so, keeps its namespace, and its network goes as soon as DEL works', async () => {
    const podSandboxId = await run();
    const { netnsPath } = world.services.pods.requireSandbox(podSandboxId);
    behave('DEL', 'fail');
    const stop = () => world.call(stopPodSandbox, 'StopPodSandboxRequest', { podSandboxId });
    await expect(stop()).rejects.toThrow('the fabric does not answer');
    expect(await failureOf(podSandboxId)).toMatchObject({
      step: 'network',
      message: expect.stringContaining('the fabric does not answer'),
    });
    await eventually(() => calls('DEL', podSandboxId) > 2);
    expect(existsSync(netnsPath)).toBe(true);
    behave('DEL', '');
    await eventually(() => !existsSync(netnsPath), 60_000);
    expect(await failureOf(podSandboxId)).toBeUndefined();
    // Not one DEL more for a pod whose network is gone.
    const done = calls('DEL', podSandboxId);
    await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
    expect(calls('DEL', podSandboxId)).toBe(done);
    expect(world.leftovers()).toEqual(before);
  });

  it('after an ADD that failed, and over a restart: nothing is lost sight of, and the name is free', async () => {
    behave('ADD', 'fail');
    behave('DEL', 'fail');
    const config = world.sandboxConfig({ linux: { cgroupParent: world.cgroupParent, ...own } });
    const again = () => world.call(runPodSandbox, 'RunPodSandboxRequest', { config });
    await expect(again()).rejects.toThrow('the fabric does not answer');
    const [left] = world.services.pods.sandboxes();
    expect(left?.state.kind).toBe('removing');
    behave('ADD', '');
    const { podSandboxId } = await again();
    expect(podSandboxId).not.toBe(left?.id);
    await world.reopen();
    expect(await failureOf(left?.id ?? '')).toMatchObject({ step: 'network' });
    behave('DEL', '');
    await eventually(() => world.services.pods.sandbox(left?.id ?? '') === undefined, 60_000);
    await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
    expect(world.leftovers()).toEqual(before);
  });

  it('of a dead pod, found at start-up, does not stand in for a removal that fails later by something else', async () => {
    const podSandboxId = await run();
    signalStage1(podSandboxId, 'SIGKILL');
    behave('DEL', 'fail');
    await world.reopen();
    await eventually(() => calls('DEL', podSandboxId) > 5);
    behave('DEL', '');
    armFailpoints('pod/directory/release');
    const removed = world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
    await expect(removed).rejects.toThrow('pod/directory/release');
    armFailpoints(undefined);
    await eventually(() => world.services.pods.sandbox(podSandboxId) === undefined, 30_000);
    expect(world.leftovers()).toEqual(before);
  });

  it('by hanging: no other pod waits for it', async () => {
    const podSandboxId = await run();
    behave('DEL', 'sleep 3');
    const removed = world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
    await eventually(() => calls('DEL', podSandboxId) > 0);
    const other = await world.runPod();
    await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId: other });
    expect(world.services.pods.sandboxes().map(({ id }) => id)).toEqual([podSandboxId]);
    await removed;
    expect(world.leftovers()).toEqual(before);
  });
});

it('a dead pod’s network goes at start-up, also where another pod cannot be settled', async () => {
  const [stopped, dead] = [await world.runPod(), await run()];
  const { netnsPath } = world.services.pods.requireSandbox(dead);
  signalStage1(dead, 'SIGKILL');
  signalStage1(stopped, 'SIGSTOP');
  try {
    await world.reopen();
    await eventually(() => !existsSync(netnsPath));
    expect(calls('DEL', dead)).toBe(1);
  } finally {
    signalStage1(stopped, 'SIGCONT');
  }
  await world.services.life.settled;
  for (const podSandboxId of [stopped, dead])
    await world.call(removePodSandbox, 'RemovePodSandboxRequest', { podSandboxId });
  expect(world.leftovers()).toEqual(before);
});
