export type { Call, Rpc, Services, StreamRpc } from './context.ts';
export { serve } from './serve.ts';
