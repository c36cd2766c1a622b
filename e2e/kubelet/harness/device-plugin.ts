import { join } from 'node:path';
import * as grpc from '@grpc/grpc-js';
import protobuf from 'protobufjs';

/** Where the kubelet looks for plug-ins, wherever its root is. */
const directory = '/var/lib/kubelet/device-plugins';

/** As much of the device plug-in API, v1beta1, as a plug-in needs that has devices and gives them away. */
const api = protobuf.parse(`
  syntax = "proto3";
  package v1beta1;
  message Empty {}
  message Options { bool pre_start_required = 1; bool get_preferred_allocation_available = 2; }
  message Register { string version = 1; string endpoint = 2; string resource_name = 3; Options options = 4; }
  message Device { string id = 1; string health = 2; }
  message Devices { repeated Device devices = 1; }
  message Wanted { repeated string ids = 1; }
  message Wanteds { repeated Wanted containers = 1; }
  message Name { string name = 1; }
  message Mount { string container_path = 1; string host_path = 2; bool read_only = 3; }
  message Node { string container_path = 1; string host_path = 2; string permissions = 3; }
  message Given {
    map<string, string> envs = 1;
    repeated Mount mounts = 2;
    repeated Node devices = 3;
    map<string, string> annotations = 4;
    repeated Name cdi_devices = 5;
  }
  message Givens { repeated Given containers = 1; }
`).root;

/** What a container gets with its devices. */
export interface Allocation {
  readonly envs?: Readonly<Record<string, string>>;
  readonly mounts?: readonly { containerPath: string; hostPath: string; readOnly?: boolean }[];
  readonly devices?: readonly { containerPath: string; hostPath: string; permissions: string }[];
  readonly annotations?: Readonly<Record<string, string>>;
  readonly cdiDevices?: readonly { name: string }[];
}

/** A device plug-in of the kubelet; `give` says what goes with the devices of these ids. */
export class DevicePlugin {
  readonly #server = new grpc.Server();

  static async start(
    resource: string,
    ids: readonly string[],
    give: (ids: readonly string[]) => Allocation,
  ): Promise<DevicePlugin> {
    const plugin = new DevicePlugin();
    const kubelet = await connected();
    const endpoint = `${resource.replace(/\W/g, '-')}.sock`;
    plugin.#server.addService(service, handlers(ids, give));
    await new Promise<void>((resolve, reject) => {
      const done = (error: Error | null): void => (error === null ? resolve() : reject(error));
      plugin.#server.bindAsync(
        `unix:${join(directory, endpoint)}`,
        grpc.ServerCredentials.createInsecure(),
        done,
      );
    });
    await register(kubelet, resource, endpoint);
    return plugin;
  }

  stop(): void {
    this.#server.forceShutdown();
  }
}

const serialize = (name: string) => (value: object) => {
  const type = api.lookupType(name);
  return Buffer.from(type.encode(type.fromObject(value)).finish());
};
const deserialize = (name: string) => (bytes: Buffer) => {
  const type = api.lookupType(name);
  return type.toObject(type.decode(bytes), { defaults: true });
};

function method(name: string, from: string, to: string): grpc.MethodDefinition<object, object> {
  return {
    path: `/v1beta1.DevicePlugin/${name}`,
    requestStream: false,
    responseStream: name === 'ListAndWatch',
    requestSerialize: serialize(from),
    requestDeserialize: deserialize(from),
    responseSerialize: serialize(to),
    responseDeserialize: deserialize(to),
  };
}

const service: grpc.ServiceDefinition = {
  GetDevicePluginOptions: method('GetDevicePluginOptions', 'Empty', 'Options'),
  ListAndWatch: method('ListAndWatch', 'Empty', 'Devices'),
  Allocate: method('Allocate', 'Wanteds', 'Givens'),
};

function handlers(
  ids: readonly string[],
  give: (ids: readonly string[]) => Allocation,
): grpc.UntypedServiceImplementation {
  return {
    GetDevicePluginOptions: (_: unknown, answer: grpc.sendUnaryData<object>) => answer(null, {}),
    // The stream stays open: when it ends, the kubelet takes the devices for lost.
    ListAndWatch: (call: grpc.ServerWritableStream<object, object>) => {
      call.write({ devices: ids.map((id) => ({ id, health: 'Healthy' })) });
    },
    Allocate: (
      { request }: grpc.ServerUnaryCall<{ containers: readonly { ids: readonly string[] }[] }, object>,
      answer: grpc.sendUnaryData<object>,
    ) => answer(null, { containers: request.containers.map((wanted) => give(wanted.ids)) }),
  };
}

/** The kubelet listens a moment after it is healthy, and empties the directory before. */
async function connected(): Promise<grpc.Client> {
  const client = new grpc.Client(
    `unix:${join(directory, 'kubelet.sock')}`,
    grpc.credentials.createInsecure(),
  );
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(Date.now() + 20_000, (error) => (error === undefined ? resolve() : reject(error)));
  });
  return client;
}

async function register(client: grpc.Client, resourceName: string, endpoint: string): Promise<void> {
  const message = { version: 'v1beta1', endpoint, resourceName };
  try {
    await new Promise<void>((resolve, reject) => {
      client.makeUnaryRequest(
        '/v1beta1.Registration/Register',
        serialize('Register'),
        deserialize('Empty'),
        message,
        (error) => (error === null ? resolve() : reject(error)),
      );
    });
  } finally {
    client.close();
  }
}
