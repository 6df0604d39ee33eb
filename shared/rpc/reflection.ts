/** Server reflection: clients without the `.proto` files ask for them. https://github.com/grpc/grpc/blob/master/doc/server-reflection.md */

import { type DescService, type Message, toBinary } from '@bufbuild/protobuf'
import { type FileDescriptorProto, FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt'
import { Code, ConnectError } from '@connectrpc/connect'

interface ReflectionRequest {
  readonly messageRequest: { readonly case?: string; readonly value?: unknown }
}

/** The longest conversation in one stream. */
const MAX_REQUESTS = 1_000

/** @param files With those that they depend on. */
export function createReflection(
  files: readonly FileDescriptorProto[],
  services: readonly DescService[],
): (requests: AsyncIterable<Message>) => AsyncIterable<object> {
  const byName = new Map(files.map((file) => [file.name, file]))
  const bySymbol = new Map(files.flatMap((file) => symbolsOf(file).map((symbol) => [symbol, file] as const)))

  const answer = ({ messageRequest: { case: kind, value } }: ReflectionRequest): object => {
    if (kind === 'listServices')
      return { case: 'listServicesResponse', value: { service: services.map(({ typeName: name }) => ({ name })) } }
    if (kind === 'fileByFilename' || kind === 'fileContainingSymbol') {
      const name = String(value)
      const file = kind === 'fileByFilename' ? byName.get(name) : bySymbol.get(name)
      if (!file) return failed(Code.NotFound, `There is no ${name}.`)
      return {
        case: 'fileDescriptorResponse',
        value: { fileDescriptorProto: [toBinary(FileDescriptorProtoSchema, file)] },
      }
    }
    return failed(Code.Unimplemented, 'No message has extensions: ask for a file, a symbol, or the list of services.')
  }

  return async function* reflect(requests) {
    let count = 0
    for await (const request of readable(requests)) {
      if (++count > MAX_REQUESTS) return
      yield { originalRequest: request, messageResponse: answer(request as Message & ReflectionRequest) }
    }
  }
}

/** The library takes a message that it can not read for a failure of its own. */
async function* readable(requests: AsyncIterable<Message>): AsyncIterable<Message> {
  try {
    yield* requests
  } catch (error) {
    const { code, rawMessage } = ConnectError.from(error)
    throw code === Code.Internal ? new ConnectError(rawMessage, Code.InvalidArgument) : error
  }
}

const failed = (errorCode: Code, errorMessage: string): object => ({
  case: 'errorResponse',
  value: { errorCode, errorMessage },
})

function symbolsOf({ package: packageName, messageType, service }: FileDescriptorProto): string[] {
  const inside = (outer: string, messages: FileDescriptorProto['messageType']): string[] =>
    messages.flatMap(({ name, nestedType }) => [`${outer}.${name}`, ...inside(`${outer}.${name}`, nestedType)])
  return [
    ...inside(packageName, messageType),
    ...service.flatMap(({ name, method }) => [
      `${packageName}.${name}`,
      ...method.map((one) => `${packageName}.${name}.${one.name}`),
    ]),
  ]
}
