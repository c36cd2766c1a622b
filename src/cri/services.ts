import { join } from 'node:path';
import {
  describeError,
  errno,
  GantryError,
  type Logger,
  makeDirectory,
  native,
  type Roots,
} from '../base/index.ts';
import type { ServerConfig } from '../config/index.ts';
import { closeHostFiles, prepareHostFiles } from '../host-files/index.ts';
import { createImageService } from '../image/index.ts';
import { createPodNetwork } from '../network/index.ts';
import { createNri, type Nri } from '../nri/index.ts';
import { ownerNamed } from '../owner/index.ts';
import { nriRuntime, openPods } from '../pod/index.ts';
import { requireSystemd } from '../resources/index.ts';
import { prepareHostSecurity } from '../security/index.ts';
import { StreamingServer } from '../streaming/index.ts';
import type { Services } from './context.ts';
import { checkState, prepareSocket } from './socket.ts';
import { Statistics } from './statistics.ts';

/**
 * Makes the parts of a server and hands them to each other. When this returns, recovery is done: live pods are adopted,
 * dead ones accounted for. When it throws, nothing of it is left that would keep the process from ending. Errors:
 * failed-precondition when another server has the root.
 */
export async function createServices(config: ServerConfig, log: Logger): Promise<Services> {
  const made = new AsyncDisposableStack();
  try {
    const services = await makeServices(config, log, made);
    return { ...services, close: () => made.disposeAsync() };
  } catch (error) {
    await made
      .disposeAsync()
      .catch((undo: unknown) => log.warn({ error: describeError(undo) }, 'not closed'));
    throw error;
  }
}

/** `made` gets how each part is let go of. */
async function makeServices(
  config: ServerConfig,
  log: Logger,
  made: AsyncDisposableStack,
): Promise<Omit<Services, 'close'>> {
  const roots: Roots = { root: config.root, state: config.state };
  checkState(roots.state);
  if (config.cgroupDriver === 'systemd') requireSystemd();
  makeDirectory(roots.root);
  makeDirectory(roots.state);
  const lock = lockRoot(roots.root);
  made.defer(() => native().closeFd(lock));
  made.defer(closeHostFiles);
  await prepareHostFiles();
  const images = await createImageService(config, { log });
  made.defer(() => images.close());
  const network = createPodNetwork(config, { log });
  made.defer(() => network.close());
  const nri = await prepareNri(config, log);
  const { life, close } = await openPods({ config, roots, log, images, network, nri, owners: ownerNamed });
  made.defer(close);
  made.defer(() => nri.close());
  const { host, registry: pods } = life;
  for (const warning of prepareHostSecurity(host)) log.warn(warning);
  const streaming = await StreamingServer.start(log);
  made.defer(() => streaming.close());
  const statistics = new Statistics(life.cgroups, roots);
  await nri.start(nriRuntime(life));
  return { config, roots, log, host, pods, life, images, network, statistics, streaming };
}

/** Errors: failed-precondition when another runtime serves NRI there. */
async function prepareNri(config: ServerConfig, log: Logger): Promise<Nri> {
  if (config.nriSocket !== '') await prepareSocket(config.nriSocket);
  return await createNri(
    {
      socket: config.nriSocket,
      pluginDir: config.nriPluginDir,
      pluginConfigDir: config.nriPluginConfigDir,
      registrationTimeout: config.nriRegistrationTimeout,
      requestTimeout: config.nriRequestTimeout,
      requiredPlugins: config.nriRequiredPlugins,
      tolerateAnnotation: config.nriTolerateAnnotation,
    },
    log,
  );
}

/** Two servers on one root would each end the other's pods. The kernel lets go of it when the process ends, whichever way. */
function lockRoot(root: string): number {
  const path = join(root, 'serve.lock');
  try {
    return native().lockTake(path);
  } catch (cause) {
    if (errno(cause) !== 'EAGAIN') throw cause;
    throw new GantryError({
      code: 'failed-precondition',
      operation: 'lock root',
      subject: root,
      message: `another server uses ${root}; stop it, or give this one a root of its own (--root and --state)`,
    });
  }
}
