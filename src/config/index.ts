export { defaultConfigFile, type GivenSettings, mergeSettings, readConfigFile } from './load.ts';
export { defaultConfig, type ServerConfig } from './server-config.ts';
export { hostAndPort, type Setting, settings } from './settings.ts';
