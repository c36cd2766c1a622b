export { TokenCache } from './authorizer.ts';
export { loginFor } from './docker-config.ts';
export { type InsecureOption, type RegistryHost, relax } from './host.ts';
export { loadHosts } from './hosts-toml.ts';
export { HttpClient } from './http.ts';
export { RegistrySession } from './session.ts';
export { transferBlob, WrongContentError } from './transfer.ts';
