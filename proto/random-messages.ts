/** Random messages for the comparison with protobufjs: the same ones in every run. */
import protobuf from 'protobufjs';

/** A small linear congruential generator (Knuth's constants): repeatable, which Math.random is not. */
export function generator(seed: number): (below: number) => number {
  let state = BigInt(seed);
  return (below) => {
    state = BigInt.asUintN(64, state * 6364136223846793005n + 1442695040888963407n);
    return Number((state >> 33n) % BigInt(below));
  };
}

export type Random = ReturnType<typeof generator>;

const texts = ['', 'a', 'äöü', '\u{1f680}', '__proto__', 'x'.repeat(39), 'x'.repeat(40), 'é'.repeat(127)];
const longs = [0n, 1n, 127n, 128n, 2n ** 31n, 2n ** 32n, 2n ** 53n + 1n, 2n ** 63n - 1n];

function scalar(type: string, random: Random): unknown {
  const one = <T>(of: readonly T[]): T => of[random(of.length)] as T;
  switch (type) {
    case 'string':
      return random(5) === 0 ? 'y'.repeat(random(40_000)) : one(texts);
    case 'bytes':
      return Buffer.alloc(random(300), random(256));
    case 'bool':
      return random(2) === 1;
    case 'int32':
      return one([0, 1, -1, 127, 128, 2 ** 31 - 1, -(2 ** 31)]);
    case 'uint32':
      return one([0, 1, 127, 128, 16_384, 2 ** 31, 2 ** 32 - 1]);
    case 'double':
      return one([0, -0, 1.5, -1e300, Number.MIN_VALUE]);
    case 'int64':
      return one([...longs, -1n, -(2n ** 63n)]);
    case 'uint64':
      return one([...longs, 2n ** 64n - 1n]);
    default:
      throw new Error(`no values for type ${type}`);
  }
}

function single(field: protobuf.Field, random: Random, depth: number): unknown {
  const { resolvedType } = field.resolve();
  if (resolvedType instanceof protobuf.Type) return randomMessage(resolvedType, random, depth + 1);
  if (resolvedType instanceof protobuf.Enum) {
    const names = Object.keys(resolvedType.values);
    return names[random(names.length)];
  }
  return scalar(field.type, random);
}

/** Any member may be absent; of a oneof one at most is there. */
export function randomMessage(type: protobuf.Type, random: Random, depth = 0): Record<string, unknown> {
  const message: Record<string, unknown> = {};
  for (const field of type.fieldsArray) {
    const rare = depth > 2 ? 4 : 2;
    if (random(rare) !== 0) continue;
    if (field instanceof protobuf.MapField) {
      const keys = field.keyType === 'string' ? texts : ['0', '7', '-3'];
      const entries = keys
        .filter(() => random(3) === 0)
        .map((key) => [key, single(field, random, depth)] as const);
      message[field.name] = Object.fromEntries(entries);
    } else if (field.repeated) {
      message[field.name] = Array.from({ length: random(4) }, () => single(field, random, depth));
    } else if (!field.partOf?.fieldsArray.some(({ name }) => message[name] !== undefined)) {
      message[field.name] = single(field, random, depth);
    }
  }
  return message;
}
