/** For the tests beside it: a plug-in in this process, which may do what the real stub never would. */
import { createConnection, type Socket } from 'node:net';
import type { OciSpec } from '../base/index.ts';
import type { MessageInits, Messages } from './generated/messages.ts';
import { plugin as methods } from './generated/schema.ts';
import { Mux, PLUGIN_SERVICE, RUNTIME_SERVICE } from './mux.ts';
import { type Handler, RpcClient, serveRpc } from './rpc.ts';
import type { ContainerFacts, NriRuntime, PodFacts } from './types.ts';
import { decode, encode } from './wire.ts';

type Method = keyof typeof methods;
/** What it answers; a Buffer goes as it is. Methods without one are not implemented. */
export type Answers = {
  readonly [M in Method]?: (
    request: Messages[(typeof methods)[M]['request']],
  ) => MessageInits[(typeof methods)[M]['response']] | Buffer;
};

export class FakePlugin {
  readonly #socket: Socket;
  readonly #rpc: RpcClient;
  readonly heard: Method[] = [];

  constructor(path: string, answers: Answers) {
    this.#socket = createConnection(path);
    const mux = new Mux(this.#socket);
    this.#rpc = new RpcClient(mux, RUNTIME_SERVICE);
    const all: Answers = { Configure: () => ({}), Synchronize: () => ({}), ...answers };
    const handlers = Object.fromEntries(
      Object.entries(all).map(([name, answer]): [string, Handler] => {
        const method = name as Method;
        const types: { readonly request: keyof Messages; readonly response: keyof Messages } =
          methods[method];
        return [
          method,
          async (payload) => {
            this.heard.push(method);
            const said = (answer as (request: unknown) => object)(decode(types.request, payload));
            return said instanceof Buffer ? said : encode(types.response, said as never);
          },
        ];
      }),
    );
    serveRpc(mux, PLUGIN_SERVICE, 'nri.pkg.api.v1alpha1.Plugin', handlers);
  }

  async register(index: string, name: string): Promise<void> {
    const request = encode('RegisterPluginRequest', { pluginIdx: index, pluginName: name });
    await this.#rpc.call('nri.pkg.api.v1alpha1.Runtime', 'RegisterPlugin', request, 5_000);
  }

  async updateContainers(
    request: MessageInits['UpdateContainersRequest'],
  ): Promise<Messages['UpdateContainersResponse']> {
    const payload = encode('UpdateContainersRequest', request);
    const answer = await this.#rpc.call('nri.pkg.api.v1alpha1.Runtime', 'UpdateContainers', payload, 5_000);
    return decode('UpdateContainersResponse', answer);
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed;
  }

  close(): void {
    this.#socket.destroy();
  }
}

export const bareSpec: OciSpec = {
  ociVersion: '1.3.0',
  process: { user: { uid: 0, gid: 0 }, args: ['true'], env: ['PATH=/bin', 'A=1'], cwd: '/' },
  root: { path: 'rootfs' },
  mounts: [{ destination: '/proc', type: 'proc', source: 'proc' }],
  linux: { namespaces: [{ type: 'mount' }, { type: 'pid' }] },
};

export function containerFacts(id: string, spec: OciSpec = bareSpec): ContainerFacts {
  return {
    id,
    podId: 'pod',
    name: id,
    labels: {},
    annotations: {},
    spec,
    state: 'CONTAINER_CREATED',
    pid: 0,
    createdAt: 1n,
    startedAt: 0n,
    finishedAt: 0n,
    exitCode: 0,
    reason: '',
    message: '',
    cdiDevices: [],
    seccomp: undefined,
  };
}

export const podFacts: PodFacts = {
  id: 'pod',
  name: 'pod',
  uid: 'u',
  namespace: 'n',
  labels: {},
  annotations: {},
  runtimeHandler: '',
  overhead: undefined,
  resources: undefined,
  cgroupParent: '',
  cgroupsPath: '',
  namespaces: [],
  pid: 0,
  ips: [],
};

/** Remembers what was asked of it. */
export class FakeRuntime implements NriRuntime {
  readonly swapAccounting = false;
  readonly evicted: string[] = [];
  readonly updated: [string, object][] = [];
  readonly #ids: readonly string[];
  readonly #spec: OciSpec;

  constructor(ids: readonly string[] = [], spec: OciSpec = bareSpec) {
    this.#ids = ids;
    this.#spec = spec;
  }

  prepareDevices = async (): Promise<(spec: OciSpec) => OciSpec> => (spec) => spec;
  podIds = (): readonly string[] => ['pod'];
  containerIds = (): readonly string[] => this.#ids;
  pod = (id: string): PodFacts | undefined => (id === 'pod' ? podFacts : undefined);
  container = (id: string): ContainerFacts => containerFacts(id, this.#spec);

  async update(id: string, resources: object): Promise<void> {
    if (id === 'bad') throw new Error('no such container');
    this.updated.push([id, resources]);
  }

  async evict(id: string): Promise<void> {
    this.evicted.push(id);
  }
}
