export * from './control.ts';
export * from './pod.ts';
export * from './rootfs.ts';
