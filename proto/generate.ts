/**
 * Writes `generated/messages.ts` and `generated/schema.ts`, types and a schema, of `src/cri-types` and of `src/nri`: run it
 * after a change to their .proto files (`node proto/generate.ts`); a test fails while they differ. Development only.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import protobuf from 'protobufjs';

/** `.package.Message.number` → the field's name in the file: the parser otherwise gives the camelCase form alone. */
type WireNames = ReadonlyMap<string, string>;

function wireNamesOf(source: string): WireNames {
  return new Map(
    objectsOf(protobuf.parse(source, { keepCase: true }).root).flatMap((o) =>
      o instanceof protobuf.Type ? o.fieldsArray.map((f) => [`${o.fullName}.${f.id}`, f.name] as const) : [],
    ),
  );
}

const scalars: Readonly<Record<string, string>> = {
  string: 'string',
  bytes: 'Uint8Array',
  bool: 'boolean',
  int32: 'number',
  uint32: 'number',
  double: 'number',
  int64: 'bigint',
  uint64: 'bigint',
};

/** `SecurityProfile.ProfileType` → `SecurityProfileProfileType`. */
function flatName(object: protobuf.ReflectionObject): string {
  const names = object.fullName.split('.');
  return names.slice(names.findIndex((name) => /^[A-Z]/.test(name))).join('');
}

function kindOf(field: protobuf.Field): string {
  field.resolve();
  if (field.resolvedType) return flatName(field.resolvedType);
  if (scalars[field.type] === undefined) throw new Error(`${field.fullName}: no rule for type ${field.type}`);
  return field.type;
}

function memberType(field: protobuf.Field, suffix: string): string {
  const kind = kindOf(field);
  const lenient = suffix !== '' && scalars[kind] === 'bigint' ? 'bigint | number' : undefined;
  const one =
    lenient ?? scalars[kind] ?? (field.resolvedType instanceof protobuf.Type ? kind + suffix : kind);
  if (field instanceof protobuf.MapField) return `Readonly<Record<string, ${one}>>`;
  return field.repeated ? `readonly ${one.includes(' ') ? `(${one})` : one}[]` : one;
}

function interfaces(type: protobuf.Type): string {
  const isMessage = (f: protobuf.Field): boolean =>
    f.resolvedType instanceof protobuf.Type && !f.repeated && !(f instanceof protobuf.MapField);
  const full = type.fieldsArray.map((f) =>
    isMessage(f)
      ? `  readonly ${f.name}?: ${memberType(f, '')} | undefined;`
      : `  readonly ${f.name}: ${memberType(f, '')};`,
  );
  const init = type.fieldsArray.map((f) => `  readonly ${f.name}?: ${memberType(f, 'Init')} | undefined;`);
  const name = flatName(type);
  const body = (lines: string[]): string => (lines.length === 0 ? 'Record<string, never>;' : '');
  if (full.length === 0) return `export type ${name} = ${body(full)}\nexport type ${name}Init = ${name};`;
  return `export interface ${name} {\n${full.join('\n')}\n}\nexport interface ${name}Init {\n${init.join('\n')}\n}`;
}

function schemaEntry(type: protobuf.Type, wireNames: WireNames): string {
  const fields = type.fieldsArray.map((f) => {
    const shape = f instanceof protobuf.MapField ? 'map' : f.repeated ? 'list' : 'one';
    const wireName = wireNames.get(`${type.fullName}.${f.id}`) ?? f.name;
    const keys = f instanceof protobuf.MapField && f.keyType !== 'string' ? `, '${f.keyType}'` : '';
    return `    ${f.name}: ['${shape}', '${kindOf(f)}', '${wireName}', ${f.id}${keys}],`;
  });
  return `  ${flatName(type)}: {${fields.length === 0 ? '' : `\n${fields.join('\n')}\n  `}},`;
}

function objectsOf(space: protobuf.NamespaceBase): protobuf.ReflectionObject[] {
  return space.nestedArray.flatMap((o) => [o, ...(o instanceof protobuf.Namespace ? objectsOf(o) : [])]);
}

export interface GeneratedFile {
  readonly path: string;
  readonly content: string;
}

const targets: readonly (readonly [proto: string, folder: string])[] = [
  ['cri/api.proto', 'src/cri-types'],
  ['nri/nri.proto', 'src/nri'],
];

/** Every file's content as it should be. */
export function generate(): GeneratedFile[] {
  return targets.flatMap(([proto, folder]) => generateTypes(proto, folder));
}

function generateTypes(proto: string, folder: string): GeneratedFile[] {
  const source = readFileSync(new URL(proto, import.meta.url), 'utf8');
  const wireNames = wireNamesOf(source);
  const { root } = protobuf.parse(source, { keepCase: false });
  root.resolveAll();
  const all = objectsOf(root);
  const types = all.filter((o) => o instanceof protobuf.Type);
  const enums = all.filter((o) => o instanceof protobuf.Enum);
  for (const e of enums) {
    // complete.ts takes a name's place in the list for its number.
    if (!Object.values(e.values).every((number, index) => number === index))
      throw new Error(`${e.fullName} has gaps`);
  }
  const services = all.filter((o) => o instanceof protobuf.Service);
  const union = (e: protobuf.Enum): string =>
    `export type ${flatName(e)} =\n${Object.keys(e.values)
      .map((v) => `  | '${v}'`)
      .join('\n')};`;
  const map = (suffix: string): string =>
    types.map((t) => `  ${flatName(t)}: ${flatName(t)}${suffix};`).join('\n');
  const methods = (s: protobuf.Service): string =>
    s.methodsArray
      .map(
        (m) =>
          `  ${m.name}: { request: '${m.requestType}', response: '${m.responseType}', stream: ${m.responseStream === true} },`,
      )
      .join('\n');
  const note = `// Written by proto/generate.ts from proto/${proto}. Do not edit.`;
  const path = (name: string): string =>
    fileURLToPath(new URL(`../${folder}/generated/${name}`, import.meta.url));
  return [
    {
      path: path('messages.ts'),
      content: [
        note,
        ...enums.map(union),
        ...types.map(interfaces),
        `/** Every message by its name, as it is when decoded. */\nexport interface Messages {\n${map('')}\n}`,
        `/** Every message by its name, as it may be given for encoding: whatever is absent has its default. */\nexport interface MessageInits {\n${map('Init')}\n}`,
        '',
      ].join('\n\n'),
    },
    {
      path: path('schema.ts'),
      content: [
        note,
        `/** Message → field → its shape, its type (a scalar, or the name of a message or an enum), its name in the file and its number. */\nexport const fields = {\n${types.map((t) => schemaEntry(t, wireNames)).join('\n')}\n} as const;`,
        `/** Enum → its names; the first is the default. */\nexport const enums = {\n${enums
          .map(
            (e) =>
              `  ${flatName(e)}: [${Object.keys(e.values)
                .map((v) => `'${v}'`)
                .join(', ')}],`,
          )
          .join('\n')}\n} as const;`,
        ...services.map(
          (s) => `export const ${s.name[0]?.toLowerCase()}${s.name.slice(1)} = {\n${methods(s)}\n} as const;`,
        ),
        '',
      ].join('\n\n'),
    },
  ];
}

if (import.meta.main) for (const file of generate()) writeFileSync(file.path, file.content);
