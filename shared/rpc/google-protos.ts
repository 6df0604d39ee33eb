/**
 * The messages that every gRPC client knows: details of errors, health and reflection, with the names and numbers of
 * https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto and https://github.com/grpc/grpc-proto.
 */

import { type DescMessage, type DescService, type FileRegistry, fromJson, type JsonValue } from '@bufbuild/protobuf'
import {
  file_google_protobuf_duration,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import { once } from '../base/once.ts'
import { registryOf } from './descriptors.ts'

type Field = Readonly<Record<string, JsonValue>>
/** `string`, `repeated .package.Message`, `map`: from text to text. Those with a `choice` exclude one another. */
type FieldSpec = readonly [number: number, type: string, choice?: true]

const SCALARS: Readonly<Record<string, string>> = {
  string: 'TYPE_STRING',
  bytes: 'TYPE_BYTES',
  int32: 'TYPE_INT32',
}

function message(
  name: string,
  fields: Readonly<Record<string, FieldSpec>>,
  choice = '',
  nested: JsonValue[] = [],
): JsonValue {
  const entries = Object.entries(fields).filter(([, [, type]]) => type.startsWith('map '))
  return {
    name,
    field: Object.entries(fields).map(([one, spec]) => field(one, spec)),
    ...(choice === '' ? {} : { oneofDecl: [{ name: choice }] }),
    nestedType: [
      ...nested,
      ...entries.map(([, [, type]]) => ({
        name: type.slice(type.lastIndexOf('.') + 1),
        field: [field('key', [1, 'string']), field('value', [2, 'string'])],
        options: { mapEntry: true },
      })),
    ],
  }
}

function field(name: string, [number, type, choice]: FieldSpec): Field {
  const [, prefix, kind] = /^(repeated |map |enum )?(.+)$/.exec(type)!
  return {
    name,
    number,
    label: prefix === 'repeated ' || prefix === 'map ' ? 'LABEL_REPEATED' : 'LABEL_OPTIONAL',
    ...(Object.hasOwn(SCALARS, kind!)
      ? { type: SCALARS[kind!]! }
      : { type: prefix === 'enum ' ? 'TYPE_ENUM' : 'TYPE_MESSAGE', typeName: kind! }),
    ...(choice ? { oneofIndex: 0 } : {}),
  }
}

const errorDetails: JsonValue = {
  name: 'google/rpc/error_details.proto',
  package: 'google.rpc',
  syntax: 'proto3',
  dependency: ['google/protobuf/duration.proto'],
  messageType: [
    message('ErrorInfo', {
      reason: [1, 'string'],
      domain: [2, 'string'],
      metadata: [3, 'map .google.rpc.ErrorInfo.MetadataEntry'],
    }),
    message('RetryInfo', { retry_delay: [1, '.google.protobuf.Duration'] }),
    message('BadRequest', { field_violations: [1, 'repeated .google.rpc.BadRequest.FieldViolation'] }, '', [
      message('FieldViolation', { field: [1, 'string'], description: [2, 'string'] }),
    ]),
  ],
}

const HEALTH = '.grpc.health.v1'
const health: JsonValue = {
  name: 'grpc/health/v1/health.proto',
  package: 'grpc.health.v1',
  syntax: 'proto3',
  messageType: [
    message('HealthCheckRequest', { service: [1, 'string'] }),
    {
      ...(message('HealthCheckResponse', {
        status: [1, `enum ${HEALTH}.HealthCheckResponse.ServingStatus`],
      }) as object),
      enumType: [
        {
          name: 'ServingStatus',
          value: ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'].map((name, number) => ({ name, number })),
        },
      ],
    },
  ],
  service: [
    {
      name: 'Health',
      method: [
        { name: 'Check', inputType: `${HEALTH}.HealthCheckRequest`, outputType: `${HEALTH}.HealthCheckResponse` },
        {
          name: 'Watch',
          inputType: `${HEALTH}.HealthCheckRequest`,
          outputType: `${HEALTH}.HealthCheckResponse`,
          serverStreaming: true,
        },
      ],
    },
  ],
}

/** Both versions have the same messages; Python's own client speaks the former alone. */
const REFLECTION_VERSIONS = ['v1', 'v1alpha'] as const
const reflectionOf = (version: (typeof REFLECTION_VERSIONS)[number]): JsonValue => {
  const packageName = `grpc.reflection.${version}`
  return {
    name: `grpc/reflection/${version}/reflection.proto`,
    package: packageName,
    syntax: 'proto3',
    messageType: [
      message(
        'ServerReflectionRequest',
        {
          host: [1, 'string'],
          file_by_filename: [3, 'string', true],
          file_containing_symbol: [4, 'string', true],
          file_containing_extension: [5, `.${packageName}.ExtensionRequest`, true],
          all_extension_numbers_of_type: [6, 'string', true],
          list_services: [7, 'string', true],
        },
        'message_request',
      ),
      message('ExtensionRequest', { containing_type: [1, 'string'], extension_number: [2, 'int32'] }),
      message(
        'ServerReflectionResponse',
        {
          valid_host: [1, 'string'],
          original_request: [2, `.${packageName}.ServerReflectionRequest`],
          file_descriptor_response: [4, `.${packageName}.FileDescriptorResponse`, true],
          all_extension_numbers_response: [5, `.${packageName}.ExtensionNumberResponse`, true],
          list_services_response: [6, `.${packageName}.ListServiceResponse`, true],
          error_response: [7, `.${packageName}.ErrorResponse`, true],
        },
        'message_response',
      ),
      message('FileDescriptorResponse', { file_descriptor_proto: [1, 'repeated bytes'] }),
      message('ExtensionNumberResponse', { base_type_name: [1, 'string'], extension_number: [2, 'repeated int32'] }),
      message('ListServiceResponse', { service: [1, `repeated .${packageName}.ServiceResponse`] }),
      message('ServiceResponse', { name: [1, 'string'] }),
      message('ErrorResponse', { error_code: [1, 'int32'], error_message: [2, 'string'] }),
    ],
    service: [
      {
        name: 'ServerReflection',
        method: [
          {
            name: 'ServerReflectionInfo',
            inputType: `.${packageName}.ServerReflectionRequest`,
            outputType: `.${packageName}.ServerReflectionResponse`,
            clientStreaming: true,
            serverStreaming: true,
          },
        ],
      },
    ],
  }
}

const googleFiles: () => readonly FileDescriptorProto[] = once(() =>
  [errorDetails, health, ...REFLECTION_VERSIONS.map(reflectionOf)].map((file) =>
    fromJson(FileDescriptorProtoSchema, file),
  ),
)
/** With the one of protobuf's own on which they depend: not every client brings it. */
export const reflectedFiles = (): readonly FileDescriptorProto[] => [
  ...googleFiles(),
  file_google_protobuf_duration.proto,
]
const registry: () => FileRegistry = once(() => registryOf(googleFiles(), [file_google_protobuf_duration]))

export const googleMessage = (name: string): DescMessage => registry().getMessage(name)!
export const googleService = (name: string): DescService => registry().getService(name)!
