export { clearCgroup } from './bury.ts';
export type { Container } from './container.ts';
export { removeTree } from './directory.ts';
export { EventBus } from './events.ts';
export { type ExecSyncOptions, type ExecSyncResult, execSync, requireRunning } from './exec.ts';
export { markExited, markStarted, publish } from './exits.ts';
export { armFailpoints, type Failpoint, failpoint, failpoints } from './failpoints.ts';
export { makeAbsentHostPaths } from './host-paths.ts';
export { asImageVolumeError, imageVolumeMounts, requireImage, requireVolumeImages } from './image-volumes.ts';
export {
  adjustDocument,
  commitContainer,
  createToBarrier,
  makeContainer,
  makeDocument,
  relabelVolumes,
  writeContainerDirectory,
  writeManifests,
} from './make-container.ts';
export * from './make-sandbox.ts';
export * from './model.ts';
export { Names, waitFor } from './names.ts';
export { nriRuntime, tellContainerStopped, tellPodRun, updateLimits } from './nri.ts';
export * from './plan-container.ts';
export * from './plan-sandbox.ts';
export { forwardPort } from './port-forward.ts';
export { discardContainer, eraseContainer } from './remove.ts';
export type { Sandbox } from './sandbox.ts';
export { MAKING_DEADLINE, type PodDependencies, PodService } from './service.ts';
export { attachSession, type ClientIo, execSession } from './session.ts';
export { removeContainer, stopContainer } from './stop.ts';
export { discardSandbox, endStage1, removeSandbox, stopSandbox, takeNetworkDown } from './teardown.ts';
export { Undo, undoing } from './undo.ts';
