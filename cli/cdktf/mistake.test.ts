import { describe, expect, it } from 'vitest'
import { stackOrderOf } from '../../shared/service/stack-order.ts'
import { mistakeIn, readLine } from './mistake.ts'

const known = {
  environments: ['dev', 'prod'],
  stacks: stackOrderOf([
    { name: 'tickets', ingress: 'internal' },
    { name: 'seating', ingress: 'internal' },
    { name: 'door', ingress: 'public' },
  ]),
}
const of = (line: string): string | undefined => mistakeIn(line.split(' '), known)

it.each<[string, string | RegExp]>([
  ['depoly dev-tickets', 'cdktf has no command depoly. Did you mean deploy?'],
  ['toString', /^cdktf has no command toString. There are: deploy, apply, .*provider\.$/],
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
  [
    'destroy local-bus',
    'local-bus is not for Google Cloud: npm start runs the local stacks. Those to destroy begin with dev, prod.',
  ],
  ['deploy *', /^\* is not for Google Cloud/],
  ['deploy *-bus', /^\*-bus is not for Google Cloud/],
])('a word that names nothing: %s', (line, message) => {
  expect(of(line)).toEqual(typeof message === 'string' ? message : expect.stringMatching(message))
})

it.each([
  [
    'deploy',
    "deploy needs the names of stacks, such as dev-platform or 'dev-*' for all of dev: npm run cdktf -- list prints them.",
  ],
  ['destroy --auto-approve', /^destroy needs the names of stacks/],
  ['output --outputs-file=x', /^output needs the names of stacks/],
  ['watch', /^watch needs the names of stacks/],
  ['diff', 'diff needs the name of one stack, such as dev-platform: npm run cdktf -- list prints them.'],
  ['plan --skip-synth', /^plan needs the name of one stack/],
  ['diff dev-bus dev-platform', 'diff takes one stack, and "dev-platform" is one too many: run it for each stack.'],
  ['diff dev-*', 'diff takes the name of one stack, and no pattern as "dev-*".'],
  ['deploy --var digest=x dev-bus', '--var "dev-bus": it takes NAME=VALUE. The names of stacks come before it.'],
])('a wrong number of stacks: %s', (line, message) => {
  expect(of(line)).toEqual(typeof message === 'string' ? message : expect.stringMatching(message))
})

it.each([
  [
    'deploy dev-bus --auto-aprove',
    'cdktf deploy has no option --auto-aprove, and would ignore it. Did you mean --auto-approve?',
  ],
  ['diff dev-bus --auto-approve', /^cdktf diff has no option --auto-approve, and would ignore it\. There are: --app, /],
  ['deploy dev-bus -y', /^cdktf deploy has no option -y,/],
  ['deploy dev-bus --toString', /^cdktf deploy has no option --to-string,/],
  ['list --jsno', /^cdktf list has no option --jsno,/],
  ['deploy dev-bus --outputs-file', '--outputs-file has no value: it takes FILE.'],
  ['deploy dev-bus --parallelism --auto-approve', '--parallelism has no value: it takes N.'],
  ['deploy dev-bus --parallelism=many', '--parallelism "many": it takes a whole number.'],
  ['diff dev-bus --var-file package.json none.tfvars', '--var-file none.tfvars: there is no such file.'],
])('an option that CDKTF would ignore or refuse later: %s', (line, message) => {
  expect(of(line)).toEqual(typeof message === 'string' ? message : expect.stringMatching(message))
})

it.each([
  [
    'deploy dev-bus dev-tickets',
    'dev-bus depends on dev-platform: name what lacks too, or deploy one stack at a time.',
  ],
  ['apply dev-platform dev-bus dev-door', /^dev-door depends on dev-tickets, dev-seating:/],
  ['deploy dev-platform prod-bus', /^prod-bus depends on prod-platform:/],
  [
    'destroy dev-bus',
    "dev-tickets, dev-seating, dev-door depend on dev-bus: destroy them with it, as 'dev-*', or first.",
  ],
  ['destroy dev-door', "dev-observability depends on dev-door: destroy them with it, as 'dev-*', or first."],
])('stacks without those that CDKTF requires: %s', (line, message) => {
  expect(of(line)).toEqual(typeof message === 'string' ? message : expect.stringMatching(message))
})

it.each([
  '--help',
  '--version',
  'deploy --help',
  'deploy dev-tickets',
  'deploy dev-bus dev-platform --auto-approve',
  'deploy dev-tickets dev-bus --ignore-missing-stack-dependencies',
  'apply prod-*',
  'diff dev-seating --terraform-parallelism 2 --var name=value other=value --noColor',
  'diff dev-seating --terraform-parallelism=-1',
  'deploy dev-bus --outputs-file=out.json --no-auto-approve -o out',
  'destroy dev-observability',
  'destroy prod-*',
  'provider add google@~>6.0',
  'synth --hcl',
])('%s is taken', (line) => expect(of(line)).toBeUndefined())

describe('the words of a line', () => {
  it('are stacks, options and their values', () => {
    expect(readLine('deploy dev-bus --var a=1 b=2 -o out --auto-approve dev-door --parallelism=3'.split(' '))).toEqual({
      command: 'deploy',
      words: ['dev-bus', 'dev-door'],
      options: [
        { name: 'var', values: ['a=1', 'b=2'] },
        { name: 'output', values: ['out'] },
        { name: 'auto-approve', values: [] },
        { name: 'parallelism', values: ['3'] },
      ],
    })
  })
})
