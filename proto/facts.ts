// What a .proto file says, as data, and the comparison of that with an upstream interface's facts.
import { readFileSync } from 'node:fs';
import protobuf from 'protobufjs';
import { describe, expect, it } from 'vitest';

interface FieldFacts {
  readonly name: string;
  readonly number: number;
  readonly type: string;
  readonly label?: string;
  readonly oneof?: string;
  readonly deprecated?: boolean;
}
interface MessageFacts {
  readonly fields: readonly FieldFacts[];
  readonly reserved?: readonly string[];
}
interface RpcFacts {
  readonly request: string;
  readonly response: string;
  readonly client_stream?: boolean;
  readonly server_stream?: boolean;
}
export interface Facts {
  readonly package: string;
  readonly services: Readonly<Record<string, Readonly<Record<string, RpcFacts>>>>;
  readonly messages: Readonly<Record<string, MessageFacts>>;
  readonly enums: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

function fieldFacts(field: protobuf.Field): FieldFacts {
  const map = field instanceof protobuf.MapField;
  // proto3's `optional` is a oneof of one that the parser makes up.
  const optional = field.partOf?.isProto3Optional === true;
  return {
    name: field.name,
    number: field.id,
    type: map ? `map<${field.keyType},${field.type}>` : field.type,
    ...(field.repeated ? { label: 'repeated' } : optional ? { label: 'optional' } : {}),
    ...(field.partOf && !optional ? { oneof: field.partOf.name } : {}),
    ...(field.getOption('deprecated') === true ? { deprecated: true } : {}),
  };
}

function reservedFacts(type: protobuf.Type): readonly string[] {
  return (type.reserved ?? []).map((range) =>
    typeof range === 'string'
      ? `"${range}"`
      : range[0] === range[1]
        ? `${range[0]}`
        : `${range[0]} to ${range[1]}`,
  );
}

/** What a .proto file says. */
export function factsOf(source: string): Facts {
  const parsed = protobuf.parse(source, { keepCase: true });
  const messages: Record<string, MessageFacts> = {};
  const enums: Record<string, Record<string, number>> = {};
  const services: Record<string, Record<string, RpcFacts>> = {};
  const visit = (space: protobuf.NamespaceBase): void => {
    for (const object of space.nestedArray) {
      const name = object.fullName.slice(`.${parsed.package}.`.length);
      if (object instanceof protobuf.Type) {
        const reserved = reservedFacts(object);
        messages[name] = {
          fields: object.fieldsArray.map(fieldFacts),
          ...(reserved.length > 0 ? { reserved } : {}),
        };
      } else if (object instanceof protobuf.Enum) enums[name] = { ...object.values };
      else if (object instanceof protobuf.Service) {
        services[name] = Object.fromEntries(object.methodsArray.map((m) => [m.name, rpcFacts(m)]));
      }
      if (object instanceof protobuf.Namespace) visit(object);
    }
  };
  visit(parsed.root);
  return { package: parsed.package ?? '', services, messages, enums };
}

function rpcFacts(method: protobuf.Method): RpcFacts {
  return {
    request: method.requestType,
    response: method.responseType,
    ...(method.requestStream ? { client_stream: true } : {}),
    ...(method.responseStream ? { server_stream: true } : {}),
  };
}

const byNumber = (fields: readonly FieldFacts[]): FieldFacts[] =>
  [...fields].sort((a, b) => a.number - b.number);

const read = (url: URL): string => readFileSync(url, 'utf8');

/** One test a message, so that a difference names it; `counts` are of the facts, so that a shortened fixture is noticed. */
export function describeFacts(
  proto: URL,
  fixture: URL,
  counts: { readonly messages: number; readonly enums: number },
): void {
  describe(`${proto.pathname.replace(/.*\//, '')} against facts.json`, () => {
    const facts = JSON.parse(read(fixture)) as Facts;
    const ours = factsOf(read(proto));

    it('has as many of everything as the interface', () => {
      expect(Object.keys(facts.messages)).toHaveLength(counts.messages);
      expect(Object.keys(facts.enums)).toHaveLength(counts.enums);
      expect(ours.package).toBe(facts.package);
      expect(Object.keys(ours.messages).sort()).toEqual(Object.keys(facts.messages).sort());
      expect(Object.keys(ours.enums).sort()).toEqual(Object.keys(facts.enums).sort());
    });

    it.each(Object.keys(facts.messages))('message %s', (name) => {
      const mine = ours.messages[name];
      const theirs = facts.messages[name];
      expect(byNumber(mine?.fields ?? [])).toEqual(byNumber(theirs?.fields ?? []));
      expect(mine?.reserved ?? []).toEqual(theirs?.reserved ?? []);
    });

    it('enums', () => {
      expect(ours.enums).toEqual(facts.enums);
    });

    it('services, with requests, responses and streaming', () => {
      expect(ours.services).toEqual(facts.services);
    });
  });
}
