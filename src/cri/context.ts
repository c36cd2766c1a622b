/** What every RPC is handed: the parts of the running server, by their doors. Made once in `services.ts`. */
import type { Logger, Roots } from '../base/index.ts';
import type { ServerConfig } from '../config/index.ts';
import type { ImageService } from '../image/index.ts';
import type { PodNetwork } from '../network/index.ts';
import type { Life, Registry } from '../pod/index.ts';
import type { HostFacts } from '../security/index.ts';
import type { StreamingServer } from '../streaming/index.ts';
import type { Statistics } from './statistics.ts';

export interface Services {
  readonly config: ServerConfig;
  readonly roots: Roots;
  readonly log: Logger;
  /** What this host can do. */
  readonly host: HostFacts;
  /** Every pod and container, in memory: what lists and statuses read. */
  readonly pods: Registry;
  /** What changes pods and containers takes this. */
  readonly life: Life;
  readonly images: ImageService;
  readonly network: PodNetwork;
  readonly statistics: Statistics;
  /** Behind the URLs of Exec, Attach and PortForward. */
  readonly streaming: StreamingServer;
  /** Lets go of everything, the lock of the root too; pods run on. Idempotent. */
  close(): Promise<void>;
}

/** What the wrapper hands to one call. `signal` aborts when the caller's deadline passes or it goes away. */
export interface Call {
  readonly signal: AbortSignal;
  readonly log: Logger;
}

/** A unary RPC: one file each, named after the RPC, exporting a function of this type. */
export type Rpc<Request, Response> = (services: Services, request: Request, call: Call) => Promise<Response>;

/** A server-streaming RPC: yields responses; the wrapper applies back-pressure and ends it when the caller goes away. */
export type StreamRpc<Request, Response> = (
  services: Services,
  request: Request,
  call: Call,
) => AsyncIterable<Response>;
