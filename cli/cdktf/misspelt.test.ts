import { expect, it } from 'vitest'
import { misspelt } from './misspelt.ts'

const known = { environments: ['dev', 'prod'], services: ['tickets', 'seating'] }
const of = (line: string): string | undefined => misspelt(line.split(' '), known)

it.each([
  ['depoly dev-tickets', 'cdktf has no command depoly. Did you mean deploy?'],
  ['toString', /^cdktf has no command toString. There are: deploy, apply, .*watch\.$/],
  ['deploy dev-tikets', 'There is no stack dev-tikets. Did you mean dev-tickets?'],
  [
    'deploy dev-bus dev-everything',
    /^There is no stack dev-everything. There are: dev-platform, dev-bus, dev-tickets, /,
  ],
  ['diff porduction-bus', 'There is no environment porduction. There are: dev, prod.'],
  ['destroy dve-bus', 'There is no environment dve. Did you mean dev?'],
  ['deploy prod', "prod is an environment: deploy takes stacks, such as prod-platform, or 'prod-*' for all of it."],
  ['deploy dev-t*x', /^There is no stack dev-t\*x/],
  ['deploy --auto-approve dev-tikets', /dev-tikets. Did you mean/],
])('%s is refused', (line, message) => {
  expect(of(line)).toEqual(typeof message === 'string' ? message : expect.stringMatching(message))
})

it.each([
  '--help',
  '--version',
  'deploy',
  'deploy --help',
  'deploy dev-tickets dev-bus --auto-approve',
  'apply prod-*',
  'plan *',
  'diff dev-seating --parallelism 2 --var name=value --unknown value',
  'deploy dev-bus --outputs-file=out.json -y',
  'destroy local-bus',
  'provider add google@~>6.0',
  'synth anything',
])('%s is taken', (line) => expect(of(line)).toBeUndefined())
