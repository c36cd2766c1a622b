export { type CniNetwork, writeConflist } from './cni.ts';
export { containerd } from './containerd.ts';
export { Crictl, type Finished, finish } from './crictl.ts';
export { Daemon } from './daemon.ts';
export { type Gantry, type GantryOptions, gantry } from './gantry.ts';
export { hostState, leaked } from './leaks.ts';
export { programs } from './paths.ts';
export * from './pods.ts';
export { World, type WorldOptions } from './world.ts';
