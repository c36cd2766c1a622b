export type { ExecRequest, Stage1Client } from './client.ts';
export { checkManifest, fillsVolumes, manifestVersion } from './contract.ts';
export * from './exit-record.ts';
export * from './flavors/index.ts';
export type { Launched, LaunchRequest } from './launch.ts';
export * from './manifest.ts';
export type { AppPhase, AppState, ExecExit, Hello, PodState, Stage1Event, StreamName } from './protocol.ts';
export { isStage1Errno, Stage1Error } from './wire-error.ts';

export type Control = typeof import('./control.ts');

/** Client, launch and streams of the control protocol. Lazy: only what talks to a stage1 loads protobufjs. */
export function loadControl(): Promise<Control> {
  return import('./control.ts');
}
