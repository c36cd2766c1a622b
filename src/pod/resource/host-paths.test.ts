import { existsSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { complete, type MountInit } from '../../cri-types/index.ts';
import { makeAbsentHostPaths } from './host-paths.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync('/tmp/gantry-host-paths-');
});
afterEach(() => rmSync(directory, { recursive: true }));

const make = (init: MountInit): void =>
  makeAbsentHostPaths([complete('Mount', { containerPath: '/mnt', ...init })]);

describe('host paths of mounts', () => {
  it('are made where nothing is, with all above them, and only once', () => {
    const hostPath = join(directory, 'a/b/c');
    make({ hostPath });
    make({ hostPath });
    expect(statSync(hostPath).mode & 0o7777).toBe(0o755);
    expect(statSync(hostPath).uid).toBe(0);
  });

  it('stay what they are: files, directories, and links to them', () => {
    const [file, closed, link] = ['file', 'closed', 'link'].map((name) => join(directory, name));
    writeFileSync(file ?? '', 'text');
    mkdirSync(closed ?? '', { mode: 0o700 });
    symlinkSync('file', link ?? '');
    for (const hostPath of [file, closed, link]) make({ hostPath: hostPath ?? '' });
    expect(statSync(link ?? '').isFile()).toBe(true);
    expect(statSync(closed ?? '').mode & 0o777).toBe(0o700);
  });

  it('that cannot be made are named, with the reason', () => {
    writeFileSync(join(directory, 'file'), '');
    symlinkSync('nowhere', join(directory, 'dangling'));
    expect(() => make({ hostPath: join(directory, 'file/below') })).toThrow(
      /mount source .*file\/below for \/mnt .* cannot be made \(ENOTDIR\)/,
    );
    expect(() => make({ hostPath: join(directory, 'dangling') })).toThrow(
      /dangling for \/mnt .* cannot be made/,
    );
    expect(existsSync(join(directory, 'nowhere'))).toBe(false);
  });

  it('are left alone where they are not absolute, or where an image is shown', () => {
    make({ hostPath: 'relative' });
    make({ hostPath: '', image: { image: 'x' } });
    expect(existsSync('relative')).toBe(false);
  });
});
