/**
 * For crash.test.ts: a server that makes one call and dies in the middle of it, as by kill -9.
 *   node test-crash.ts CONFIG_JSON RPC REQUEST_JSON     (GANTRY_FAILPOINTS says where)
 */
import { log } from '../../base/index.ts';
import { revive } from '../../cri-types/index.ts';
import { createServices } from '../services.ts';
import { createContainer } from './create-container.ts';
import { removeContainer } from './remove-container.ts';
import { removePodSandbox } from './remove-pod-sandbox.ts';
import { runPodSandbox } from './run-pod-sandbox.ts';
import { stopPodSandbox } from './stop-pod-sandbox.ts';

const [config = '', rpc = '', request = ''] = process.argv.slice(2);
log.level = 'silent';
const services = await createServices(JSON.parse(config), log);
const call = { signal: new AbortController().signal, log };
const json: unknown = JSON.parse(request);
if (rpc === 'RunPodSandbox') await runPodSandbox(services, revive('RunPodSandboxRequest', json), call);
if (rpc === 'CreateContainer') await createContainer(services, revive('CreateContainerRequest', json), call);
if (rpc === 'StopPodSandbox') await stopPodSandbox(services, revive('StopPodSandboxRequest', json), call);
if (rpc === 'RemovePodSandbox')
  await removePodSandbox(services, revive('RemovePodSandboxRequest', json), call);
if (rpc === 'RemoveContainer') await removeContainer(services, revive('RemoveContainerRequest', json), call);
process.exit(0); // it should not have got here: the failpoint was never reached
