// Every message type of CRI, beside protobufjs' own reflection on the .proto file.
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';
import { complete, enums, fields, type MessageName } from '../src/cri-types/index.ts';
import { decodeMessage, encodeMessage, Schema } from '../src/protobuf/index.ts';
import { generator, randomMessage } from './random-messages.ts';

const source = readFileSync(new URL('cri/api.proto', import.meta.url), 'utf8');
const root = protobuf.parse(source, { keepCase: false }).root.resolveAll();
const schema = new Schema(fields, enums);
const names = Object.keys(fields) as MessageName[];
const reference = new Map(
  root.lookup('runtime.v1')?.toJSON() ? collect(root).map((type) => [flatName(type), type] as const) : [],
);

function collect(space: protobuf.NamespaceBase): protobuf.Type[] {
  return space.nestedArray.flatMap((object) => [
    ...(object instanceof protobuf.Type ? [object] : []),
    ...(object instanceof protobuf.Namespace ? collect(object) : []),
  ]);
}

function flatName(type: protobuf.Type): string {
  return type.fullName.split('.').slice(3).join('');
}

const theirs = (name: string): protobuf.Type => {
  const type = reference.get(name);
  if (type === undefined) throw new Error(`no ${name}`);
  return type;
};

const theirBytes = (name: string, message: object): Buffer => {
  const type = theirs(name);
  return Buffer.from(type.encode(type.fromObject(message)).finish());
};

const asObject = { longs: BigInt, enums: String, arrays: true, objects: true } as const;
const theirMessage = (name: string, bytes: Uint8Array): unknown => {
  const type = theirs(name);
  return complete(name as MessageName, type.toObject(type.decode(bytes), asObject));
};

it('the tables and the file have the same messages', () => {
  expect([...reference.keys()].sort()).toEqual([...names].sort());
  expect(names.length).toBeGreaterThan(150);
});

describe.each(names)('%s', (name) => {
  const random = generator(name.length * 7919 + name.charCodeAt(0));
  const samples = Array.from({ length: 20 }, () => randomMessage(theirs(name), random));

  it('is read as protobufjs reads it', () => {
    for (const sample of samples) {
      const bytes = theirBytes(name, sample);
      expect(decodeMessage(schema.type(name), bytes)).toEqual(theirMessage(name, bytes));
      expect(decodeMessage(schema.type(name), bytes)).toEqual(complete(name, sample as never));
    }
  });

  it('is written so that protobufjs reads it', () => {
    for (const sample of samples) {
      const bytes = encodeMessage(schema.type(name), sample);
      expect(theirMessage(name, bytes)).toEqual(complete(name, sample as never));
    }
  });
});

