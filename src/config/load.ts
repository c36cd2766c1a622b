import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { describeError, errno, GantryError } from '../base/index.ts';
import { defaultConfig, type ServerConfig } from './server-config.ts';
import { type Setting, settings } from './settings.ts';

export const defaultConfigFile = '/etc/gantry/config.toml';

type Value = string | number | boolean | readonly string[];

/** What was asked for, not yet merged: setting's name → value, and where it was said, for error messages. */
export interface GivenSettings {
  readonly origin: string;
  readonly values: ReadonlyMap<string, unknown>;
}

/** Later ones win; defaults below all. Errors: invalid-argument, naming the key and where it was said. */
export function mergeSettings(...given: readonly GivenSettings[]): ServerConfig {
  const changes = given.flatMap(({ origin, values }) =>
    [...values].map(([name, value]) => {
      const setting = settings[name];
      if (setting === undefined || !Object.hasOwn(settings, name)) {
        throw wrong(origin, name, `there is no such setting; known are ${Object.keys(settings).join(', ')}`);
      }
      return [setting.member, checked(setting, value, origin, name)] as const;
    }),
  );
  return { ...defaultConfig, ...Object.fromEntries(changes) };
}

/** A TOML file of settings. Errors: not-found; invalid-argument with line and column for what is no TOML. */
export function readConfigFile(path: string): GivenSettings {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new GantryError({
      code: errno(cause) === 'ENOENT' ? 'not-found' : 'failed-precondition',
      operation: 'read configuration',
      subject: path,
      message: `configuration file ${path} cannot be read: ${describeError(cause)}`,
    });
  }
  try {
    return { origin: path, values: new Map(Object.entries(parse(text))) };
  } catch (cause) {
    throw new GantryError({
      code: 'invalid-argument',
      operation: 'read configuration',
      subject: path,
      message: `configuration file ${path} is no TOML: ${describeError(cause)}`,
    });
  }
}

function checked(setting: Setting, value: unknown, origin: string, name: string): Value {
  switch (setting.kind) {
    case 'number':
      return checkedNumber(value, origin, name);
    case 'switch':
      if (typeof value === 'boolean') return value;
      throw wrong(origin, name, 'must be true or false');
    case 'paths': {
      const list = typeof value === 'string' ? value.split(':').filter((path) => path !== '') : value;
      if (!Array.isArray(list)) throw wrong(origin, name, 'must be a list of directories');
      return list.map((path) => checkedText(setting, path, origin, name));
    }
    case 'text':
      return checkedText(setting, value, origin, name);
  }
}

function checkedNumber(value: unknown, origin: string, name: string): number {
  // Flags come as text.
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number > 0) return number;
  throw wrong(origin, name, `must be a whole number above 0, not ${JSON.stringify(value)}`);
}

function checkedText(setting: Setting, value: unknown, origin: string, name: string): string {
  if (typeof value !== 'string') throw wrong(origin, name, 'must be a text');
  if (setting.choices !== undefined && !setting.choices.includes(value)) {
    throw wrong(origin, name, `must be ${setting.choices.join(' or ')}, not "${value}"`);
  }
  if (setting.form?.pattern.test(value) === false) {
    throw wrong(origin, name, `must be ${setting.form.words}, not "${value}"`);
  }
  const mayBeEmpty = setting.member === 'nriSocket';
  if (setting.path && !value.startsWith('/') && !(value === '' && mayBeEmpty)) {
    throw wrong(origin, name, `must be an absolute path, not "${value}"`);
  }
  return value;
}

function wrong(origin: string, name: string, what: string): GantryError {
  return new GantryError({
    code: 'invalid-argument',
    operation: 'read configuration',
    subject: name,
    message: `${origin}: ${name}: ${what}`,
  });
}
