/** The quickstart's second half, once Gantry is built: one step after the other, each with its time. */
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { imageName, makeImage } from './image.ts';
import { Server } from './server.ts';

const keep = process.argv.includes('--keep');
const directory = mkdtempSync(join(tmpdir(), 'gantry-quickstart-'));
const server = new Server(directory);
const { cri } = server;

/** As the kubelet labels what it makes: `crictl ps` shows the pod's name from them. */
const podLabels = {
  'io.kubernetes.pod.name': 'hello',
  'io.kubernetes.pod.namespace': 'quickstart',
  'io.kubernetes.pod.uid': 'hello-1',
};
const podConfig = {
  metadata: { name: 'hello', namespace: 'quickstart', uid: 'hello-1', attempt: 0 },
  labels: podLabels,
  hostname: 'hello',
  logDirectory: join(directory, 'logs'),
  linux: { cgroupParent: '/gantry-quickstart' },
};
const containerConfig = {
  metadata: { name: 'hello', attempt: 0 },
  labels: { ...podLabels, 'io.kubernetes.container.name': 'hello' },
  image: { image: imageName },
  logPath: 'hello.log',
};

let pod = '';
let container = '';
let address = '';

/** Says what is done and what an operator would type for it, does it, prints what came of it and how long it took. */
async function step(title: string, typed: string, work: () => Promise<string> | string): Promise<void> {
  process.stdout.write(`\n== ${title}\n${typed === '' ? '' : `   $ ${typed}\n`}`);
  const start = performance.now();
  const result = await work();
  const took = (performance.now() - start).toFixed(0);
  if (result !== '') process.stdout.write(`${result.trimEnd().replace(/^/gm, '   ')}\n`);
  process.stdout.write(`   (${took} ms)\n`);
}

function short(id: string): string {
  return id.slice(0, 13);
}

function lastLines(count: number): string {
  const file = join(podConfig.logDirectory, containerConfig.logPath);
  return readFileSync(file, 'utf8').trimEnd().split('\n').slice(-count).join('\n');
}

async function ask(): Promise<string> {
  const response = await fetch(`http://${address}:8080/`, { signal: AbortSignal.timeout(5000) });
  return await response.text();
}

/** For crictl, which wants the names as the protocol writes them. */
function writeForCrictl(name: string, config: object): void {
  const text = JSON.stringify(config, null, 2).replace(
    /"([a-zA-Z]+)":/g,
    (_key, word: string) => `"${word.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)}":`,
  );
  writeFileSync(join(directory, name), `${text}\n`);
}

async function setUp(): Promise<void> {
  server.requireOwnBridge();
  writeForCrictl('pod.json', podConfig);
  writeForCrictl('container.json', containerConfig);
  await step(
    'an image is made of one small C program, nothing else',
    '',
    async () => await makeImage(directory),
  );
  await step('the server starts', `gantry ${server.arguments.join(' ')}`, async () => {
    await server.start();
    const { runtimeName, runtimeVersion } = await cri.call('Version', {});
    return `${runtimeName} ${runtimeVersion}, pid ${server.pid}; crictl: --runtime-endpoint unix://${server.socket}`;
  });
  await step(
    'the image is imported; each layer becomes a verified EROFS file',
    'gantry image import hello.tar',
    () => server.command('image', 'import', join(directory, 'hello.tar')),
  );
  await step('it is there', 'crictl images', async () => {
    const { images } = await cri.call('ListImages', {});
    return images
      .map(({ id, repoTags, size }) => `${repoTags.join()}  ${id.slice(0, 19)}  ${size} bytes`)
      .join('\n');
  });
}

