/** Flags by the rules of the migration, as a provider of OpenFeature: https://openfeature.dev/specification/sections/providers */

import {
  ErrorCode,
  type EvaluationContext,
  type JsonValue,
  type Provider,
  type ResolutionDetails,
} from '@openfeature/server-sdk'
import { decide, type Rules } from './rules.ts'

/** @param current The rules of now. */
export function rulesProvider(current: () => Rules): Provider {
  function resolve<T>(
    type: 'string' | 'boolean',
    flag: string,
    byDefault: T,
    { targetingKey: caller }: EvaluationContext,
  ): ResolutionDetails<T> {
    const { flags, killed } = current()
    if (!Object.hasOwn(flags, flag))
      return { value: byDefault, errorCode: ErrorCode.FLAG_NOT_FOUND, errorMessage: `There is no flag ${flag}.` }
    const { value, reason } = decide(flag, flags[flag]!, { killed, caller })
    if (typeof value === type) return { value: value as T, variant: String(value), reason }
    return { value: byDefault, errorCode: ErrorCode.TYPE_MISMATCH, errorMessage: `The flag ${flag} is no ${type}.` }
  }
  const noSuchType = async <T>(flag: string, value: T): Promise<ResolutionDetails<T>> => ({
    value,
    errorCode: ErrorCode.TYPE_MISMATCH,
    errorMessage: `The flag ${flag} is a text or a boolean.`,
  })
  return {
    metadata: { name: 'rules of the migration' },
    runsOn: 'server',
    resolveStringEvaluation: async (flag, byDefault, context) => resolve('string', flag, byDefault, context),
    resolveBooleanEvaluation: async (flag, byDefault, context) => resolve('boolean', flag, byDefault, context),
    resolveNumberEvaluation: noSuchType,
    resolveObjectEvaluation: <T extends JsonValue>(flag: string, byDefault: T) => noSuchType(flag, byDefault),
  }
}
