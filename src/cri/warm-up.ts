/**
 * V8 runs code slowly until it has run it some thousand times, and a node's server is asked little: without this it would be
 * slow for hours. The calls go to a second server on a socket of its own, with the same handlers, so that they appear in no
 * log and in no metric; they only read.
 */
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { type ClientHttp2Session, connect as connectHttp2, constants } from 'node:http2';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pino } from 'pino';
import type { MessageInits, MessageName } from '../cri-types/index.ts';
import type { Services } from './context.ts';
import { type Handlers, listen } from './server.ts';
import { codec } from './wire.ts';

/** When the server was last asked something. */
export interface Activity {
  /** As performance.now() counts. */
  last: number;
}

/** Milliseconds between rounds: others have the thread most of the time. */
const pause = 10;
/** Milliseconds without a real call before a round. */
const quiet = 50;

export interface WarmUpOptions {
  /** Rounds of all calls: after the default, more make little difference. */
  readonly rounds?: number;
  /** Milliseconds after the start until the first. */
  readonly delay?: number;
}

type Sample = readonly [path: string, message: Buffer];

/** Resolves when the server is warm, or `stop` has aborted. Errors: those of listening. */
export async function warmUp(
  services: Pick<Services, 'roots' | 'pods' | 'images' | 'log'>,
  handlers: { readonly runtime: Handlers; readonly image: Handlers },
  activity: Activity,
  stop: AbortSignal,
  { rounds = 400, delay = 500 }: WarmUpOptions = {},
): Promise<void> {
  await wait(delay, stop);
  if (stop.aborted) return;
  const path = join(services.roots.state, 'warm-up.sock');
  const log = pino({ level: 'silent' });
  const server = await listen({ listen: `unix://${path}`, log, observe: () => undefined, ...handlers });
  const session = connectHttp2('http://warm-up', { createConnection: () => connect(path) });
  session.on('error', () => undefined);
  try {
    for (let round = 0; round < rounds && !stop.aborted && !session.destroyed; round += 1) {
      while (performance.now() - activity.last < quiet && !stop.aborted) await wait(quiet, stop);
      for (const sample of samples(services)) await call(session, sample);
      exerciseCodecs();
      await wait(pause, stop);
    }
  } finally {
    session.destroy();
    await server.close(0);
    rmSync(path, { force: true });
  }
}

async function wait(milliseconds: number, stop: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal: stop, ref: false }).catch(() => undefined);
}

/** Of pods, containers and images that are there, if any; else the calls that say so. */
function samples({ pods, images }: Pick<Services, 'pods' | 'images'>): Sample[] {
  const image = images.list()[0]?.repoTags[0] ?? 'localhost/none:none';
  const podSandboxId = pods.sandboxes()[0]?.id ?? 'none';
  const containerId = pods.containers()[0]?.id ?? 'none';
  return [
    sample('RuntimeService/Version', 'VersionRequest', {}),
    sample('RuntimeService/ListPodSandbox', 'ListPodSandboxRequest', {}),
    sample('RuntimeService/ListContainers', 'ListContainersRequest', {}),
    sample('RuntimeService/PodSandboxStatus', 'PodSandboxStatusRequest', { podSandboxId }),
    sample('RuntimeService/ContainerStatus', 'ContainerStatusRequest', { containerId }),
    sample('ImageService/ImageStatus', 'ImageStatusRequest', { image: { image } }),
    sample('ImageService/ListImages', 'ListImagesRequest', {}),
  ];
}

function sample<N extends MessageName>(path: string, name: N, message: MessageInits[N]): Sample {
  const bytes = codec(name).encode(message);
  const frame = Buffer.alloc(5 + bytes.length);
  frame.writeUInt32BE(bytes.length, 1);
  bytes.copy(frame, 5);
  return [`/runtime.v1.${path}`, frame];
}

/** As a gRPC client calls: what the server does for it is what matters, and its answer is not. */
async function call(session: ClientHttp2Session, [path, message]: Sample): Promise<void> {
  const stream = session.request({
    [constants.HTTP2_HEADER_METHOD]: constants.HTTP2_METHOD_POST,
    [constants.HTTP2_HEADER_PATH]: path,
    [constants.HTTP2_HEADER_CONTENT_TYPE]: 'application/grpc',
    [constants.HTTP2_HEADER_TE]: 'trailers',
    'grpc-timeout': '10S',
  });
  stream.on('error', () => undefined);
  stream.resume();
  stream.end(message);
  await once(stream, 'close');
}

/** A request as the kubelet makes them: long ones are rare, and the code that reads them is the same for all messages. */
function exerciseCodecs(): void {
  const { encode, decode } = codec('CreateContainerRequest');
  const text = { 'io.kubernetes.pod.name': 'warm-up', 'io.kubernetes.pod.namespace': 'none' };
  const bytes = encode({
    podSandboxId: 'none',
    config: {
      metadata: { name: 'warm-up', attempt: 1 },
      image: { image: 'none' },
      command: ['/bin/true', '--flag'],
      envs: [{ key: 'KEY', value: Buffer.from('value') }],
      mounts: [
        { containerPath: '/a', hostPath: '/b', readonly: true, propagation: 'PROPAGATION_BIDIRECTIONAL' },
      ],
      labels: text,
      annotations: text,
      linux: { resources: { cpuShares: 2n, memoryLimitInBytes: 1n << 33n, oomScoreAdj: -997 } },
    },
  });
  decode(bytes);
}