async function runPod(): Promise<void> {
  await step('a pod starts, on the built-in network', 'crictl runp pod.json', async () => {
    pod = (await cri.call('RunPodSandbox', { config: podConfig })).podSandboxId;
    address = (await cri.call('PodSandboxStatus', { podSandboxId: pod })).status?.network?.ip ?? '';
    return `pod ${short(pod)} has the address ${address}`;
  });
  await step(
    'a container starts in it',
    'crictl create POD container.json pod.json; crictl start CONTAINER',
    async () => {
      const request = { podSandboxId: pod, config: containerConfig, sandboxConfig: podConfig };
      container = (await cri.call('CreateContainer', request)).containerId;
      await cri.call('StartContainer', { containerId: container });
      return `container ${short(container)}`;
    },
  );
  await step('it answers', `curl http://${address}:8080/`, ask);
  await step('a command runs in it', `crictl exec --sync ${short(container)} /hello about`, async () => {
    const answer = await cri.call('ExecSync', {
      containerId: container,
      cmd: ['/hello', 'about'],
      timeout: 10,
    });
    return `${Buffer.from(answer.stdout).toString()}exit code ${answer.exitCode}`;
  });
  await step('its log', `crictl logs --tail 3 ${short(container)}`, () => lastLines(3));
  await step('what it uses', `crictl stats ${short(container)}`, async () => {
    const { stats } = await cri.call('ContainerStats', { containerId: container });
    const memory = Number(stats?.memory?.workingSetBytes?.value ?? 0n) / 1024;
    const cpu = Number(stats?.cpu?.usageCoreNanoSeconds?.value ?? 0n) / 1e6;
    return `${memory.toFixed(0)} KiB of memory, ${cpu.toFixed(1)} ms of CPU time`;
  });
}

async function killTheServer(): Promise<void> {
  const before = lastLines(1);
  await step('the server is killed', `kill -9 ${server.pid}`, async () => {
    await server.end('SIGKILL');
    return 'gone';
  });
  await step(
    'the pod did not notice: it answers, and its log goes on',
    `curl http://${address}:8080/`,
    async () => {
      const answer = await ask();
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const after = lastLines(1);
      if (after === before) throw new Error('the log stands still');
      return `${answer}${after}`;
    },
  );
  await step(
    'a new server finds everything again',
    `crictl ps; crictl inspect ${short(container)}`,
    async () => {
      await server.start();
      const { status } = await cri.call('ContainerStatus', { containerId: container });
      return `${status?.state}, started ${new Date(Number((status?.startedAt ?? 0n) / 1_000_000n)).toISOString()}`;
    },
  );
}

async function cleanUp(): Promise<void> {
  await step('the container stops when it is asked to', `crictl stop ${short(container)}`, async () => {
    await cri.call('StopContainer', { containerId: container, timeout: 10n });
    const { status } = await cri.call('ContainerStatus', { containerId: container });
    return `${status?.state}, exit code ${status?.exitCode}: ${lastLines(1)}`;
  });
  await step(
    'pod and image are removed',
    `crictl stopp POD; crictl rmp POD; crictl rmi ${imageName}`,
    async () => {
      await cri.call('StopPodSandbox', { podSandboxId: pod });
      await cri.call('RemovePodSandbox', { podSandboxId: pod });
      await cri.call('RemoveImage', { image: { image: imageName } });
      return '';
    },
  );
}

/** Whatever a failed step left. */
async function giveUp(): Promise<void> {
  if (pod !== '') await cri.call('RemovePodSandbox', { podSandboxId: pod }).catch(() => undefined);
  await server.end('SIGTERM');
}

process.stdout.write(
  "\nBehind each '$' is what one would type by hand; the quickstart makes the same calls itself.\n",
);
const start = performance.now();
try {
  await setUp();
  await runPod();
  await killTheServer();
  if (keep) {
    const endpoint = `unix://${server.socket}`;
    process.stdout.write(`\nThe server (pid ${server.pid}) and the pod go on; everything of theirs is in ${directory},
pod.json and container.json for crictl, too.
   crictl --runtime-endpoint ${endpoint} --image-endpoint ${endpoint} ps
To end it: hack/quickstart --end ${directory}\n`);
  } else {
    await cleanUp();
    await server.end('SIGTERM');
    await server.removeTraces();
  }
  process.stdout.write(`\nDone in ${((performance.now() - start) / 1000).toFixed(1)} s.\n`);
} catch (error) {
  process.stderr.write(`\nquickstart failed: ${error instanceof Error ? error.message : String(error)}\n`);
  process.stderr.write(`The server's log is ${join(directory, 'log')}.\n`);
  await giveUp();
  process.exitCode = 1;
}
cri.close();
