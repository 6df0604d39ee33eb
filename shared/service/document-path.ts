/** The path of a document beside the streams, in a collection that the service's description declares. */

import { documentId } from '../base/ids.ts'
import type { Service } from './service.ts'

declare const isDeclared: unique symbol
/** `collection/id`, made by `documentPath`. */
export type DocumentPath = string & { readonly [isDeclared]: true }

type DeclaredIn<S extends Pick<Service, 'collections'>> = [S] extends [never]
  ? never
  : Exclude<keyof S['collections'] & string, 'streams'>

/**
 * The path of a document: `documentPath<typeof library>('shelves', 'a/1')`. A collection that the description of `library` does
 * not declare does not compile. The id is any text.
 */
export const documentPath = <S extends Pick<Service, 'collections'> = never>(
  collection: DeclaredIn<S>,
  id: string,
): DocumentPath => `${collection}/${documentId(id)}` as DocumentPath
