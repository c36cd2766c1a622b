/** Plug-ins that must have taken part in a container's creation. Pure. */
import { GantryError } from '../base/index.ts';
import type { PluginIdentity } from './plugin.ts';

/** A pod's annotation with a list of names, as YAML or JSON. */
export const REQUIRED_PLUGINS = 'required-plugins.noderesource.dev';

export interface Requirements {
  readonly requiredPlugins: readonly string[];
  readonly tolerateAnnotation: string;
}

/** Errors: failed-precondition, naming the missing; invalid-argument for an annotation that is no list. */
export function checkRequired(
  requirements: Requirements,
  annotations: Readonly<Record<string, string>>,
  containerName: string,
  present: readonly PluginIdentity[],
): void {
  if (isTolerated(requirements.tolerateAnnotation, annotations, containerName)) return;
  const asked = effective(annotations, REQUIRED_PLUGINS, containerName);
  const required = [...requirements.requiredPlugins, ...(asked === undefined ? [] : parseNames(asked))];
  const names = new Set(present.flatMap(({ index, name }) => [name, `${index}-${name}`]));
  const missing = required.filter((name) => !names.has(name));
  if (missing.length === 0) return;
  throw new GantryError({
    code: 'failed-precondition',
    operation: 'create container',
    subject: missing.join(', '),
    message: `container "${containerName}" requires NRI plug-in${missing.length > 1 ? 's' : ''} ${missing.map((name) => `"${name}"`).join(', ')}, not connected or not answering`,
  });
}

function isTolerated(
  key: string,
  annotations: Readonly<Record<string, string>>,
  containerName: string,
): boolean {
  const value = key === '' ? undefined : effective(annotations, key, containerName);
  if (value === undefined) return false;
  if (/^(1|t|true)$/i.test(value)) return true;
  if (/^(0|f|false)$/i.test(value)) return false;
  throw wrong(key, value, 'true or false');
}

/** A container's own annotation before its pod's. */
function effective(
  annotations: Readonly<Record<string, string>>,
  key: string,
  containerName: string,
): string | undefined {
  return annotations[`${key}/container.${containerName}`] ?? annotations[`${key}/pod`] ?? annotations[key];
}

/** `[a, "b"]`, or a line `- a` each. */
function parseNames(text: string): string[] {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed === '[]') return [];
  const flow = /^\[(.*)\]$/s.exec(trimmed)?.[1];
  const items = flow === undefined ? trimmed.split('\n') : flow.replace(/,\s*$/, '').split(',');
  return items.map((item) => {
    const name = flow === undefined ? /^\s*-\s+(.*)$/.exec(item)?.[1] : item;
    const unquoted = name === undefined ? '' : name.trim().replace(/^(["'])(.*)\1$/, '$2');
    if (!/^[\w.+-]+$/.test(unquoted))
      throw wrong(REQUIRED_PLUGINS, text, 'a list of plug-in names: [NAME, …]');
    return unquoted;
  });
}

function wrong(key: string, value: string, wanted: string): GantryError {
  return new GantryError({
    code: 'invalid-argument',
    operation: 'read annotation',
    subject: key,
    message: `annotation ${key} is "${value}" and must be ${wanted}`,
  });
}
