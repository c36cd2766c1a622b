import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { describeError, errno, errorCode, GantryError, systemError } from './errors.ts';

/** As Node's fs and the native binding throw it. */
const raw = (code: string): Error => Object.assign(new Error(`${code}: something, write`), { code });

describe('the code of a system error', () => {
  it.each([
    ['ENOSPC', 'resource-exhausted'],
    ['EDQUOT', 'resource-exhausted'],
    ['EMFILE', 'resource-exhausted'],
    ['ENFILE', 'resource-exhausted'],
    ['ENOMEM', 'resource-exhausted'],
    ['EROFS', 'failed-precondition'],
    ['EIO', 'data-loss'],
    ['EACCES', 'permission-denied'],
    ['ETIMEDOUT', 'deadline-exceeded'],
    ['ENOENT', 'internal'],
    ['EWHATEVER', 'internal'],
  ])('%s is %s, thrown as it is or named', (name, code) => {
    expect(errorCode(raw(name))).toBe(code);
    const named = systemError('write', '/somewhere/file', raw(name));
    expect(errorCode(named)).toBe(code);
    expect(errno(named)).toBe(name);
    expect(named.message).toMatch(/^cannot write \/somewhere\/file: /);
    expect(named.message).toContain(name);
  });

  it('comes with what to do', () => {
    expect(systemError('write', '/f', raw('ENOSPC')).message).toBe(
      'cannot write /f: no space left on device (ENOSPC); free some space or inodes on its file system',
    );
    expect(describeError(raw('EMFILE'))).toContain('raise the limit of open files');
  });

  it('is what Node really throws', () => {
    let thrown: unknown;
    try {
      readFileSync('/proc/self/mem');
    } catch (error) {
      thrown = error;
    }
    expect(errno(thrown)).toBe('EIO');
    expect(errorCode(thrown)).toBe('data-loss');
  });
});

it('a GantryError keeps its own code, whatever its cause', () => {
  const error = new GantryError({ code: 'not-found', operation: 'x', message: 'm', cause: raw('ENOSPC') });
  expect(errorCode(error)).toBe('not-found');
  expect(errno(error)).toBeUndefined();
  expect(errorCode(new Error('a bug'))).toBe('internal');
  expect(errorCode('a string')).toBe('internal');
});

it('a named system error is described once', () => {
  const text = describeError(systemError('write', '/f', raw('ENOSPC')));
  expect(text.match(/free some space/g)).toHaveLength(1);
});