describe('decoding', () => {
  const decode = (name: MessageName, ...bytes: number[]): unknown =>
    decodeMessage(schema.type(name), Buffer.from(bytes));

  it('passes over fields that it does not know, of every wire type', () => {
    const unknown = [
      [0xf8, 0x3f, 0xac, 0x02], // field 1023: varint
      [0xf9, 0x3f, 1, 2, 3, 4, 5, 6, 7, 8], // 64 bits
      [0xfa, 0x3f, 2, 9, 9], // bytes
      [0xfb, 0x3f, 0x08, 0x01, 0xfb, 0x3f, 0xfc, 0x3f, 0xfc, 0x3f], // a group in a group
      [0xfd, 0x3f, 1, 2, 3, 4], // 32 bits
    ].flat();
    expect(decode('PodIP', ...unknown, 0x0a, 1, 0x61, ...unknown)).toEqual({ ip: 'a' });
  });

  it('passes over a field of a wire type that it has not', () => {
    expect(decode('PodIP', 0x08, 1, 0x0a, 1, 0x61)).toEqual({ ip: 'a' });
  });

  it('merges a message that comes twice, and takes the last of two scalars', () => {
    const first = theirBytes('PodSandboxFilter', { state: {}, labelSelector: { a: '1', b: '2' } });
    const second = theirBytes('PodSandboxFilter', {
      state: { state: 'SANDBOX_NOTREADY' },
      labelSelector: { a: '3' },
    });
    expect(decodeMessage(schema.type('PodSandboxFilter'), Buffer.concat([first, second]))).toEqual({
      id: '',
      state: { state: 'SANDBOX_NOTREADY' },
      labelSelector: { a: '3', b: '2' },
    });
    expect(decode('PodIP', 0x0a, 1, 0x61, 0x0a, 1, 0x62)).toEqual({ ip: 'b' });
  });

  it('takes numbers of a list one by one as well', () => {
    const packed = encodeMessage(schema.type('LinuxContainerUser'), { supplementalGroups: [1n, -1n] });
    const loose = [0x18, 1, 0x18, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01];
    expect(decode('LinuxContainerUser', ...loose)).toEqual(
      decodeMessage(schema.type('LinuxContainerUser'), packed),
    );
  });

  it('does not let a key change an object’s prototype', () => {
    const bytes = theirBytes('PodSandboxFilter', { labelSelector: JSON.parse('{"__proto__": "x"}') });
    const { labelSelector } = decodeMessage(schema.type('PodSandboxFilter'), bytes);
    expect(Object.keys(labelSelector as object)).toEqual(['__proto__']);
    expect(Object.getPrototypeOf(labelSelector)).toBe(Object.prototype);
  });

  it('keeps nothing of the bytes that it was given', () => {
    const bytes = theirBytes('KeyValue', { key: 'k', value: Buffer.from('value') });
    const message = decodeMessage(schema.type('KeyValue'), bytes);
    bytes.fill(0);
    expect(message).toEqual({ key: 'k', value: Buffer.from('value') });
  });

  const wrongs: [string, MessageName, number[]][] = [
    ['a text that ends early', 'PodIP', [0x0a, 2, 0x61]],
    ['a length without end', 'PodIP', [0x0a, 0x80]],
    ['a length beyond 32 bits', 'PodIP', [0x0a, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x61]],
    ['a number of eleven bytes', 'PodIP', [...Array.from({ length: 11 }, () => 0x80), 1]],
    ['field 0', 'PodIP', [0x00, 1]],
    ['an end of a group', 'PodIP', [0x0c]],
    ['wire type 6', 'PodIP', [0x0e]],
    ['a group without end', 'PodIP', [0x0b, 0x08, 1]],
    ['a hundred groups and more', 'PodIP', Array.from({ length: 1000 }, () => 0x0b)],
    ['a member that is longer than its message', 'PodSandboxNetworkStatus', [0x12, 2, 0x0a, 1, 0x61]],
    ['an entry that is longer than its map’s', 'PodSandboxFilter', [0x1a, 2, 0x0a, 1, 0x61]],
    ['an enum’s number that does not exist', 'PodSandboxStateValue', [0x08, 2]],
  ];
  it.each(wrongs)('refuses %s', (_name, message, bytes) => {
    expect(() => decode(message, ...bytes)).toThrow();
  });

  it('of a message that was cut anywhere ends, with a message or an error', () => {
    const whole = theirBytes('ContainerConfig', randomMessage(theirs('ContainerConfig'), generator(5)));
    let errors = 0;
    for (let length = 0; length < Math.min(whole.length, 3000); length += 1) {
      try {
        decodeMessage(schema.type('ContainerConfig'), whole.subarray(0, length));
      } catch {
        errors += 1;
      }
    }
    expect(errors).toBeGreaterThan(10);
  });
});

describe('encoding', () => {
  it('takes bytes in place of a message', () => {
    const part = { ip: '10.0.0.1' };
    const bytes = encodeMessage(schema.type('PodIP'), part);
    const status = schema.type('PodSandboxNetworkStatus');
    expect(encodeMessage(status, { ip: 'a', additionalIps: [bytes, part, bytes] })).toEqual(
      encodeMessage(status, { ip: 'a', additionalIps: [part, part, part] }),
    );
  });

  it('does not write defaults', () => {
    const name = 'ContainerStatus';
    expect(encodeMessage(schema.type(name), complete(name, {}))).toEqual(Buffer.alloc(0));
  });

  it('gives every message bytes of its own', () => {
    const first = encodeMessage(schema.type('PodIP'), { ip: 'first' });
    encodeMessage(schema.type('PodIP'), { ip: 'other' });
    expect(first.toString()).toContain('first');
  });

  it('gives a large one its own too, and a list of encoded parts', () => {
    const part = encodeMessage(schema.type('PodIP'), { ip: 'x'.repeat(1000) });
    const additionalIps = Array.from({ length: 3000 }, () => part);
    const first = encodeMessage(schema.type('PodSandboxNetworkStatus'), { additionalIps });
    const copy = Buffer.from(first);
    const second = encodeMessage(schema.type('PodSandboxNetworkStatus'), { ip: 'y'.repeat(3_000_000) });
    expect(first.equals(copy)).toBe(true);
    expect(second.length).toBe(3_000_005);
    expect(decodeMessage(schema.type('PodSandboxNetworkStatus'), first)['additionalIps']).toHaveLength(3000);
  });

  it('goes on after a message that cannot be encoded', () => {
    expect(() => encodeMessage(schema.type('PodSandboxStateValue'), { state: 'NO_SUCH' })).toThrow(
      'state is not one of SANDBOX_READY',
    );
    expect(encodeMessage(schema.type('PodIP'), { ip: 'a' })).toEqual(Buffer.from([0x0a, 1, 0x61]));
  });

  it('carries megabytes, inside of messages inside of messages', () => {
    const big = { containers: [{ labels: { x: 'y'.repeat(5 << 20) } }, { id: 'z' }] };
    const name = 'ListContainersResponse';
    const bytes = encodeMessage(schema.type(name), big);
    expect(decodeMessage(schema.type(name), bytes)).toEqual(complete(name, big));
  });
});
