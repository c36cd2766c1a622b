/** What needs protobufjs; reached by `loadControl()` only, so that commands which never talk to a stage1 start without it. */
export { Stage1Client } from './client.ts';
export { launch } from './launch.ts';
export { openStream } from './streams.ts';
