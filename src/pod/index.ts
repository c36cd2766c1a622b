export { clearCgroup } from './life/bury.ts';
export { markExited, markStarted, publish } from './life/exits.ts';
export { armFailpoints, type Failpoint, failpoint, failpoints } from './life/failpoints.ts';
export { Makings } from './life/making.ts';
export { nriRuntime, tellContainerStopped, tellPodRun, updateLimits } from './life/nri.ts';
export { discardContainer, eraseContainer } from './life/remove.ts';
export { removeContainer, stopContainer } from './life/stop.ts';
export { discardSandbox, endStage1, removeSandbox, stopSandbox, takeNetworkDown } from './life/teardown.ts';
export { Undo, undoing } from './life/undo.ts';
export { EventBus } from './model/events.ts';
export * from './model/record.ts';
export * from './plan/app.ts';
export {
  asHungMount,
  asImageVolumeError,
  imageVolumeMounts,
  requireImage,
  requireVolumeImages,
} from './plan/image-volumes.ts';
export * from './plan/pod.ts';
export {
  adjustDocument,
  commitContainer,
  createToBarrier,
  lookAtHostPaths,
  makeContainer,
  makeDocument,
  relabelVolumes,
  writeContainerDirectory,
  writeManifests,
} from './resource/app.ts';
export * from './resource/pod.ts';
export { type PodDependencies, PodService } from './service.ts';
export { attachSession, type ClientIo, execSession } from './session/attach.ts';
export { type ExecSyncOptions, type ExecSyncResult, execSync, requireRunning } from './session/exec.ts';
export { forwardPort } from './session/port-forward.ts';
export { removeTree } from './store/directory.ts';
export { Names, waitFor } from './store/names.ts';
export type { Container, Sandbox } from './store/sandbox.ts';
