export { defaultConfigFile, type GivenSettings, mergeSettings, readConfigFile } from './load.ts';
export { defaultConfig, type ServerConfig } from './server-config.ts';
export { type Setting, settings } from './settings.ts';
