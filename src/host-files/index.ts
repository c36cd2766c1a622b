export { HostFileError } from './errors.ts';
export type { HostRequest } from './helper.ts';
export type { AskOptions, HostAnswer } from './pool.ts';
export * from './requests.ts';
export { readHostTemplate } from './template.ts';
