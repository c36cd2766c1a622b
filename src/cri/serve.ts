import { once } from 'node:events';
import { log, setLogLevel, version } from '../base/index.ts';
import type { ServerConfig } from '../config/index.ts';
import type { Services } from './context.ts';
import { handlersFor } from './handlers.ts';
import { Metrics, serveMetrics } from './metrics.ts';
import { listen } from './server.ts';
import { closeServices, createServices } from './services.ts';

/** Milliseconds that calls in flight get to finish at the end. */
const shutdownGrace = 10_000;

/**
 * Serves CRI until `stop` aborts. Recovery comes before the socket: nobody is answered from half a picture. At the end
 * calls are finished, and pods are left alone.
 */
export async function serve(config: ServerConfig, stop: AbortSignal): Promise<void> {
  setLogLevel(config.logLevel);
  const services = await createServices(config, log);
  const metrics = new Metrics(() => gauges(services));
  const metricsServer = config.metrics === '' ? undefined : await serveMetrics(config.metrics, metrics);
  const server = await listen({
    listen: config.listen,
    log,
    observe: metrics.observe,
    ...handlersFor(services),
  });
  log.info({ listen: config.listen, version, ...gauges(services) }, 'serving CRI');
  if (!stop.aborted) await once(stop, 'abort');
  log.info('shutting down; pods run on');
  await server.close(shutdownGrace);
  await metricsServer?.close();
  await closeServices(services);
}

function gauges({ pods, images }: Services): Record<string, number> {
  return {
    pods: pods.sandboxes().length,
    pods_ready: pods.sandboxes().filter(({ state }) => state.kind === 'ready').length,
    containers: pods.containers().length,
    containers_running: pods.containers().filter(({ state }) => state.kind === 'running').length,
    images: images.list().length,
  };
}
