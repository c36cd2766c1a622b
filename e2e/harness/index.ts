export { type CniNetwork, writeConflist } from './cni.ts';
export { containerd } from './containerd.ts';
export { Daemon } from './daemon.ts';
export { type Gantry, type GantryOptions, gantry } from './gantry.ts';
export { programs } from './paths.ts';
