import { describe, expect, it } from 'vitest';
import { FrameReader } from './framing.ts';
import { decodeFrame, encodeRequest } from './protocol.ts';

function framed(...bodies: string[]): Buffer {
  return Buffer.concat(
    bodies.map((body) => {
      const head = Buffer.alloc(4);
      head.writeUInt32BE(body.length);
      return Buffer.concat([head, Buffer.from(body)]);
    }),
  );
}

describe('frames', () => {
  it.each([1, 2, 3, 4, 5, 7, 100])('arrive whole in chunks of %d bytes', (size) => {
    const got: string[] = [];
    const reader = new FrameReader(100, (body) => got.push(body.toString()));
    const bytes = framed('one', '', 'three and more');
    for (let at = 0; at < bytes.length; at += size) reader.push(bytes.subarray(at, at + size));
    expect(got).toEqual(['one', '', 'three and more']);
  });

  it('end the connection when they are too long', () => {
    const reader = new FrameReader(3, () => {});
    expect(() => reader.push(framed('four'))).toThrow(/limit of 3/);
  });
});

describe('the protocol', () => {
  it('keeps 64-bit numbers whole', () => {
    const grace = '9007199254740993123';
    const bytes = encodeRequest(5, { stopPod: { grace } });
    expect(bytes.readUInt32BE(0)).toBe(bytes.length - 4);
    const frame = decodeFrame(bytes.subarray(4)) as { request?: { id: bigint; stopPod: { grace: bigint } } };
    expect(frame.request?.id).toBe(5n);
    expect(frame.request?.stopPod.grace).toBe(9007199254740993123n);
  });
});
