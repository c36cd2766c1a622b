/**
 * A server without one option, on a machine where nobody has made what it uses: run by e2e/bare-machine before a boot and
 * after it. Ends with an exception where something is not as it should be.
 *   node e2e/bare-machine.d/defaults.ts before-boot | after-boot
 */
import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CriClient } from '../../hack/cri-client.ts';
import { imageName, makeImage } from '../../hack/quickstart.d/image.ts';

const gantry = fileURLToPath(new URL('../../bin/gantry', import.meta.url));
/** As a unit of systemd has it, less what it sets itself: no HOME, no locale. */
const environment = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin' };
const cri = new CriClient('/run/gantry/gantry.sock');

/** What the distribution or its set-up would have made, and need not have. */
function takeAway(): void {
  for (const path of ['/etc/hosts', '/etc/hostname', '/etc/resolv.conf', '/tmp']) {
    rmSync(path, { recursive: true, force: true });
  }
  symlinkSync('../run/systemd/resolve/stub-resolv.conf', '/etc/resolv.conf');
  const made = [
    '/run/netns',
    '/run/gantry',
    '/var/lib/gantry',
    '/var/log/pods',
    '/etc/cni',
    '/opt/cni',
    '/etc/gantry',
  ];
  deepEqual(
    made.filter((path) => existsSync(path)),
    [],
  );
}

async function startServer(): Promise<void> {
  const log = openSync('/var/log/gantry.log', 'a');
  const server = spawn(gantry, ['serve'], { env: environment, cwd: '/', stdio: ['ignore', log, log] });
  server.unref();
  for (const deadline = Date.now() + 60_000; ; await sleep(50)) {
    if ((await cri.call('Version', {}, 1000).catch(() => undefined)) !== undefined) return;
    ok(server.exitCode === null && Date.now() < deadline, 'the server did not start');
  }
}

interface Pod {
  readonly podSandboxId: string;
  readonly containerId: string;
  readonly log: string;
}

/** A pod with one container, which writes a line a second. */
async function runPod(name: string, onHostNetwork: boolean): Promise<Pod> {
  const logDirectory = `/var/log/pods/bare_${name}`;
  const sandboxConfig = {
    metadata: { name, namespace: 'bare', uid: name, attempt: 0 },
    hostname: onHostNetwork ? '' : name,
    logDirectory,
    linux: {
      cgroupParent: '/gantry-bare-machine',
      securityContext: { namespaceOptions: { network: onHostNetwork ? 'NODE' : 'POD' } as const },
    },
  };
  const { podSandboxId } = await cri.call('RunPodSandbox', { config: sandboxConfig });
  const config = { metadata: { name, attempt: 0 }, image: { image: imageName }, logPath: 'hello.log' };
  const { containerId } = await cri.call('CreateContainer', { podSandboxId, config, sandboxConfig });
  await cri.call('StartContainer', { containerId });
  return { podSandboxId, containerId, log: `${logDirectory}/hello.log` };
}

async function useIt({ podSandboxId, containerId, log }: Pod, hasAddress: boolean): Promise<void> {
  const { status } = await cri.call('PodSandboxStatus', { podSandboxId });
  match(status?.network?.ip ?? '', hasAddress ? /^10\.88\./ : /^$/);
  const answer = await cri.call('ExecSync', { containerId, cmd: ['/hello', 'about'], timeout: 10 });
  equal(answer.exitCode, 0, Buffer.from(answer.stderr).toString());
  for (const deadline = Date.now() + 20_000; readFileSync(log, 'utf8') === ''; await sleep(100)) {
    ok(Date.now() < deadline, `${log} stays empty`);
  }
}

async function beforeBoot(): Promise<void> {
  const directory = mkdtempSync('/var/hello-');
  const archive = await makeImage(directory);
  takeAway();
  await startServer();
  const imported = execFileSync(gantry, ['image', 'import', archive], { env: environment, encoding: 'utf8' });
  match(imported, /sha256:/);
  await useIt(await runPod('own', false), true);
  await useIt(await runPod('host', true), false);
  deepEqual(readdirSync('/run/netns').length, 1);
}

async function afterBoot(): Promise<void> {
  equal(existsSync('/tmp'), false);
  await startServer();
  const { items } = await cri.call('ListPodSandbox', {});
  deepEqual(items.map(({ metadata, state }) => `${metadata?.name} ${state}`).sort(), [
    'host SANDBOX_NOTREADY',
    'own SANDBOX_NOTREADY',
  ]);
  const { containers } = await cri.call('ListContainers', {});
  deepEqual(
    containers.map(({ state }) => state),
    ['CONTAINER_EXITED', 'CONTAINER_EXITED'],
  );

  const again = await runPod('again', false);
  await useIt(again, true);
  for (const { id } of items) await cri.call('RemovePodSandbox', { podSandboxId: id });
  await cri.call('StopPodSandbox', { podSandboxId: again.podSandboxId });
  await cri.call('RemovePodSandbox', { podSandboxId: again.podSandboxId });
  deepEqual(readdirSync('/run/netns'), []);
  deepEqual(readdirSync('/var/lib/gantry/pods'), []);
  deepEqual((await cri.call('ListPodSandbox', {})).items, []);
}

const what = process.argv[2];
try {
  await (what === 'before-boot' ? beforeBoot() : afterBoot());
} catch (error) {
  process.stderr.write(readFileSync('/var/log/gantry.log', 'utf8').split('\n').slice(-20).join('\n'));
  throw error;
} finally {
  cri.close();
}
