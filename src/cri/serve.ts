import { once } from 'node:events';
import { flushCompileCache } from 'node:module';
import { describeError, log, setLogLevel, version } from '../base/index.ts';
import type { ServerConfig } from '../config/index.ts';
import { abandonedHelpers } from '../host-files/index.ts';
import type { Services } from './context.ts';
import { handlersFor } from './handlers.ts';
import { keepHouse } from './housekeeping.ts';
import { listen } from './server.ts';
import { type ServiceManager, serviceManager } from './service-manager.ts';
import { createServices } from './services.ts';
import { type Activity, warmUp } from './warm-up.ts';
import type { RpcObserver } from './wrapper.ts';

/** Milliseconds that calls in flight get to finish at the end. */
const shutdownGrace = 10_000;

/**
 * Serves CRI until `stop` aborts. Recovery comes before the socket: nobody is answered from half a picture. At the end
 * calls are finished, and pods are left alone. Errors: whatever keeps it from listening; nothing is open then.
 */
export async function serve(config: ServerConfig, stop: AbortSignal): Promise<void> {
  setLogLevel(config.logLevel);
  const manager = serviceManager(log);
  const services = await createServices(config, log);
  try {
    const metrics = config.metrics === '' ? undefined : await startMetrics(config.metrics, services);
    await answerCalls(services, manager, metrics, stop).finally(() => metrics?.close());
  } finally {
    await services.close();
  }
}

async function answerCalls(
  services: Services,
  manager: ServiceManager,
  metrics: CallMetrics | undefined,
  stop: AbortSignal,
): Promise<void> {
  const handlers = handlersFor(services);
  const activity: Activity = { last: performance.now() };
  const observe: RpcObserver = (rpc, code, seconds) => {
    activity.last = performance.now();
    metrics?.observe(rpc, code, seconds);
  };
  const { listen: address } = services.config;
  const server = await listen({ listen: manager.listenFd ?? address, log, observe, ...handlers });
  log.info({ listen: address, version, ...gauges(services) }, 'serving CRI');
  manager.ready(`serving CRI on ${manager.listenFd === undefined ? address : 'the socket of its unit'}`);
  const endHousekeeping = keepHouse();
  const warm = settleIn(services, handlers, activity, stop);
  if (!stop.aborted) await once(stop, 'abort');
  manager.stopping();
  log.info('shutting down; pods run on');
  endHousekeeping();
  await warm;
  await server.close(shutdownGrace);
}

/** Never rejects. */
async function settleIn(...[services, handlers, activity, stop]: Parameters<typeof warmUp>): Promise<void> {
  try {
    await warmUp(services, handlers, activity, stop);
    // Node writes it when it ends well, and a server is often killed: the next start would compile everything again.
    flushCompileCache();
  } catch (error) {
    services.log.warn({ error: describeError(error) }, 'the server could not warm up; it goes on cold');
  }
}

interface CallMetrics {
  readonly observe: RpcObserver;
  close(): Promise<void>;
}

/** Measuring costs time and memory, so nobody measures what nobody can ask for. */
async function startMetrics(address: string, services: Services): Promise<CallMetrics> {
  const { Metrics, serveMetrics } = await import('./metrics.ts');
  const metrics = new Metrics(() => gauges(services));
  const server = await serveMetrics(address, metrics).catch((error: unknown) => {
    metrics.close();
    throw error;
  });
  return {
    observe: metrics.observe,
    close: async () => {
      metrics.close();
      await server.close();
    },
  };
}

function gauges({ pods, images }: Services): Record<string, number> {
  return {
    pods: pods.sandboxes().length,
    pods_ready: pods.sandboxes().filter(({ state }) => state.kind === 'ready').length,
    containers: pods.containers().length,
    containers_running: pods.containers().filter(({ state }) => state.kind === 'running').length,
    images: images.list().length,
    abandoned_processes: abandonedHelpers(),
  };
}
