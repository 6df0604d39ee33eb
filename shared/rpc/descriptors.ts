/** Builds the descriptors of recorded messages and services, in memory: no code is generated. */

import { create, createFileRegistry, type DescFile, type FileRegistry } from '@bufbuild/protobuf'
import {
  type DescriptorProto,
  DescriptorProtoSchema,
  FieldDescriptorProto_Label,
  FieldDescriptorProto_Type,
  FieldDescriptorProtoSchema,
  type FileDescriptorProto,
  FileDescriptorProtoSchema,
  FileDescriptorSetSchema,
  MethodDescriptorProtoSchema,
  MethodOptions_IdempotencyLevel,
  ServiceDescriptorProtoSchema,
} from '@bufbuild/protobuf/wkt'
import { fileOf, serviceNameOf } from './names.ts'
import {
  fieldNameOf,
  isScalar,
  type MessageRecord,
  type PackageRecord,
  requestOf,
  responseOf,
  type ScalarType,
} from '../contracts/rpc-record.ts'

const types: Readonly<Record<ScalarType, FieldDescriptorProto_Type>> = {
  string: FieldDescriptorProto_Type.STRING,
  bool: FieldDescriptorProto_Type.BOOL,
  int64: FieldDescriptorProto_Type.INT64,
  double: FieldDescriptorProto_Type.DOUBLE,
}

/** @param packageName `millrace.kitchen.v1` */
export function fileDescriptor(packageName: string, { methods, messages }: PackageRecord): FileDescriptorProto {
  const owner = packageName.split('.').at(-2)!.replaceAll('_', '-')
  return create(FileDescriptorProtoSchema, {
    name: fileOf(packageName),
    package: packageName,
    syntax: 'proto3',
    messageType: nested(packageName, messages, ''),
    service: [
      create(ServiceDescriptorProtoSchema, {
        name: serviceNameOf(owner),
        method: Object.entries(methods).map(([name, { reads }]) =>
          create(MethodDescriptorProtoSchema, {
            name,
            inputType: `.${packageName}.${requestOf(name)}`,
            outputType: `.${packageName}.${responseOf(name)}`,
            ...(reads ? { options: { idempotencyLevel: MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS } } : {}),
          }),
        ),
      }),
    ],
  })
}

/** The messages of one level, with those inside of them. @param outer Its name with a dot, or nothing. */
export function nested(packageName: string, messages: PackageRecord['messages'], outer: string): DescriptorProto[] {
  return Object.entries(messages)
    .filter(([name]) => name.startsWith(outer) && !name.slice(outer.length).includes('.'))
    .map(([name, fields]) =>
      create(DescriptorProtoSchema, {
        name: name.slice(outer.length),
        ...fieldsOf(packageName, fields),
        nestedType: nested(packageName, messages, `${name}.`),
      }),
    )
}

/** Every single scalar has presence, so that what is absent is not taken for 0 or an empty text. */
function fieldsOf(packageName: string, fields: MessageRecord): Pick<DescriptorProto, 'field' | 'oneofDecl'> {
  const oneofs: string[] = []
  const field = Object.entries(fields).map(([jsonName, { number, type, repeated }]) => {
    const name = fieldNameOf(jsonName)
    const isOptional = !repeated && isScalar(type)
    if (isOptional) oneofs.push(`_${name}`)
    return create(FieldDescriptorProtoSchema, {
      name,
      jsonName,
      number,
      label: repeated ? FieldDescriptorProto_Label.REPEATED : FieldDescriptorProto_Label.OPTIONAL,
      ...(isScalar(type)
        ? { type: types[type] }
        : { type: FieldDescriptorProto_Type.MESSAGE, typeName: `.${packageName}.${type}` }),
      ...(isOptional ? { proto3Optional: true, oneofIndex: oneofs.length - 1 } : {}),
    })
  })
  return { field, oneofDecl: oneofs.map((name) => ({ $typeName: 'google.protobuf.OneofDescriptorProto', name })) }
}

/** @param known Files that those name as their dependencies. */
export const registryOf = (files: readonly FileDescriptorProto[], known: readonly DescFile[] = []): FileRegistry =>
  createFileRegistry(create(FileDescriptorSetSchema, { file: [...known.map(({ proto }) => proto), ...files] }))
