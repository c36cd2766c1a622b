export { defaultConfig, type ServerConfig } from './server-config.ts';
