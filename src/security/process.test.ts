import { describe, expect, it } from 'vitest';
import { complete } from '../cri-types/index.ts';
import { processArgs, processEnv, processEnvBytes, workingDirectory } from './process.ts';
import { specInput, testImage } from './testing.ts';

describe('arguments', () => {
  const cases: [
    string,
    { command?: string[]; args?: string[] },
    { entrypoint?: string[]; cmd?: string[] },
    string[],
  ][] = [
    ['the image decides', {}, { entrypoint: ['/e'], cmd: ['c'] }, ['/e', 'c']],
    ['args replace CMD', { args: ['a'] }, { entrypoint: ['/e'], cmd: ['c'] }, ['/e', 'a']],
    [
      'command replaces ENTRYPOINT and switches CMD off',
      { command: ['/x'] },
      { entrypoint: ['/e'], cmd: ['c'] },
      ['/x'],
    ],
    ['command and args', { command: ['/x'], args: ['a'] }, { entrypoint: ['/e'], cmd: ['c'] }, ['/x', 'a']],
    ['only CMD', {}, { entrypoint: [], cmd: ['sh'] }, ['sh']],
    ['only args', { args: ['a'] }, { entrypoint: [], cmd: [] }, ['a']],
    ["Docker's empty ENTRYPOINT", {}, { entrypoint: [''], cmd: ['c'] }, ['c']],
  ];
  it.each(cases)('%s', (_name, container, image, expected) => {
    expect(processArgs(complete('ContainerConfig', container), { ...testImage, ...image })).toEqual(expected);
  });

  it('must be something', () => {
    const image = { ...testImage, entrypoint: [], cmd: [] };
    expect(() => processArgs(complete('ContainerConfig', {}), image)).toThrow('no command');
  });
});

describe('environment', () => {
  const bytes = (text: string): Buffer => Buffer.from(text);

  it('is defaults, then the image, then the container', () => {
    const input = specInput({
      envs: [
        { key: 'LANG', value: bytes('de_CH=x') },
        { key: 'EMPTY', value: bytes('') },
      ],
    });
    expect(processEnv(input)).toEqual([
      'PATH=/bin',
      'HOSTNAME=host-of-pod',
      'LANG=de_CH=x',
      'EMPTY=',
      'HOME=/root',
    ]);
  });

  it('has a default PATH, TERM with a terminal, and a HOME in any case', () => {
    const input = specInput({ tty: true });
    const env = processEnv({
      ...input,
      image: { ...testImage, env: [] },
      account: { ...input.account, home: '' },
    });
    expect(env).toEqual([
      'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      'TERM=xterm',
      'HOSTNAME=host-of-pod',
      'HOME=/',
    ]);
  });

  it('has of an image what has a name, the last of each', () => {
    const image = { ...testImage, env: ['=x', 'NOTHING', 'A=1', 'a.b-c $=2', 'A=3=4', 'B='] };
    const env = processEnv({ ...specInput(), image });
    expect(env.filter((pair) => !/^(PATH|HOSTNAME|HOME)=/.test(pair))).toEqual(['A=3=4', 'a.b-c $=2', 'B=']);
  });

  it('keeps the bytes of what is no text', () => {
    const value = Buffer.from([0x61, 0xff, 0x3d, 0xc3]);
    const input = specInput({
      envs: [
        { key: 'B', value },
        { key: 'T', value: bytes('ü') },
      ],
    });
    const exact = processEnvBytes(input.container);
    expect(exact).toEqual([{ entry: 'B=a\ufffd=\ufffd', bytes: [0x42, 0x3d, 0x61, 0xff, 0x3d, 0xc3] }]);
    expect(processEnv(input)).toContain(exact[0]?.entry);
  });

  it.each(['', 'A=B'])('refuses the name %j', (key) => {
    expect(() => processEnv(specInput({ envs: [{ key, value: bytes('x') }] }))).toThrow(
      'name of an environment variable',
    );
  });

  it('refuses a NUL byte, which would end the value early', () => {
    expect(() => processEnv(specInput({ envs: [{ key: 'A', value: bytes('x\0y') }] }))).toThrow(
      'A holds a NUL byte',
    );
  });
});

describe('working directory', () => {
  it.each([
    ['/a', '/b', '/a'],
    ['', '/b', '/b'],
    ['', '', '/'],
  ])('%j over %j is %j', (container, image, expected) => {
    const config = complete('ContainerConfig', { workingDir: container });
    expect(workingDirectory(config, { ...testImage, workingDir: image })).toBe(expected);
  });

  it('must be absolute', () => {
    expect(() => workingDirectory(complete('ContainerConfig', { workingDir: 'a' }), testImage)).toThrow(
      'not an absolute path',
    );
  });
});
