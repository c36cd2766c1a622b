/**
 * The door to the native binding (`addon/binding`). One function here for each of its functions, typed; nothing else in
 * `src/` loads it. A failed call throws a GantryError whose message says operation, subject and errno.
 */
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeBinding } from './native-types.ts';

const buildDirectory =
  process.env['GANTRY_NATIVE_DIR'] ?? fileURLToPath(new URL('../../build/release', import.meta.url));

let loaded: NativeBinding | undefined;

/** The binding, loaded at first use so that verbs which need none start without it. */
export function native(): NativeBinding {
  loaded ??= createRequire(import.meta.url)(`${buildDirectory}/gantry.node`) as NativeBinding;
  return loaded;
}

/** Where the executables are. */
export function nativeExecutable(name: 'gantry-stage1' | 'gantry-layer' | 'gantry-files'): string {
  return `${buildDirectory}/${name}`;
}

export type { BusValue, NativeBinding, NativeBus } from './native-types.ts';
