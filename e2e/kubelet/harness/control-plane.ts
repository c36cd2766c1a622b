import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually, programs } from '../../harness/index.ts';
import { freePort } from '../../images/index.ts';
import { BackgroundProgram } from './background.ts';
import { nodeIp } from './host.ts';
import { KubeClient } from './kube-client.ts';
import { nodeName } from './kubelet.ts';
import type { Pod } from './types.ts';

const token = 'e2e-admin';

/** etcd and kube-apiserver on loopback: everybody is allowed everything, nobody schedules or controls anything. */
export class ControlPlane {
  readonly client: KubeClient;
  /** For the kubelet; its user is the node's. */
  readonly kubeconfig: string;
  readonly #programs: readonly BackgroundProgram[];

  readonly #directory: string;

  private constructor(
    directory: string,
    url: string,
    kubeconfig: string,
    running: readonly BackgroundProgram[],
  ) {
    this.client = new KubeClient(url, token);
    this.#directory = directory;
    this.kubeconfig = kubeconfig;
    this.#programs = running;
  }

  static async start(directory: string, featureGates: object = {}): Promise<ControlPlane> {
    mkdirSync(directory, { recursive: true });
    const [client, peer, secure] = [await freePort(), await freePort(), await freePort()];
    makeKeys(directory);
    const etcd = new BackgroundProgram(join(directory, 'etcd.log'), [
      join(programs.tools, 'etcd'),
      `--data-dir=${join(directory, 'etcd')}`,
      `--listen-client-urls=http://127.0.0.1:${client}`,
      `--advertise-client-urls=http://127.0.0.1:${client}`,
      `--listen-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-advertise-peer-urls=http://127.0.0.1:${peer}`,
      `--initial-cluster=default=http://127.0.0.1:${peer}`,
      '--unsafe-no-fsync',
    ]);
    const apiServer = new BackgroundProgram(join(directory, 'apiserver.log'), [
      join(programs.tools, 'kube-apiserver'),
      ...apiServerFlags(directory, client, secure),
      ...Object.entries(featureGates).map(([name, is]) => `--feature-gates=${name}=${is}`),
    ]);
    const url = `https://127.0.0.1:${secure}`;
    const plane = new ControlPlane(directory, url, writeKubeconfig(directory, url), [apiServer, etcd]);
    try {
      await eventually(
        async () => {
          for (const program of [etcd, apiServer]) program.mustRun();
          return await plane.client.isReady();
        },
        (isReady) => isReady,
        60,
      );
      await plane.furnish('default');
    } catch (error) {
      await plane.stop();
      throw error;
    }
    return plane;
  }

  /** A namespace of the tests' own, with what pods need in it. */
  async addNamespace(name: string): Promise<void> {
    await this.client.create('/api/v1/namespaces', { metadata: { name } });
    await this.furnish(name);
  }

  /** What controllers make in each namespace, and none runs here: the default account, and the CA of its tokens' volume. */
  private async furnish(namespace: string): Promise<void> {
    const certificate = readFileSync(join(this.#directory, 'certs', 'apiserver.crt'), 'utf8');
    const collection = `/api/v1/namespaces/${namespace}`;
    await this.client.create(`${collection}/serviceaccounts`, { metadata: { name: 'default' } });
    await this.client.create(`${collection}/configmaps`, {
      metadata: { name: 'kube-root-ca.crt' },
      data: { 'ca.crt': certificate },
    });
  }

  /** The node has registered, and its condition Ready holds. */
  async nodeReady(): Promise<void> {
    await eventually(
      async () =>
        (await this.client.find<{ status?: Pod['status'] }>(`/api/v1/nodes/${nodeName}`))?.status
          ?.conditions ?? [],
      (conditions) => conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
      30,
    );
  }

  async stop(): Promise<void> {
    for (const program of this.#programs) await program.stop();
  }
}

function apiServerFlags(directory: string, etcdPort: number, port: number): string[] {
  return [
    `--etcd-servers=http://127.0.0.1:${etcdPort}`,
    '--bind-address=127.0.0.1',
    `--advertise-address=${nodeIp}`,
    `--secure-port=${port}`,
    `--cert-dir=${join(directory, 'certs')}`,
    `--token-auth-file=${join(directory, 'tokens.csv')}`,
    '--anonymous-auth=true',
    '--authorization-mode=AlwaysAllow',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${join(directory, 'sa.pub')}`,
    `--service-account-signing-key-file=${join(directory, 'sa.key')}`,
    '--service-cluster-ip-range=10.232.0.0/24',
    '--allow-privileged=true',
    '--disable-admission-plugins=TaintNodesByCondition,DefaultTolerationSeconds,NodeRestriction',
    '--endpoint-reconciler-type=none',
    // Not by the node's name, which no DNS knows.
    '--kubelet-preferred-address-types=InternalIP',
    '--enable-priority-and-fairness=false',
    '--v=1',
  ];
}

function makeKeys(directory: string): void {
  const [key, pub] = [join(directory, 'sa.key'), join(directory, 'sa.pub')];
  execFileSync('openssl', ['genrsa', '-out', key, '2048'], { stdio: 'ignore' });
  execFileSync('openssl', ['rsa', '-in', key, '-pubout', '-out', pub], { stdio: 'ignore' });
  writeFileSync(join(directory, 'tokens.csv'), `${token},admin,admin,system:masters\n`);
}

function writeKubeconfig(directory: string, url: string): string {
  const server = { server: url, 'insecure-skip-tls-verify': true };
  const file = join(directory, 'kubeconfig');
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'e2e', cluster: server }],
    users: [{ name: 'kubelet', user: { token } }],
    contexts: [{ name: 'e2e', context: { cluster: 'e2e', user: 'kubelet' } }],
    'current-context': 'e2e',
  };
  writeFileSync(file, JSON.stringify(config));
  return file;
}
