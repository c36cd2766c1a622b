export * from './atomic-file.ts';
export * from './clock.ts';
export * from './errors.ts';
export * from './ids.ts';
export * from './log.ts';
export * from './native.ts';
export * from './oci-spec.ts';
export * from './paths.ts';
export { version } from './version.ts';
